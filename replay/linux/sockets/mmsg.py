"""sendmmsg(2) and recvmmsg(2): many datagrams, or trains of them, in one system call.

The structs are numpy arrays, so a whole batch is filled by a few vector assignments, and the kernel is given
their address. The layouts are those of struct iovec, struct msghdr and struct mmsghdr on 64-bit Linux
(include/linux/socket.h, include/uapi/linux/uio.h).
"""

import ctypes
import os
import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

assert sys.maxsize > 1 << 32, "the struct layouts below are those of 64-bit Linux"

IOVEC: Final = np.dtype((np.record, [("base", "<u8"), ("len", "<u8")]))
MMSGHDR: Final = np.dtype(
    (
        np.record,
        {
            "names": ["name", "namelen", "iov", "iovlen", "control", "controllen", "flags", "len"],
            "formats": ["<u8", "<u4", "<u8", "<u8", "<u8", "<u8", "<i4", "<u4"],
            "offsets": [0, 8, 16, 24, 32, 40, 48, 56],
            "itemsize": 64,
        },
    )
)

MMSGHDR_BYTES: Final = MMSGHDR.itemsize

UIO_MAXIOV: Final = 1024
"""The most messages one call takes (include/uapi/linux/uio.h)."""

_libc = ctypes.CDLL(None, use_errno=True)

_sendmmsg = _libc.sendmmsg
_sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
_sendmmsg.restype = ctypes.c_int


def address_of(array: NDArray[Any]) -> int:
    """The address of an array's first byte; the caller keeps the array alive while the kernel uses it."""
    return int(array.ctypes.data)


def sendmmsg(fd: int, headers_address: int, count: int, flags: int) -> int:
    """Send up to `count` messages; returns how many were sent. Raises the OSError of the first one's errno."""
    sent: int = _sendmmsg(fd, headers_address, count, flags)
    if sent < 0:
        raise _last_error()
    return sent


def _last_error() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))
