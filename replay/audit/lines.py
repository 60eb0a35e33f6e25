"""Which lines of a file have tags, and which tags? Read window by window, so that no line is ever held as a whole.

A tag that is repeated in its line, no more than NEAR bytes behind the first, is counted once: many exports have each
message twice, raw and parsed. Of a line that goes on behind the window, only this is kept: its length, whether it has a
tag or a marker so far, and its tags of the last NEAR bytes.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.audit.cut import CutLines
from replay.audit.find import LEAD, Rows, find_ends, find_marked, find_tags, new_rows

NEAR: Final = 1 << 20
"""The greatest distance in bytes of the two copies of a tag in one event. It bounds what is kept of a long line."""


class LineTags(NamedTuple):
    """Tags in the order of the file, int64, shape (tags,) each."""

    lane: NDArray[np.int64]
    """Run and port in one number: run << PORT_BITS | port."""
    sequence: NDArray[np.int64]


class LineCounts:
    """How many lines all files have, by what the lines contain."""

    def __init__(self) -> None:
        self.lines = 0
        self.tagged = 0
        """Lines with one tag or more, of any run."""
        self.marked = 0
        """Lines with a marker, which announces a tag, but without a whole tag."""
        self.cut_in_tag = 0
        """Those of the `marked` lines that end within the marker or the tag, so they were cut."""
        self.unfinished = 0
        """Last lines of files that have neither a line feed nor a whole tag."""
        self.bytes = 0
        self.cut = CutLines()

    @property
    def cut_lines(self) -> int:
        """Lines that were cut before the end of their tag."""
        return self.cut_in_tag + self.cut.lengths.traceless().events

    @property
    def malformed(self) -> int:
        """Lines with a tag that is damaged."""
        return self.marked - self.cut_in_tag

    @property
    def untagged(self) -> int:
        """Lines that are complete, but have no tag: of other programs."""
        return self.lines - self.tagged - self.marked - self.cut.lengths.traceless().events - self.unfinished


class Lines:
    """The lines of one file."""

    def __init__(self, counts: LineCounts) -> None:
        """Count them in `counts`."""
        self._counts, self._lengths = counts, counts.cut.lengths.of_file()
        self._bytes = self._open_from = 0
        self._open_tagged = self._open_marked = False
        self._recent = _NOTHING

    def take(self, window: NDArray[np.uint8]) -> LineTags:
        """Count the lines of a window, and return its tags, each once per line."""
        ends = find_ends(window)
        tagged, marked = np.zeros((2, len(ends) + 1), np.bool_)
        tagged[0], marked[0] = self._open_tagged, self._open_marked
        recent = len(self._recent.place)
        rows = new_rows(self._recent, len(window))
        count = find_tags(window, self._bytes - LEAD, ends, rows, recent, tagged)
        rows = rows.pick(slice(count))
        find_marked(window, ends, tagged, marked)
        if ends.size:
            self._judge(window, ends, tagged[:-1], marked[:-1])
        self._open_tagged, self._open_marked = bool(tagged[-1]), bool(marked[-1])
        kept = ~_again(rows)
        kept[:recent] = False
        self._keep(rows, len(ends), len(window) - LEAD)
        return LineTags(rows.lane[kept], rows.sequence[kept])

    def end(self) -> None:
        """Count the last line, where it has no line feed."""
        if self._bytes > self._open_from:
            self._counts.lines += 1
            self._counts.tagged += self._open_tagged
            self._counts.unfinished += not self._open_tagged
        self._open_from = self._bytes

    def _judge(
        self,
        window: NDArray[np.uint8],
        ends: NDArray[np.int64],
        tagged: NDArray[np.bool_],
        marked: NDArray[np.bool_],
    ) -> None:
        """Count the lines that end at `ends`, one at least, and their lengths."""
        counts = self._counts
        counts.lines += len(ends)
        counts.tagged += int(np.count_nonzero(tagged))
        before = self._bytes - LEAD  # bytes of the file before the window
        start = self._open_from - before
        self._open_from = before + int(ends[-1]) + 1
        self._lengths.take(ends, start, tagged, marked)
        odd = np.flatnonzero(marked & ~tagged)
        if odd.size:
            lengths = np.diff(ends, prepend=start - 1)[odd] - 1
            cut = counts.cut.take_marked(window, ends[odd], lengths)
            self._lengths.take_parted(cut)
            counts.marked += len(odd)
            counts.cut_in_tag += len(cut)

    def _keep(self, rows: Rows, open_line: int, fresh_bytes: int) -> None:
        """Remember the latest tags of the open line."""
        self._bytes += fresh_bytes
        self._counts.bytes += fresh_bytes
        recent = rows.pick((rows.line == open_line) & (rows.place >= self._bytes - NEAR - LEAD))
        self._recent = recent._replace(line=np.zeros_like(recent.line))


_NOTHING: Final = Rows(*(np.zeros(0, np.int64) for _ in range(4)))


def _again(rows: Rows) -> NDArray[np.bool_]:
    """Which tags stand in their line for the second time, or again."""
    again = _like_the_one_before(rows)
    lines = rows.line[~again]
    if (lines[1:] > lines[:-1]).all():
        return again
    order = np.lexsort((rows.sequence, rows.lane, rows.line))
    again[order] = _like_the_one_before(rows.pick(order))
    return again


def _like_the_one_before(rows: Rows) -> NDArray[np.bool_]:
    again = np.zeros(len(rows.place), np.bool_)
    again[1:] = (
        (rows.sequence[1:] == rows.sequence[:-1])
        & (rows.lane[1:] == rows.lane[:-1])
        & (rows.line[1:] == rows.line[:-1])
        & (rows.place[1:] - rows.place[:-1] <= NEAR)
    )
    return again
