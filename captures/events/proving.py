"""Bytes of a capture are compared with their digests just before they are read, by threads of their own.

Whoever reads the beginning, as `captures print | head` does, waits for one block; whoever reads all of it hardly waits,
since the blocks that follow are compared meanwhile.
"""

from collections.abc import Container
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import DamagedError
from captures.format.capture import Capture
from captures.format.digests import block_text, damaged_sections, is_sound
from captures.format.layout import DIGEST_BLOCK_BYTES
from captures.format.reader import COPY_AGAIN

_AHEAD: Final = 2
"""So many blocks are compared at once, and ahead of what is asked for: one is read while another one is digested."""


class Proof:
    """What is known of the soundness of an open capture."""

    def __init__(self, capture: Capture, sections: Container[str] | None = None) -> None:
        """Compare the named sections but the payload (None: all) with their digests. Raises DamagedError."""
        if wrong := damaged_sections(capture, sections):
            raise damaged(capture, wrong)
        self._capture = capture
        self._sound = np.zeros(len(capture.digests), np.bool_)
        self._begun: dict[int, Future[bool]] = {}
        self._pool = ThreadPoolExecutor(_AHEAD)

    def require(self, place: NDArray[np.int64], length: NDArray[np.int64]) -> None:
        """Wait until the blocks that hold these events are proven; both have shape (events,).

        An event has less than 64 KiB, and so lies in two blocks at most. Raises DamagedError.
        """
        held = length > 0
        ends = np.stack([place[held], place[held] + length[held] - 1]) // DIGEST_BLOCK_BYTES
        unknown = np.unique(ends[~self._sound[ends]]).tolist()
        if not unknown:
            return
        # As the kernel reads ahead: not for the first events, which may be all that anybody wants.
        ahead = range(unknown[-1] + 1, unknown[-1] + 1 + _AHEAD) if self._sound.any() else range(0)
        for block in (*unknown, *(block for block in ahead if block < len(self._sound))):
            if block not in self._begun and not self._sound[block]:
                self._begun[block] = self._pool.submit(is_sound, self._capture, block)
        wrong = [block for block in unknown if not self._begun.pop(block).result()]
        if wrong:
            raise damaged(self._capture, [block_text(self._capture, block) for block in wrong])
        self._sound[unknown] = True

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the threads end."""
        self._pool.shutdown(cancel_futures=True)


def damaged(capture: Capture, parts: list[str]) -> DamagedError:
    """The error about parts of a capture that differ from their digests."""
    damage = f"damaged: {'; '.join(parts)}"
    return DamagedError(f"{capture.path}: {damage}{COPY_AGAIN}", damage)
