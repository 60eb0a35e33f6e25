"""Which lane is ready first? The lanes of a worker are kept in a binary heap, so that no look walks over all lanes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel


@kernel
def is_before(rows: NDArray[Any], one: int, other: int) -> bool:
    """Whether lane `one` is ready before lane `other`; of two that are ready at once, the one with the lower row."""
    return rows[one].ready_ns < rows[other].ready_ns or (rows[one].ready_ns == rows[other].ready_ns and one < other)


@kernel
def sift_down(heap: NDArray[np.int64], size: int, rows: NDArray[Any], at: int) -> None:
    """Move item `at` of the first `size` items down to where it belongs."""
    lane = heap[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and is_before(rows, heap[child + 1], heap[child]):
            child += 1
        if not is_before(rows, heap[child], lane):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = lane


@kernel
def heapify(heap: NDArray[np.int64], rows: NDArray[Any]) -> int:
    """Make the heap of all lanes that have a train to send. Returns how many they are."""
    size = 0
    for lane in range(len(rows)):
        if rows[lane].count:
            heap[size] = lane
            size += 1
    for at in range(size // 2 - 1, -1, -1):
        sift_down(heap, size, rows, at)
    return size
