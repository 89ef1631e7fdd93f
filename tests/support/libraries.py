"""The array libraries that portable functions run on in tests.

`library` is a fixture; each of its values makes arrays, says whether an array is one of
its own, and gives the numbers back as numpy's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from engine.arrays import array_namespace, to_host


@dataclass(frozen=True)
class Library:
    """One library: its name and its module."""

    name: str
    module: Any

    def array(self, values: Any) -> Any:
        """Numbers as an array of the library; numpy's must not be written to."""
        host = np.asarray(values)
        if self.name == "read-only numpy":
            host = host.copy()
            host.flags.writeable = False
            return host
        return self.module.asarray(host)

    def numpy(self, array: Any) -> np.ndarray:
        """The numbers, if the array is one of this library."""
        assert array_namespace(array).__name__.endswith(self.module.__name__)
        if self.name == "strict":
            return np.from_dlpack(array)
        return to_host(array)


def _load(name: str) -> Library:
    if name == "strict":
        import array_api_strict

        return Library(name, array_api_strict)
    if name == "cupy":
        import cupy

        return Library(name, cupy)
    return Library(name, np)


@pytest.fixture(
    params=[
        "numpy",
        "read-only numpy",
        "strict",
        pytest.param("cupy", marks=pytest.mark.gpu),
    ]
)
def library(request: pytest.FixtureRequest) -> Library:
    """Each array library in turn; cupy where the marker `gpu` is selected."""
    return _load(request.param)
