"""Fixtures of the tests of everything together."""

import pytest


@pytest.fixture(autouse=True)
def _own_folders(own_homes):
    """Nothing of whoever runs the tests is read or written."""
