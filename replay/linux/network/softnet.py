"""The backlogs between network cards and the protocols, one a core: /proc/net/softnet_stat, net/core/net-procfs.c."""

import re
from pathlib import Path
from typing import Final, NamedTuple

_FILE: Final = Path("/proc/net/softnet_stat")
_ROW: Final = re.compile(rb"^[0-9a-f]{8} ([0-9a-f]{8}) ([0-9a-f]{8})((?: [0-9a-f]{8})*)$", re.MULTILINE)
_CORE: Final = 9
"""The place of the core's number behind those two, since Linux 5.10."""


class Backlog(NamedTuple):
    """Of one core, all network namespaces together, since the machine's start; modulo 2^32."""

    dropped: int
    """Packets for which the backlog had no room (net.core.netdev_max_backlog)."""
    time_squeezes: int
    """How often receiving was put off with packets left (net.core.netdev_budget): nothing is lost by it."""


def backlogs() -> dict[int, Backlog]:
    """As they are now, by core. Raises OSError."""
    return parse_softnet(_FILE.read_bytes())


def parse_softnet(text: bytes) -> dict[int, Backlog]:
    """The file's lines, by core; where they do not say which, the number of the line."""
    found = {}
    for line, (dropped, squeezed, more) in enumerate(_ROW.findall(text)):
        columns = more.split()
        core = int(columns[_CORE], 16) if len(columns) > _CORE else line
        found[core] = Backlog(int(dropped, 16), int(squeezed, 16))
    return found
