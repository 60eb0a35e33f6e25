"""A fence can be called from kernels, in both modes."""

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import fence
from captures.compiled.kernel import kernel


@kernel
def write_two(array: NDArray[np.int64]) -> None:
    array[0] = 1
    fence()
    array[1] = 2


def test_what_stands_on_both_sides_is_done() -> None:
    array = np.zeros(2, np.int64)
    write_two(array)

    assert array.tolist() == [1, 2]
