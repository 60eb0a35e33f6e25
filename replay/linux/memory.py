"""Memory that stays, and memory that is not had before its use: mlockall(2), munlock(2), mmap(2)."""

import ctypes
import mmap
import os
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# include/uapi/asm-generic/mman.h
MCL_CURRENT: Final = 1
MCL_FUTURE: Final = 2
MCL_ONFAULT: Final = 4

_libc = ctypes.CDLL(None, use_errno=True)
_libc.munlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def lock_memory() -> None:
    """Keep in memory all that this process has, or will have, from when it is first used.

    Raises OSError: EPERM or ENOMEM without CAP_IPC_LOCK and a high enough RLIMIT_MEMLOCK. A child does not inherit it.
    """
    _check(_libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))


def unlock_memory() -> None:
    """Let go of all that is locked."""
    _check(_libc.munlockall())


def unlock(array: NDArray[Any]) -> None:
    """Let go of the pages that an array lies in, like those of a mapped file that is larger than the memory."""
    data = array.view(np.uint8)
    start = data.ctypes.data // mmap.PAGESIZE * mmap.PAGESIZE
    _check(_libc.munlock(start, data.ctypes.data + data.nbytes - start))


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def sparse_memory(size_bytes: int) -> mmap.mmap:
    """Zeroed memory that forked processes share; a page of it is had when it is written to, and not promised before.

    A file of memfd_create(2) is accounted page by page even where the kernel promises no more than it has
    (vm.overcommit_memory 2), which MAP_NORESERVE does not change there. Raises OSError.
    """
    descriptor = os.memfd_create("stampede")
    try:
        os.ftruncate(descriptor, size_bytes)
        return mmap.mmap(descriptor, size_bytes, flags=mmap.MAP_SHARED)
    finally:
        os.close(descriptor)
