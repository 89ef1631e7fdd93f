"""The array library of an array: numpy on the processor, cupy on a device.

`cupy` is imported here only, inside functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from engine.errors import ResourceError

#: An array of numpy or cupy. The libraries share no type: shapes live in docstrings.
Array: TypeAlias = Any


def is_on_device(array: Array) -> bool:
    """Whether an array lives on a GPU."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(array, cupy.ndarray)


def array_namespace(*arrays: Array) -> Any:
    """The module whose functions take these arrays: numpy, cupy or a strict one.

    Parameters
    ----------
    *arrays : array
        All of one library.
    """
    if all(isinstance(array, np.ndarray | np.generic) for array in arrays):
        return np
    if all(is_on_device(array) for array in arrays):
        return sys.modules["cupy"]
    from array_api_compat import array_namespace as compatible_namespace

    return compatible_namespace(*arrays)


def to_host(array: Array) -> Array:
    """The same numbers as a numpy array; no copy if it is one already."""
    if is_on_device(array):
        return array.get()
    return np.asarray(array)


def to_device(array: Array, device: int | None) -> Array:
    """The same numbers on a device.

    Parameters
    ----------
    array : array
    device : int or None
        CUDA device number; None keeps the array on the host.
    """
    if device is None:
        return array
    cupy = _load_cupy()
    with cupy.cuda.Device(device):
        return cupy.asarray(array)


def beside(values: Array, like: Array) -> Array:
    """A host array's numbers on the device, or in the library, of another array."""
    xp = array_namespace(like)
    if isinstance(like, np.ndarray | np.generic) or is_on_device(like):
        return xp.asarray(values)
    return xp.asarray(values, device=like.device)


def _load_cupy() -> Any:
    """The library for devices.

    Raises
    ------
    ResourceError
        If it is not installed.
    """
    try:
        import cupy
    except ImportError as error:
        message = (
            "a GPU was asked for, but cupy is not installed; "
            "install cryodeck[gpu] or say No to GPU acceleration"
        )
        raise ResourceError(message) from error
    return cupy


def device_count() -> int:
    """How many CUDA devices there are.

    Raises
    ------
    ResourceError
        If cupy is not installed, or no device can be used.
    """
    cupy = _load_cupy()
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
        reason = "cupy finds none"
    except cupy.cuda.runtime.CUDARuntimeError as error:
        count, reason = 0, str(error)
    if count == 0:
        message = (
            f"a GPU was asked for, but this node has none that can be used ({reason}): "
            "ask the queue for one, or say No to GPU acceleration"
        )
        raise ResourceError(message)
    return count


def use_device(device: int) -> str:
    """Do this thread's work on device arrays on one device; the device's name."""
    cupy = _load_cupy()
    cupy.cuda.Device(device).use()
    name = cupy.cuda.runtime.getDeviceProperties(device)["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


def free_device_memory(device: int) -> int:
    """Free memory of a device in bytes."""
    free, _ = _load_cupy().cuda.Device(device).mem_info
    return int(free)


def astype(array: Array, dtype: Any) -> Array:
    """The same numbers in another type; the array itself if it has that type."""
    if isinstance(array, np.ndarray | np.generic) or is_on_device(array):
        return array.astype(dtype, copy=False)
    return array_namespace(array).astype(array, dtype, copy=False)


def copied(array: Array) -> Array:
    """The same numbers in an array of their own."""
    if isinstance(array, np.ndarray) or is_on_device(array):
        return array.copy()
    return array_namespace(array).asarray(array, copy=True)


def write_into(target: Array, function: Callable[..., Array], *arrays: Array) -> None:
    """The result of ``function(*arrays)``, written into an existing array.

    Parameters
    ----------
    target : array
        Changed; may be one of `arrays`.
    function : callable
        An element-wise function of the arrays' library.
    """
    if isinstance(target, np.ndarray) or is_on_device(target):
        function(*arrays, out=target)
    else:  # the standard has no `out`
        target[...] = function(*arrays)


def copy_where(target: Array, values: Array, where: Array) -> None:
    """Copy values into an array where a condition of the same shape holds."""
    xp = array_namespace(target)
    if isinstance(target, np.ndarray) or is_on_device(target):
        xp.copyto(target, values, where=where)
    else:
        target[...] = xp.where(where, values, target)


def cumulative_sum(array: Array) -> Array:
    """Running sums along the last axis."""
    xp = array_namespace(array)
    if isinstance(array, np.ndarray) or is_on_device(array):
        return xp.cumsum(array, axis=-1)
    return xp.cumulative_sum(array, axis=-1)


def sorting_order(array: Array) -> Array:
    """Indices that sort the last axis upwards; equal values keep their order."""
    xp = array_namespace(array)
    if is_on_device(array):
        return xp.argsort(array, axis=-1)
    return xp.argsort(array, axis=-1, stable=True)


def take_along(array: Array, indices: Array) -> Array:
    """Values at indices of the last axis, row by row."""
    return array_namespace(array).take_along_axis(array, indices, axis=-1)


def joined(arrays: Sequence[Array], axis: int) -> Array:
    """Arrays one after the other along an axis."""
    xp = array_namespace(*arrays)
    # older releases of cupy do not know the standard's name
    join = getattr(xp, "concatenate", None) or xp.concat
    return join(list(arrays), axis=axis)


def with_axes(array: Array, order: tuple[int, ...]) -> Array:
    """The same numbers with their axes in another order."""
    if isinstance(array, np.ndarray) or is_on_device(array):
        return array.transpose(order)
    return array_namespace(array).permute_dims(array, order)
