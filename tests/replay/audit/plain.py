"""The audit by its definition: regular expressions and sets, a line and a tag at a time."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from replay.audit.lines import NEAR

TAG = re.compile(
    rb"(?:(?<![0-9A-Fa-f-])|(?<=\\[uU][0-9A-Fa-f]{4})|(?<=\\[xX][0-9A-Fa-f]{2})|(?<=%[0-9A-Fa-f]{2}))"
    rb"([0-9A-Fa-f]{8})-([0-9A-Fa-f]{4})-([0-9A-Fa-f]{10})(?![0-9A-Fa-f-])"
)
MARKER = re.compile(rb"(?i)stampede(=|@32473|\\u003d)")

Tag = tuple[int, int, int]


@dataclass
class Audited:
    """What plain counting finds: `lanes` and the counters are by run and port."""

    lines: int = 0
    tagged: int = 0
    malformed: int = 0
    tags: list[Tag] = field(default_factory=list)
    """Each once per line, in order."""


def audited(content: bytes) -> Audited:
    """One file."""
    found = Audited()
    lines = content.split(b"\n")
    for line in lines if lines[-1] else lines[:-1]:
        found.lines += 1
        last: dict[Tag, int] = {}
        for match in TAG.finditer(line):
            run, port, number = (int(digits, 16) for digits in match.groups())
            tag = (run, port, number)
            if tag not in last or match.start() - last[tag] > NEAR:
                found.tags.append(tag)
            last[tag] = match.start()
        if last:
            found.tagged += 1
        elif MARKER.search(line):
            found.malformed += 1
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
