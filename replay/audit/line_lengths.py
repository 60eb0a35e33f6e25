"""How long are the lines of each file? Their lengths show whether something cut them, and where.

`replay.sink.verify.cut_lengths` has the rule. Each file may have come by another path with another limit, so the lines
of each are counted apart. Memory is bounded: there are MOST_FILES counts, and the last is for all further files.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.audit.sent import SentRun
from replay.sink.verify.cut_lengths import MUCH, PRIORITY_BYTES, CutTraceless, PlaceLengths, cut_traceless, piles_up

MOST_BYTES: Final = 65_536
"""Lines of this length and longer are not counted by length; a datagram has 65,507 bytes at most."""
MOST_FILES: Final = 64


class FileLengths:
    """The lines of a file, counted by length in bytes; for each kind of line int64, shape (MOST_BYTES,)."""

    def __init__(self) -> None:
        self.whole, self.traceless, self.parted = (np.zeros(MOST_BYTES, np.int64) for _ in range(3))
        self.longest_whole = 0
        """The length of the longest line with a whole tag, even if it is too long to be counted by length."""

    def take(self, ends: NDArray[np.int64], start: int, tagged: NDArray[np.bool_], marked: NDArray[np.bool_]) -> None:
        """Count lines with a whole tag, and lines without a trace of one; the first line begins at `start`."""
        longest = _count_lines(ends, start, tagged, marked, self.whole, self.traceless)
        self.longest_whole = max(self.longest_whole, longest)

    def take_parted(self, lengths: NDArray[np.int64]) -> None:
        """Count lines that end within their tag, except those of MOST_BYTES and more."""
        np.add.at(self.parted, lengths[lengths < MOST_BYTES], 1)

    def place(self, sent_bytes: tuple[int, int] | None) -> PlaceLengths:
        """The file as a place where events may have been cut; `sent_bytes`: lengths of the shortest and longest event.

        A collector may make each event longer: it adds another time, or writes the event as JSON. How much longer the
        longest event may be is estimated from the shortest line, which was the shortest event or a longer one.
        """
        shortest = int(np.argmax(self.whole > 0))
        if sent_bytes is None or not self.whole[shortest]:
            return PlaceLengths(self.traceless, self.parted, self.longest_whole)
        shortest_sent, longest_sent = sent_bytes
        grown = max(longest_sent, longest_sent * shortest // max(shortest_sent, 1))
        return PlaceLengths(self.traceless, self.parted, self.longest_whole, grown)


class LineLengths:
    """The lines of all files."""

    def __init__(self) -> None:
        self.files: list[FileLengths] = []

    def of_file(self) -> FileLengths:
        """The counts for the lines of a further file."""
        if len(self.files) < MOST_FILES:
            self.files.append(FileLengths())
        return self.files[-1]

    def cut_behind_tag(self, sent: SentRun, missing_events: int) -> tuple[int, int] | None:
        """How many lines with whole tags were cut behind the tag, and to which length; None: no sign of it.

        The sign is that many lines are as long as the longest line, and this is shorter than the longest event. The
        difference must exceed that of the shortest event and line, since a collector may leave out a part of each.
        The whole capture must have been sent, and nearly all must be there: else the longest events may be missing.
        """
        if sent.event_bytes is None or sum(sent.lanes.values()) < (sent.capture_events or math.inf):
            return None
        whole = np.sum([file.whole for file in self.files], axis=0) if self.files else np.zeros(0, np.int64)
        longest = max((file.longest_whole for file in self.files), default=0)
        if longest >= len(whole) or not piles_up(whole, longest):
            return None
        shortest_sent, longest_sent = sent.event_bytes
        left_out = max(0, shortest_sent - int(np.argmax(whole > 0)))
        lines = int(whole[max(longest - PRIORITY_BYTES, 0) :].sum())
        if longest >= longest_sent - left_out - PRIORITY_BYTES or missing_events * MUCH > lines:
            return None
        return lines, longest

    def traceless(self, sent_bytes: tuple[int, int] | None = None) -> CutTraceless:
        """The cut lines without a trace of a tag, of all files; `sent_bytes` as for `FileLengths.place`."""
        found = cut_traceless([file.place(sent_bytes) for file in self.files])
        return CutTraceless(
            np.unique(np.concatenate([each.lengths for each in found])) if found else np.zeros(0, np.int64),
            sum(each.events for each in found),
            sum(each.doubtful_events for each in found),
            sum(each.piled_events for each in found),
        )


@kernel
def _count_lines(
    ends: NDArray[np.int64],
    start: int,
    tagged: NDArray[np.bool_],
    marked: NDArray[np.bool_],
    whole: NDArray[np.int64],
    traceless: NDArray[np.int64],
) -> int:
    """Count lines by length, as in `FileLengths`, except those of MOST_BYTES and more; returns the longest tagged one.

    For each line, `ends` is the place of its line feed, counted as `start` is, from which the first line begins.
    """
    longest = 0
    for line in range(len(ends)):
        length = ends[line] - start
        start = ends[line] + 1
        if tagged[line]:
            longest = max(longest, length)
        if length < MOST_BYTES and (tagged[line] or not marked[line]):
            (whole if tagged[line] else traceless)[length] += 1
    return longest
