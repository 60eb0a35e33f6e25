"""Writing behind the back of what makes the bytes: piece after piece, in one thread, and never far behind.

To write to a file and to digest bytes (BLAKE3) takes no lock of the interpreter, so another core does it meanwhile.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, ParamSpec

_Args = ParamSpec("_Args")

MOST_WAITING: Final = 2
"""So many pieces are there at once at most: one at work, and the next one. So memory stays bounded."""


class Behind:
    """A thread that does one piece of work after the other. Nothing may be forked between `do` and `finish`."""

    def __init__(self) -> None:
        """The thread starts with the first piece of work."""
        self._thread = ThreadPoolExecutor(1, "behind")
        self._waiting: deque[Future[object]] = deque()

    def do(self, work: Callable[_Args, object], *arguments: _Args.args, **named: _Args.kwargs) -> None:
        """Have `work` done once all before it is; waits while MOST_WAITING pieces are there.

        Raises what an earlier piece has raised.
        """
        while self._waiting and (len(self._waiting) >= MOST_WAITING or self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(work, *arguments, **named))

    def finish(self) -> None:
        """Wait until all is done. Raises what a piece has raised."""
        while self._waiting:
            self._waiting.popleft().result()

    def close(self) -> None:
        """End the thread; what has not begun is not done."""
        self._thread.shutdown(cancel_futures=True)
