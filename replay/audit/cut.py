"""Which lines lack their tag because something cut them, and to which length.

A line was cut that ends within what announces a tag, or within the tag. Of lines without any trace of a tag
`replay.audit.line_lengths` tells which were cut, and which may have been.

A tag that is left in part may still say the run and the port. Which run is asked for is known only when all is read, so
lines are counted by both; what is kept is bounded.
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
"""Runs and ports that are kept account of; those of further ones are as good as cut off."""

_END: Final = re.compile(
    rb"stampede(?:=|\\u003d|@32473(?:(?: (?:t(?:ag?)?)?)?| tag=(?:\\*\"{0,2}|\\u0022)))"
    rb"(?P<run>[0-9a-f]{8}|[0-9a-f]{0,7})"
    rb"(?:(?<=[0-9a-f]{8})-(?P<port>[0-9a-f]{4}|[0-9a-f]{0,3})(?:(?<=-[0-9a-f]{4})-[0-9a-f]{0,9})?)?"
    rb"[\"'\\\]})\r ]*\n",
    re.IGNORECASE,
)
"""The end of a line within a tag, and what an export puts behind a message."""
_ROW_BYTES: Final = LEAD + 1

_MARK: Final = np.frombuffer(MARK.encode(), np.uint8)
_BLANK: Final = np.frombuffer(BLANK.encode(), np.uint8)
_LOWER: Final = 0x20
"""The bit by which small letters differ from capitals; an equals sign has it."""
_RUN_DIGITS, _PORT_DIGITS = map(len, BLANK.split("-")[:2])
_TO_PORT_BYTES: Final = _RUN_DIGITS + 1 + _PORT_DIGITS

# A kind of cut lines is what their tags still say: the run, and below it the port.
_KIND_BITS: Final = 17
_NO_PORT: Final = 1 << 16
_PORT_MASK: Final = (1 << _KIND_BITS) - 1
_UNKNOWN: Final = -1
"""The kind of lines that do not say their run."""
_NOT_CUT: Final = -2


@dataclass
class _Lines:
    """Lines that were cut, of one kind."""

    lines: int
    shortest: int
    longest: int

    def add(self, lines: int, shortest: int, longest: int) -> None:
        """Count others to them."""
        self.lines += lines
        self.shortest, self.longest = min(self.shortest, shortest), max(self.longest, longest)

    @property
    def to_bytes(self) -> dict[str, int]:
        """The lengths to which they were cut."""
        return {"min": self.shortest, "max": self.longest}


@dataclass(frozen=True)
class CutOf:
    """What was cut of one run, as far as one can tell: with the lines that do not say their run."""

    lines: int
    own_lines: int
    """Of these, those that say this run."""
    other_lines: int
    """Lines beside these, which say another run."""
    doubtful_lines: int
    """Lines beside these without any trace of a tag, which were cut or are of others."""
    piled_lines: int
    """Of these, those for which nothing else speaks than that many are as long as the longest."""
    to_bytes: dict[str, int] | None
    ports: dict[int, tuple[int, dict[str, int]]]
    """Lines and their lengths, by the port that they still say."""


class Cut:
    """The account of lines without a whole tag."""

    def __init__(self) -> None:
        self._kinds: dict[int, _Lines] = {}
        self.lengths = LineLengths()

    def take_marked(
        self, window: NDArray[np.uint8], ends: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Note lines that announce a tag, have none and end at `ends`. Returns the lengths of those that were cut."""
        found = _kinds_of(window, ends)
        cut = found != _NOT_CUT
        for kind in np.unique(found[cut]).tolist():
            self._note(kind, lengths[found == kind])
        return np.asarray(lengths[cut])

    def _note(self, kind: int, lengths: NDArray[np.int64]) -> None:
        if kind not in self._kinds and len(self._kinds) >= MOST_KINDS:
            kind = _UNKNOWN
        shortest, longest = int(lengths.min()), int(lengths.max())
        self._kinds.setdefault(kind, _Lines(0, shortest, longest)).add(len(lengths), shortest, longest)

    def of(self, run: int | None, sent_bytes: tuple[int, int] | None = None) -> CutOf:
        """What was cut of a run; `sent_bytes` are the lengths of its shortest and longest event, if they are known."""
        total, ports = _Lines(0, MOST_BYTES, 0), dict[int, _Lines]()
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
    """For lines that end at `ends`, what the tags say within which they end: int64, _NOT_CUT where they end in none."""
    kinds = _ending_plainly(window, ends)
    rest = np.flatnonzero(kinds == _NOT_CUT)
    if rest.size:
        rows = texts_at(window, ends[rest] - LEAD, _ROW_BYTES).tobytes()
        for match in _END.finditer(rows):
            number, behind = divmod(match.end(), _ROW_BYTES)
            if not behind:  # else it is the end of a line before
                kinds[rest[number - 1]] = _kind(match["run"], match["port"] or b"")
    return kinds


def _kind(run: bytes, port: bytes) -> int:
    if len(run) < _RUN_DIGITS:
        return _UNKNOWN
    return int(run, 16) << _KIND_BITS | (int(port, 16) if len(port) == _PORT_DIGITS else _NO_PORT)


def _ending_plainly(window: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same where `stampede=` and a part of a tag are the end of the line, as they mostly are: many lines at once.

    What is missing of a tag is filled up with that of a blank one, so that what is there can be read as a whole one.
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
