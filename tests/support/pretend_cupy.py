"""A stand-in for cupy where there is no GPU, as strict as cupy about whose array it is.

A test copies this file as `cupy.py` into the folder that the engine runs in. It says
nothing of CUDA: only that data cross to the device and back where they should, that
nothing in between is numpy's, and which device each rank takes.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class ndarray(NDArrayOperatorsMixin):
    """Numbers that numpy's functions cannot see."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = np.asarray(numbers)

    def __array__(self, *args: Any, **more: Any) -> Any:
        message = "implicit conversion to a numpy array is not allowed"
        raise TypeError(message)

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **more: Any) -> Any:
        return _call(getattr(ufunc, method), *given, **more)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.numbers, name)
        return _wrapped(found) if callable(found) else _wrap(found)

    def __getitem__(self, key: Any) -> Any:
        return ndarray(self.numbers[_unwrap(key)])

    def __setitem__(self, key: Any, values: Any) -> None:
        self.numbers[_unwrap(key)] = _unwrap(values)

    def __len__(self) -> int:
        return len(self.numbers)

    def __float__(self) -> float:
        return float(self.numbers)

    def __int__(self) -> int:
        return int(self.numbers)

    def __bool__(self) -> bool:
        return bool(self.numbers)

    def get(self) -> np.ndarray:
        """A copy for the host."""
        return self.numbers.copy()


def _unwrap(value: Any) -> Any:
    if isinstance(value, ndarray):
        return value.numbers
    if isinstance(value, tuple | list):
        return type(value)(_unwrap(one) for one in value)
    if isinstance(value, np.ndarray) and value.ndim:
        message = "an array of the host among those of the device"
        raise TypeError(message)
    return value


def _wrap(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_wrap(one) for one in value)
    return ndarray(value) if isinstance(value, np.ndarray | np.generic) else value


def _call(function: Any, *given: Any, **more: Any) -> Any:
    named = {key: _unwrap(value) for key, value in more.items()}
    return _wrap(function(*_unwrap(given), **named))


def _wrapped(function: Any) -> Any:
    return lambda *given, **more: _call(function, *given, **more)


def asarray(values: Any, dtype: Any = None) -> ndarray:
    """From the host to the device."""
    numbers = values.numbers if isinstance(values, ndarray) else values
    return ndarray(np.array(numbers, dtype=dtype))


def __getattr__(name: str) -> Any:
    found = getattr(np, name)
    return found if isinstance(found, type) else _wrapped(found)


class fft:
    """Fourier transforms."""

    fft, ifft = _wrapped(np.fft.fft), _wrapped(np.fft.ifft)
    rfft, irfft = _wrapped(np.fft.rfft), _wrapped(np.fft.irfft)
    rfftn = _wrapped(np.fft.rfftn)


class cuda:
    """Devices: as many as PRETEND_GPUS says, two without it."""

    class Device:
        """A number."""

        def __init__(self, number: int) -> None:
            self.number = number

        def use(self) -> None:
            """Nothing: all are the same."""

        __enter__ = use
        mem_info = (10**9, 10**9)

        def __exit__(self, *error: object) -> None:
            pass

    class runtime:
        """What the driver says."""

        class CUDARuntimeError(RuntimeError):
            """What goes wrong."""

        @staticmethod
        def getDeviceCount() -> int:
            """How many devices there are."""
            count = int(os.environ.get("PRETEND_GPUS", "2"))
            if count < 0:
                message = "cudaErrorInsufficientDriver: driver version is insufficient"
                raise cuda.runtime.CUDARuntimeError(message)
            return count

        @staticmethod
        def getDeviceProperties(number: int) -> dict[str, bytes]:
            """Its name."""
            return {"name": f"Pretended GPU {number}".encode()}
