"""Screens: clusters, projects, the job list, one job."""
