"""How many blocks are worked on at once, in memory that stays small.

Threads suffice: zstd, BLAKE3, files and networks all work without the interpreter's lock.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_JOBS: Final = 1024
_AHEAD: Final = 2
"""So many results a thread may wait to be taken: enough that none is idle while a large block is written."""


def in_turn(jobs: int, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of `work` in the order of `items`, by `jobs` threads. What `work` raises ends it.

    No item is begun when more than `2 * jobs` results have not been taken yet.
    """
    pool = ThreadPoolExecutor(jobs)
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) >= _AHEAD * jobs:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
