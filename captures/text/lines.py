"""The lines of a plain log file as messages: one event a line, in batches, whatever the size of the file."""

from collections.abc import Callable, Generator, Iterator
from io import BufferedIOBase
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.words import words_of
from captures.format.layout import MAX_TRAIN_BYTES
from captures.text.finding import SLACK_BYTES
from captures.text.messages import Messages, as_messages
from captures.text.splitting import EMPTY, LONG, split

BATCH_BYTES: Final = 4 << 20
MOST_LINES: Final = 1 << 16
"""The most lines of a batch."""
_LF: Final = ord("\n")


class Lines:
    """Reads lines out of a file, a pipe, or what unpacks one."""

    def __init__(
        self,
        file: BufferedIOBase,
        batch_bytes: int = BATCH_BYTES,
        *,
        longest: int = MAX_TRAIN_BYTES,
        is_whole: Callable[[], bool] = lambda: True,
    ) -> None:
        """Lines come from where `file` stands to its end; `batch_bytes` is more than `longest` + 1.

        `is_whole` is asked at the end: if the rest of the file can't be read, the last line is only a part of one.
        """
        self._file, self._is_whole = file, is_whole
        self._batch_bytes, self._longest = batch_bytes, longest
        self._skipped = np.zeros(2, np.int64)
        self._in_long_line = False
        self.cut_lines = 0
        """How many lines were left out, since the rest of them can't be read: one at most."""

    @property
    def empty_lines(self) -> int:
        """How many lines had no byte, and are no events."""
        return int(self._skipped[EMPTY])

    @property
    def long_lines(self) -> int:
        """How many lines were left out, since they are too long."""
        return int(self._skipped[LONG])

    def __iter__(self) -> Iterator[Messages]:
        """Batches of lines, without instants. A batch's bytes are its own, and go on for SLACK_BYTES behind its lines.

        Raises what reading the file raises.
        """
        rest = np.empty(0, np.uint8)
        while True:
            data = np.empty(self._batch_bytes + SLACK_BYTES, np.uint8)
            data[: len(rest)] = rest
            count = self._file.readinto(data[len(rest) : self._batch_bytes].data)
            if not count:
                break
            rest = yield from self._lines(data, len(rest) + count)
        if len(rest) and self._is_whole():
            data[len(rest)] = _LF
            yield from self._lines(data, len(rest) + 1)
        elif len(rest):
            self.cut_lines += 1

    def _lines(self, data: NDArray[np.uint8], end: int) -> Generator[Messages, None, NDArray[np.uint8]]:
        """The whole lines of the bytes before `end`. Returns what is left: the start of a line."""
        data[end : end + SLACK_BYTES] = 0
        data.flags.writeable = False
        start = self._behind_long_line(data[:end]) if self._in_long_line else 0
        words = words_of(data)
        while True:
            places, lengths = np.empty(MOST_LINES, np.int64), np.empty(MOST_LINES, np.int64)
            count, start = split(data, words, start, end, self._longest, places, lengths, self._skipped)
            if count:
                yield as_messages(data, places[:count], lengths[:count])
            if count < MOST_LINES:
                break
        rest = data[start:end]
        if len(rest) > self._longest + 1:  # a CR may still be the end of the line
            self._skipped[LONG] += 1
            self._in_long_line, rest = True, rest[:0]
        return rest

    def _behind_long_line(self, data: NDArray[np.uint8]) -> int:
        """Where the line ends that is too long; the end of the bytes: it does not end here."""
        found = data.tobytes().find(b"\n")
        self._in_long_line = found < 0
        return len(data) if found < 0 else found + 1
