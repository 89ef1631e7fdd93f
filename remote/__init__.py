"""Reaching a cluster: sessions, the agent, schedulers, submission and monitoring."""
