"""A fence between accesses to memory that processes share: what stands before it is seen before what follows.

x86 keeps the order of writes and of reads by itself; arm64 does not, and a compiler keeps it nowhere. So wherever one
process writes numbers and then a number that says they are there, a fence stands between; and the one who reads has a
fence between, too.
"""

from typing import Any

import numba
from numba import types
from numba.extending import intrinsic

from captures.compiled.kernel import kernel

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


@kernel
def order_memory() -> None:
    """`fence` for callers in Python."""
    fence()
