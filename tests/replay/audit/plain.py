"""The audit by its definition: regular expressions and sets, a line and a tag at a time."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from captures.format.tags import TAG_BYTES
from replay.audit.line_lengths import MOST_BYTES
from replay.audit.lines import NEAR
from replay.sink.verify.cut_lengths import FEW, PRIORITY_BYTES

TAG = re.compile(rb"(?=([0-9A-Fa-f]{8})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{10}))")
"""Wherever it begins, also within another."""
MARKER = re.compile(rb"(?i)stampede(=|@32473|\\u003d)")
ANNOUNCED = rb'(?i)stampede(?:=|\\u003d|@32473(?: tag=(?:\\*"{0,2}|\\u0022)| tag| ta| t| |))'
"""All that may stand between the marker and the tag."""
CLOSED = rb"[\"'\\\]})\r ]*$"
PARTS = [
    rb"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{0,9}",
    rb"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{0,4}",
    rb"[0-9A-Fa-f]{0,8}",
]
"""What may be left of a tag, but not all."""
CUT = [re.compile(ANNOUNCED + b"(" + part + b")" + CLOSED) for part in PARTS]

Tag = tuple[int, int, int]


@dataclass
class Audited:
    """What plain counting finds: `lanes` and the counters are by run and port."""

    lines: int = 0
    tagged: int = 0
    malformed: int = 0
    cut: int = 0
    unfinished: int = 0
    tags: list[Tag] = field(default_factory=list)
    """Each once per line, in order."""
    parts: list[tuple[str, int]] = field(default_factory=list)
    """Of each line that ends within a tag, what is left of the tag, and the line's length."""


def tags_of(line: bytes) -> list[tuple[int, Tag]]:
    """All tags of a line and where they begin: of one run, none begins within the one before it."""
    found = []
    before = [(match.start(), tuple(int(digits, 16) for digits in match.groups())) for match in TAG.finditer(line)]
    for (place, tag), (last, other) in zip(before, [(-TAG_BYTES, (-1, 0, 0)), *before], strict=False):
        if place - last >= TAG_BYTES or other[0] != tag[0]:
            found.append((place, tag))
    return found


def audited(content: bytes) -> Audited:
    """One file."""
    found = Audited()
    untraced: Counter[int] = Counter()
    longest = 0
    *lines, last = content.split(b"\n")
    for line in (*lines, last) if last else lines:
        found.lines += 1
        place_of: dict[Tag, int] = {}
        for place, tag in tags_of(line):
            if tag not in place_of or place - place_of[tag] > NEAR:
                found.tags.append(tag)
            place_of[tag] = place
        if place_of:
            found.tagged += 1
            longest = max(longest, len(line) if found.lines <= len(lines) else 0)
        elif last and found.lines > len(lines):
            found.unfinished += 1
        elif part := next(filter(None, (pattern.search(line) for pattern in CUT)), None):
            found.parts.append((part[1].decode().lower(), len(line)))
        elif MARKER.search(line):
            found.malformed += 1
        else:
            untraced[len(line)] += 1
    parted = Counter(length for _, length in found.parts if length < MOST_BYTES)
    limits = {length for length, lines in parted.items() if lines >= FEW and length >= longest - PRIORITY_BYTES}
    at_limits = sum(untraced[length] for length in limits)
    others = sum(count for length, count in untraced.items() if length not in parted and length < MOST_BYTES)
    found.cut = len(found.parts) + max(at_limits - others, 0)
    return found


@dataclass
class Counted:
    """One lane, plainly."""

    seen: set[int] = field(default_factory=set)
    duplicated: int = 0
    reordered: int = 0
    depth: int = 0
    highest: int = -1


def counted(tags: list[Tag]) -> tuple[Counter[int], dict[tuple[int, int], Counted]]:
    """Tags by run, and the lanes."""
    lanes: dict[tuple[int, int], Counted] = defaultdict(Counted)
    for run, port, number in tags:
        lane = lanes[run, port]
        if number in lane.seen:
            lane.duplicated += 1
        elif number < lane.highest:
            lane.reordered += 1
            lane.depth = max(lane.depth, lane.highest - number)
        lane.seen.add(number)
        lane.highest = max(lane.highest, number)
    return Counter(run for run, _, _ in tags), lanes


def missing(seen: set[int], end: int) -> list[tuple[int, int]]:
    """First and last of the numbers below `end` that were not seen, for small ends."""
    ranges: list[tuple[int, int]] = []
    for number in range(end):
        if number in seen:
            continue
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
