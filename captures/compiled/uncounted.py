"""Arrays that are not counted: how a kernel hands many of them to many small functions.

numba counts who uses an array, by an atomic addition at each call and each access to a field of a tuple. That takes
longer than what a small function does. An array without an owner is not counted. Only a kernel that is called from
Python may make one of its arguments: Python holds those until it returns.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import numba
from numba.core import cgutils
from numba.extending import intrinsic

_Array = TypeVar("_Array")

if TYPE_CHECKING:

    def uncounted(array: _Array) -> _Array:
        """The same array without its owner."""

elif numba.config.DISABLE_JIT:

    def uncounted(array: Any) -> Any:
        """The same array: nothing is counted."""
        return array

else:

    @intrinsic
    def uncounted(_: Any, array: Any) -> Any:
        """The same array without its owner (`meminfo` of numba's ArrayModel)."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            struct = context.make_array(signature.return_type)(context, builder, arguments[0])
            struct.meminfo = cgutils.get_null_value(struct.meminfo.type)
            return struct._getvalue()  # noqa: SLF001 - as numba's own views of arrays

        return array(array), generate
