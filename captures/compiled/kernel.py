"""The decorator of a kernel: a plain function over arrays and numbers that numba compiles, and keeps on disk.

A kernel has no objects and no policy. It does what is done for each event, and comes back to Python for what is rare.
With the environment variable NUMBA_DISABLE_JIT=1 the same functions run uncompiled, which is slow, and shows whether
the compiled ones do what the source says. NUMBA_BOUNDSCHECK=1 makes each access to an array outside its bounds an
IndexError.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numba
import numpy as np

from captures.compiled.cache import cache_folder

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")

numba.config.CACHE_DIR = str(cache_folder())


if TYPE_CHECKING:

    def int64(number: Any) -> int:
        """A number of any integer type as int64. numba makes a floating point number of an int64 and a uint64."""

else:
    int64 = np.int64


def kernel(function: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
    """Compile `function` when it is first called, or load the code that an earlier process compiled.

    Division by zero gives no exception inside (`error_model="numpy"`): such a check costs time at each division.
    """
    compiled: Any = numba.njit(cache=True, error_model="numpy")(function)
    return compiled  # type: ignore[no-any-return]  # mypy sees no types of numba's
