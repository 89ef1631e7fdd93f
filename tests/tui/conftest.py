"""What every test of the interface has: folders of its own."""

import pytest
from support.homes import homes


@pytest.fixture(autouse=True)
def nobodys_homes(request, tmp_path_factory, monkeypatch):
    """A form kept by one test is not brought back in another.

    The command line's tests share their project, and bring folders for it.
    """
    if "cli" in request.path.parts:
        return
    for key, value in homes(tmp_path_factory.mktemp("homes")).items():
        monkeypatch.setenv(key, value)
