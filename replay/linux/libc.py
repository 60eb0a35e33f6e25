"""The calls of libc that kernels make: by name, so that compiled code which calls them can be kept on disk.

Each has the arguments of its manual page, with addresses as numbers. Where the kernels run uncompiled
(NUMBA_DISABLE_JIT=1), the same names are functions of ctypes.
"""

import ctypes
from typing import Any, Final

import numba
from numba import types

_libc = ctypes.CDLL(None, use_errno=True)


def _function(name: str, result: str, *arguments: str) -> Any:
    """A function of libc; the types are numba's names of them."""
    if not numba.config.DISABLE_JIT:
        return types.ExternalFunction(name, getattr(types, result)(*(getattr(types, kind) for kind in arguments)))
    function = getattr(_libc, name)
    function.restype = getattr(ctypes, _CTYPES[result])
    function.argtypes = [getattr(ctypes, _CTYPES[kind]) for kind in arguments]
    return function


_CTYPES: Final = {"int32": "c_int32", "uint32": "c_uint32", "uintp": "c_size_t"}

sendmmsg = _function("sendmmsg", "int32", "int32", "uintp", "uint32", "int32")
recvmmsg = _function("recvmmsg", "int32", "int32", "uintp", "uint32", "int32", "uintp")
poll = _function("poll", "int32", "uintp", "uintp", "int32")
memcpy = _function("memcpy", "uintp", "uintp", "uintp", "uintp")
memchr = _function("memchr", "uintp", "uintp", "int32", "uintp")
clock_gettime = _function("clock_gettime", "int32", "int32", "uintp")
clock_nanosleep = _function("clock_nanosleep", "int32", "int32", "int32", "uintp", "uintp")
sem_wait = _function("sem_wait", "int32", "uintp")
sem_post = _function("sem_post", "int32", "uintp")


if numba.config.DISABLE_JIT:

    def last_errno() -> int:
        """The errno of the last call that failed (errno(3))."""
        return ctypes.get_errno()

else:
    _errno_location = types.ExternalFunction("__errno_location", types.CPointer(types.int32)())

    @numba.njit  # type: ignore[untyped-decorator]  # mypy sees no types of numba's
    def last_errno() -> int:
        """The errno of the last call that failed (errno(3))."""
        code: int = _errno_location()[0]
        return code
