"""In which order do files follow each other in time? As their first instants say, and else as rotation named them.

Names tell the age of files where a program rotates them:

    f.log.2.gz, f.log.1, f.log           logrotate(8): the higher the number behind a dot, the older
    f.log-20250829, f.log-20250830, f.log    logrotate(8), dateext
    f.pcap, f.pcap1, f.pcap2             tcpdump -C: the oldest has no number
    f.pcap00, f.pcap01                   tcpdump -C -W: a ring, whose order only the first instants tell
    f_00001_20250830101530.pcapng        dumpcap -b
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from captures.packets.sources.inputs import Input

_PACKED: Final = re.compile(r"\.(gz|zst|lz4|xz)$")
_NUMBERED: Final = re.compile(r"^(.*)\.(\d{1,5})$", re.DOTALL)
_DATED: Final = re.compile(r"^(.*)-(\d{8,})$", re.DOTALL)
_NEWEST: Final = 1

NameKey = tuple[list[tuple[int, str]], int, int]


def in_time_order(inputs: Sequence[Input], first_instant: Callable[[Input], int | None]) -> list[Input]:
    """The inputs, the oldest first; `first_instant` is asked for the first instant of each, in ns, that is no pipe.

    Those of one instant, and those of which it is not known (None), are in the order that rotation gave their names;
    those of one name (in two folders) stay as they were. Files of which it is not known come after those of which it
    is. Pipes come last, since what is still being written is newer than what is there, and stay as they were named.
    """

    def key(each: Input) -> tuple[bool, bool, int, NameKey | None]:
        if each.size_bytes is None:
            return True, False, 0, None
        instant_ns = first_instant(each)
        return False, instant_ns is None, instant_ns or 0, name_order(each.name)

    return sorted(inputs, key=key)


def name_order(name: str) -> NameKey:
    """What files are sorted by, so that those of a rotated set are in the order in which they were written."""
    name = _PACKED.sub("", name)
    if found := _NUMBERED.match(name):
        return _natural(found[1]), 0, -int(found[2])
    if found := _DATED.match(name):
        return _natural(found[1]), 0, int(found[2])
    return _natural(name), _NEWEST, 0


def _natural(name: str) -> list[tuple[int, str]]:
    """The parts of a name, digits as numbers, so that 10 comes after 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
