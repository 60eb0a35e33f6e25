"""Which bytes of a mapped file are in the page cache: mincore(2).

A snapshot, and one that not everybody gets: since Linux 5.2 only who owns the file or may write to it is told, and
all others are told that everything is there (mm/mincore.c, can_do_mincore).
"""

import ctypes
import mmap
import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOW_BYTES: Final = 4 << 20

_libc = ctypes.CDLL(None, use_errno=True)

_mincore = _libc.mincore
_mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
_mincore.restype = ctypes.c_int


def may_be_told(path: Path) -> bool:
    """Whether the kernel tells this process the truth about the file. Raises OSError."""
    return path.stat().st_uid == os.geteuid() or os.access(path, os.W_OK, effective_ids=True)


def cached_bytes(mapped: NDArray[np.uint8], window_bytes: int = WINDOW_BYTES) -> NDArray[np.int64]:
    """Bytes of each window of `mapped` that are in the page cache, shape (windows,); the last window may be shorter.

    `mapped` has the shape (n,) and lies in one mapping of a file; it need not begin with a page, and none of it is
    read. One byte of memory for each page of a window is taken, and given back. Raises OSError.
    """
    starts = range(0, len(mapped), window_bytes)
    return np.array([_cached(mapped[start : start + window_bytes]) for start in starts], np.int64)


def _cached(window: NDArray[np.uint8]) -> int:
    page = mmap.PAGESIZE
    before = int(window.ctypes.data) % page
    size = before + len(window)
    pages = np.empty(-(-size // page), np.uint8)
    if _mincore(window.ctypes.data - before, size, pages.ctypes.data) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    held = np.full(len(pages), page)
    held[0] -= before
    held[-1] -= len(pages) * page - size
    return int(held @ (pages & 1))
