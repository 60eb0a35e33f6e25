"""Copying bytes in kernels by memcpy(3), which takes 6 ns for an event where a loop over its bytes takes 150."""

import ctypes
from typing import Any, Final

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from captures.compiled.kernel import kernel

_NAME: Final = "memcpy"


def _memcpy() -> Any:
    """memcpy(3), with addresses as numbers: by name, so that code which calls it can be kept on the disk."""
    if not numba.config.DISABLE_JIT:
        return types.ExternalFunction(_NAME, types.uintp(types.uintp, types.uintp, types.uintp))
    function = getattr(ctypes.CDLL(None), _NAME)
    function.restype, function.argtypes = ctypes.c_size_t, [ctypes.c_size_t] * 3
    return function


memcpy: Final = _memcpy()


@kernel
def copy_bytes(out: NDArray[np.uint8], to: int, data: NDArray[np.uint8], place: int, length: int) -> None:
    """Copy `length` bytes of `data` from `place` on to `to` in `out`; they do not overlap. Both are contiguous."""
    if length <= 0:
        return
    # As plain accesses, these are found by NUMBA_BOUNDSCHECK=1 where they are out of bounds.
    out[to], out[to + length - 1] = data[place], data[place + length - 1]
    memcpy(out.ctypes.data + to, data.ctypes.data + place, length)
