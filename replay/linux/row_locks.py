"""Locks in memory that processes share, one for each row of a table: unnamed semaphores, sem_init(3), for kernels.

A lock that is free costs one atomic instruction, and a process that waits for one sleeps. Whoever has a lock sees all
that was written under it before. A process that is killed while it has a lock never gives it back.
"""

import ctypes
import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.linux.libc import sem_post, sem_wait

LOCK_WORDS: Final = 4
"""Words of 64 bits that a semaphore takes: sizeof(sem_t) is 32 where addresses have 64 bits."""


_libc = ctypes.CDLL(None, use_errno=True)
_libc.sem_init.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint]


def free_locks(locks: NDArray[np.int64]) -> None:
    """Make locks that nobody has of shared memory, shape (rows, LOCK_WORDS). Raises OSError.

    This is no kernel: it is called before anything is compiled.
    """
    for row in range(len(locks)):
        if _libc.sem_init(locks[row].ctypes.data, 1, 1):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


@kernel
def lock_row(locks: NDArray[np.int64], row: int) -> None:
    """Wait until no other process has the lock of a row, and take it."""
    while sem_wait(locks[row].ctypes.data):
        pass  # a signal came


@kernel
def unlock_row(locks: NDArray[np.int64], row: int) -> None:
    """Give the lock of a row back."""
    sem_post(locks[row].ctypes.data)
