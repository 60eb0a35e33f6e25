"""The decorator of a kernel: a plain function over arrays and numbers that numba compiles, and keeps on disk.

A kernel has no objects and no policy. It does what is done for each event, and comes back to Python for what is rare.
With the environment variable NUMBA_DISABLE_JIT=1 the same functions run uncompiled, which is slow, and shows whether
the compiled ones do what the source says. NUMBA_BOUNDSCHECK=1 makes each access to an array outside its bounds an
IndexError.
"""

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numba
import numpy as np
from numba.core.caching import FunctionCache

from captures.compiled.cache import cache_folder
from captures.console.terminal import notice

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

numba.config.CACHE_DIR = str(cache_folder())


if TYPE_CHECKING:

    def int64(number: Any) -> int:
        """A number of any integer type as int64. numba makes a floating point number of an int64 and a uint64."""

else:
    int64 = np.int64


class _Kept(FunctionCache):  # type: ignore[misc]  # mypy sees no types of numba's
    """The code of a function on the disk. A file that is damaged, or that can't be written, only costs time."""

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        """The code for a signature; None: it must be compiled."""
        try:
            return super().load_overload(signature, target_context)
        except Exception:  # noqa: BLE001 - pickle raises whatever a damaged file makes it stumble over
            with suppress(OSError):
                self.flush()  # forget all that is kept of this function
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        """Keep the code for a signature, if there is room."""
        try:
            super().save_overload(signature, data)
        except OSError as error:
            tell_once(f"compiled code can't be kept in {numba.config.CACHE_DIR}: {error.strerror}")


@cache
def tell_once(text: str) -> None:
    """Say a line that should be said once; not of a process that compiles for another one."""
    if multiprocessing.parent_process() is None:
        notice(f"{text}; STAMPEDE_CACHE=FOLDER names another place")


def kernel(function: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Compile `function` when it is first called, or load the code that an earlier process compiled.

    Division by zero gives no exception inside (`error_model="numpy"`): such a check costs time at each division. A
    kernel makes no arrays (views of those that it gets are none), so its code counts no references to them (`_nrt`):
    those are atomic additions at each call of another kernel, which took half of the time of short ones.
    """
    return _compiled(function, _nrt=False)


def long_kernel(function: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """As `kernel`, for one that Python calls and that takes milliseconds: other threads of Python run meanwhile."""
    return _compiled(function, _nrt=False, nogil=True)


def allocating_kernel(function: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """As `long_kernel`, for a function that makes arrays, and so counts references to all."""
    return _compiled(function, nogil=True)


def _compiled(function: Callable[_Args, _Result], **options: bool) -> Callable[_Args, _Result]:
    compiled: Any = numba.njit(error_model="numpy", **options)(function)
    if not numba.config.DISABLE_JIT:
        compiled._cache = _Kept(function)  # noqa: SLF001 - as its own `enable_caching` does
    return compiled  # type: ignore[no-any-return]  # mypy sees no types of numba's
