"""A fence between writes to memory that another process reads: what stands before it is seen before what follows.

x86 keeps the order of writes by itself; arm64 does not, and a compiler keeps it nowhere.
"""

from typing import Any

import numba
from numba import types
from numba.extending import intrinsic

if numba.config.DISABLE_JIT:

    def fence() -> None:
        """Do nothing: the interpreter reorders nothing, and uncompiled kernels serve tests on one machine only."""

else:

    @intrinsic  # type: ignore[untyped-decorator]  # mypy sees no types of numba's
    def fence(typing_context: Any) -> Any:  # noqa: ARG001 - numba's form of an intrinsic
        """Keep the order of reads and writes before and after this point, for the compiler and for other cores."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            builder.fence("seq_cst")
            return context.get_dummy_value()

        return types.void(), generate
