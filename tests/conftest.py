"""Fixtures for all tests."""

pytest_plugins = ["support.cluster", "support.libraries"]
