"""How long the lines of an audit are, by file: from which lengths one can tell where something cut them.

`replay.sink.verify.cut_lengths` has the rule. A file may have come by a way of its own, so the lines of each are
counted apart. What is kept is bounded: of MOST_FILES files, the last of which stands for all further ones.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.audit.sent import Sent
from replay.sink.verify.cut_lengths import MUCH, PRIORITY_BYTES, CutTraceless, Place, cut_traceless, piles_up

MOST_BYTES: Final = 65_536
"""Lines of this length and longer are not told apart; a datagram has 65,507 bytes at most."""
MOST_FILES: Final = 64


class FileLengths:
    """The lines of a file by their lengths in bytes; of each kind the counts are int64, shape (MOST_BYTES,)."""

    def __init__(self) -> None:
        self.whole, self.traceless, self.parted = (np.zeros(MOST_BYTES, np.int64) for _ in range(3))
        self.longest_whole = 0
        """That of the longest line with a whole tag, also where it is not told apart."""

    def take_whole(self, lengths: NDArray[np.int64]) -> None:
        """Count lines, one at least, with a whole tag."""
        self.longest_whole = max(self.longest_whole, int(lengths.max()))
        _count(self.whole, lengths)

    def take_traceless(self, lengths: NDArray[np.int64]) -> None:
        """Count lines without a trace of a tag."""
        _count(self.traceless, lengths)

    def take_parted(self, lengths: NDArray[np.int64]) -> None:
        """Count lines that end within their tag."""
        _count(self.parted, lengths)

    def place(self, sent_bytes: tuple[int, int] | None) -> Place:
        """The file as a place at which events were cut; `sent_bytes` are the shortest and the longest that were sent.

        A collector may write more of each event than came: another time, or the event in JSON. How much that may be of
        the longest is told by the shortest line, which grew from the shortest event or from a longer one.
        """
        shortest = int(np.argmax(self.whole > 0))
        if sent_bytes is None or not self.whole[shortest]:
            return Place(self.traceless, self.parted, self.longest_whole)
        shortest_sent, longest_sent = sent_bytes
        grown = max(longest_sent, longest_sent * shortest // max(shortest_sent, 1))
        return Place(self.traceless, self.parted, self.longest_whole, grown)


class LineLengths:
    """The lines of all files."""

    def __init__(self) -> None:
        self.files: list[FileLengths] = []

    def of_file(self) -> FileLengths:
        """Where a further file's lines are counted."""
        if len(self.files) < MOST_FILES:
            self.files.append(FileLengths())
        return self.files[-1]

    def cut_behind_tag(self, sent: Sent, missing_events: int) -> tuple[int, int] | None:
        """How many lines were cut that kept their tag, and to which length; None: nothing shows any.

        It shows where many lines are as long as the longest of them, and that is shorter than the longest event: by
        more than the shortest line is shorter than the shortest event, for a collector may leave out a part of each.
        The whole capture must have been sent, and be there but for a few: else the longest may not be among them.
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
        """The lines without a trace of a tag that were cut, of all files; `sent_bytes` as above."""
        found = cut_traceless([file.place(sent_bytes) for file in self.files])
        return CutTraceless(
            np.unique(np.concatenate([each.lengths for each in found])) if found else np.zeros(0, np.int64),
            sum(each.events for each in found),
            sum(each.doubtful_events for each in found),
            sum(each.piled_events for each in found),
        )


def _count(by_length: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
    """Count lines by their length, those that are not too long."""
    told = lengths[lengths < MOST_BYTES]
    if told.size:
        counts = np.bincount(told)
        by_length[: len(counts)] += counts
