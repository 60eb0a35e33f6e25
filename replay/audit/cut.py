"""Which lines lack their tag because something cut them, and to which length were they cut? Counted by run and port.

A line that ends within a tag, or within the text that announces a tag, was cut. `replay.audit.line_lengths` says which
of the lines without any trace of a tag were cut, and which may have been.

The rest of a tag may still name the run and the port. Which run is asked for is known only when all files are read, so
lines are counted by run and port; the number of these counts is bounded.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.tags import BLANK, MARK, TAG_BYTES, parse_tags
from replay.audit.find import LEAD
from replay.audit.line_lengths import MOST_BYTES, LineLengths
from replay.unaligned import texts_at

MOST_KINDS: Final = 4096
"""The most pairs of run and port that are counted apart; lines of further ones count as lines that name no run."""

_END: Final = re.compile(
    rb"stampede(?:=|\\u003d|@32473(?:(?: (?:t(?:ag?)?)?)?| tag=(?:\\*\"{0,2}|\\u0022)))"
    rb"(?P<run>[0-9a-f]{8}|[0-9a-f]{0,7})"
    rb"(?:(?<=[0-9a-f]{8})-(?P<port>[0-9a-f]{4}|[0-9a-f]{0,3})(?:(?<=-[0-9a-f]{4})-[0-9a-f]{0,9})?)?"
    rb"[\"'\\\]})\r ]*\n",
    re.IGNORECASE,
)
"""The end of a line that was cut within its tag, with what an export may put behind a message."""
_ROW_BYTES: Final = LEAD + 1

_MARK: Final = np.frombuffer(MARK.encode(), np.uint8)
_BLANK: Final = np.frombuffer(BLANK.encode(), np.uint8)
_LOWER: Final = 0x20
"""The bit that distinguishes small letters from capitals; an equals sign has it set."""
_RUN_DIGITS, _PORT_DIGITS = map(len, BLANK.split("-")[:2])
_TO_PORT_BYTES: Final = _RUN_DIGITS + 1 + _PORT_DIGITS

# The kind of a cut line is what its tag still says: the run in the high bits, the port in the low ones.
_KIND_BITS: Final = 17
_NO_PORT: Final = 1 << 16
_PORT_MASK: Final = (1 << _KIND_BITS) - 1
_UNKNOWN: Final = -1
"""The kind of lines whose run is cut off."""
_NOT_CUT: Final = -2


@dataclass(frozen=True)
class CutLengths:
    """The least and the greatest length to which lines were cut, in bytes."""

    min: int
    max: int


@dataclass
class _LinesOfKind:
    """The cut lines of one kind."""

    lines: int
    shortest: int
    longest: int

    def add(self, lines: int, shortest: int, longest: int) -> None:
        """Add further lines."""
        self.lines += lines
        self.shortest, self.longest = min(self.shortest, shortest), max(self.longest, longest)

    @property
    def to_bytes(self) -> CutLengths:
        """The lengths to which the lines were cut."""
        return CutLengths(self.shortest, self.longest)


@dataclass(frozen=True)
class CutOf:
    """The cut lines of one run, as far as can be known; lines whose run is cut off are among them."""

    lines: int
    own_lines: int
    """Those of `lines` that name this run."""
    other_lines: int
    """Cut lines that name another run; `lines` does not count them."""
    doubtful_lines: int
    """Lines without any trace of a tag that were cut, or are of other programs; `lines` does not count them."""
    piled_lines: int
    """Those of `doubtful_lines` that may be cut only because many lines are as long as the longest one."""
    to_bytes: CutLengths | None
    ports: dict[int, tuple[int, CutLengths]]
    """By the port that is left in the tags: number of lines, and their lengths."""


class CutLines:
    """Counts the lines that were cut before the end of their tag."""

    def __init__(self) -> None:
        self._kinds: dict[int, _LinesOfKind] = {}
        self.lengths = LineLengths()

    def take_marked(
        self, window: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Count lines with a marker but no whole tag, which end at `ends`. Returns the lengths of the cut ones."""
        found = _kinds_of(window, ends)
        cut = found != _NOT_CUT
        for kind in np.unique(found[cut]).tolist():
            self._note(kind, lengths[found == kind])
        return np.asarray(lengths[cut])

    def _note(self, kind: int, lengths: NDArray[np.int64]) -> None:
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            kind = _UNKNOWN
        shortest, longest = int(lengths.min()), int(lengths.max())
        self._kinds.setdefault(kind, _LinesOfKind(0, shortest, longest)).add(len(lengths), shortest, longest)

    def of(self, run: int | None, sent_bytes: tuple[int, int] | None = None) -> CutOf:
        """The cut lines of a run; `sent_bytes` are the lengths of its shortest and longest event, if they are known."""
        total, ports = _LinesOfKind(0, MOST_BYTES, 0), dict[int, _LinesOfKind]()
        own = others = 0
        for kind, cut in self._kinds.items():
            port = kind & _PORT_MASK
            if kind != _UNKNOWN and kind >> _KIND_BITS != run:
                others += cut.lines
                continue
            own += cut.lines if kind != _UNKNOWN else 0
            total.add(cut.lines, cut.shortest, cut.longest)
            if kind != _UNKNOWN and port != _NO_PORT:
                ports[port] = cut
        found = self.lengths.traceless(sent_bytes)
        if found.lengths.size:
            total.add(found.events, int(found.lengths[0]), int(found.lengths[-1]))
        told = {port: (lines.lines, lines.to_bytes) for port, lines in ports.items()}
        any_of_it = total.lines or found.doubtful_events
        to_bytes = total.to_bytes if any_of_it else None
        return CutOf(total.lines, own, others, found.doubtful_events, found.piled_events, to_bytes, told)


def _kinds_of(window: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The kinds of lines that end at `ends`, int64: what the cut tag still says, or _NOT_CUT if no tag is cut."""
    kinds = _ending_plainly(window, ends)
    rest = np.flatnonzero(kinds == _NOT_CUT)
    if rest.size:
        rows = texts_at(window, ends[rest] - LEAD, _ROW_BYTES).tobytes()
        for match in _END.finditer(rows):
            number, behind = divmod(match.end(), _ROW_BYTES)
            if not behind:  # else the match is the end of an earlier line
                kinds[rest[number - 1]] = _kind(match["run"], match["port"] or b"")
    return kinds


def _kind(run: bytes, port: bytes) -> int:
    if len(run) < _RUN_DIGITS:
        return _UNKNOWN
    return int(run, 16) << _KIND_BITS | (int(port, 16) if len(port) == _PORT_DIGITS else _NO_PORT)


def _ending_plainly(window: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The kinds of lines that end in `stampede=` and a part of a tag, as most cut lines do; all are read at once.

    The missing end of each tag is filled up from a blank tag, so that it can be parsed like a whole one.
    """
    width = len(_MARK) + TAG_BYTES
    rows = texts_at(window, ends - width, width)
    left = np.argmax(rows[:, ::-1] == _MARK[-1], axis=1)  # bytes behind the last equals sign
    left[left >= TAG_BYTES] = 0
    marks = texts_at(window, ends - left - len(_MARK), len(_MARK))
    columns = np.arange(TAG_BYTES)
    texts = np.take_along_axis(rows, np.minimum(columns + width - left[:, None], width - 1), axis=1)
    tags = parse_tags(np.where(columns < left[:, None], texts, _BLANK))
    kinds = tags.run << _KIND_BITS | np.where(left >= _TO_PORT_BYTES, tags.port, _NO_PORT)
    kinds[left < _RUN_DIGITS] = _UNKNOWN
    return np.where(tags.sound & (marks | _LOWER == _MARK).all(axis=1), kinds, _NOT_CUT)
