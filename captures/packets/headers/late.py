"""Messages that Python made, and their place among those that the scan found."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.text.messages import MESSAGE, Messages


class LateMessages:
    """Messages whose bytes come behind those of a batch."""

    def __init__(self, first_place: int = 0) -> None:
        self._place = first_place
        self._before = 0
        self._positions: list[int] = []
        self._rows: list[tuple[int, int, int, int, int]] = []
        self._texts: list[bytes] = []

    def come_after(self, messages: int) -> None:
        """What is added from now on comes behind so many messages of the scan."""
        self._before = messages

    def follow(self, firsts: NDArray[np.int64]) -> None:
        """Messages of the scan became several each: item i of `firsts` is how many there are now before number i."""
        self._positions = firsts[self._positions].tolist() if self._positions else []

    def add(self, text: bytes, original: int, instant_ns: int, flow: int) -> None:
        """Add a message, with the fields of its MESSAGE row."""
        self._positions.append(self._before)
        self._rows.append((self._place, len(text), original, instant_ns, flow))
        self._texts.append(text)
        self._place += len(text)

    def among(self, data: NDArray[np.uint8], messages: NDArray[Any]) -> Messages:
        """All messages in order: MESSAGE rows whose bytes are in `data`, and those that were added."""
        if not self._rows:
            return Messages(data, messages)
        rows = np.array(self._rows, MESSAGE)
        texts = np.frombuffer(b"".join(self._texts), np.uint8)
        both = np.empty(len(messages) + len(rows), MESSAGE)
        is_late = np.zeros(len(both), np.bool_)
        is_late[np.array(self._positions) + np.arange(len(rows))] = True
        both[is_late], both[~is_late] = rows, messages
        return Messages(np.concatenate((data, texts)), both)
