"""What did the sockets at some ports drop, from one look at the host to the next? Pure.

A socket is identified by port, address and inode. A socket that is missing in one look may be there in the next: the
kernel lists its sockets piece by piece, while others are opened and closed. So the account of a socket that is gone is
kept for a while, and goes on if the socket comes back.
"""

from dataclasses import dataclass, field
from typing import Final

from replay.clock import SECOND_NS
from replay.linux.growth import grown, grown_by_core, grown_by_device
from replay.linux.network.udp_sockets import UdpSocket
from replay.linux.process_stat import TICKS_PER_SECOND, ProcessStat
from replay.receiver_host.drop_times import DropTimes

MOST_CLOSED: Final = 100
"""The most closed sockets, and ended programs, that have an account each; of older ones only the sums are kept."""

_MODULUS: Final = 1 << 32
_FAIR_NS: Final = SECOND_NS // 2
"""The least time over which a share of CPU time is computed: it is counted in ticks of 10 ms."""

Identity = tuple[int, str, int]


@dataclass(frozen=True)
class Look:
    """What was seen of a host at one instant. Parts that were not looked at are None."""

    at_ns: int
    sockets: list[UdpSocket]
    whole: bool = True
    """Whether all of the host's sockets were read."""
    owners: dict[int, list[int] | None] | None = None
    """The processes that have each inode open; None for an inode: its owner is not readable."""
    processes: dict[int, ProcessStat] | None = None
    counters: dict[str, int] | None = None
    """The host's counters since its start."""
    backlogs: dict[int, tuple[int, int]] | None = None
    nics: dict[str, dict[str, int]] | None = None


@dataclass
class SocketAccount:
    """The account of a socket since it was first seen."""

    socket: UdpSocket
    """The socket as it was at the last look."""
    first_ns: int
    last_ns: int
    dropped_packets: int = 0
    waiting_bytes_max: int = 0
    owners: list[int] | None = None

    def go_on(self, socket: UdpSocket, at_ns: int) -> int:
        """Add a look at the socket; returns the packets that it dropped since the look before."""
        dropped = (socket.drops - self.socket.drops) % _MODULUS
        if dropped >= _MODULUS // 2:  # a counter never goes back, so this is another socket with the same inode
            dropped = socket.drops
        self.socket, self.last_ns = socket, at_ns
        self.dropped_packets += dropped
        self.waiting_bytes_max = max(self.waiting_bytes_max, socket.waiting_bytes)
        return dropped


@dataclass
class ProgramAccount:
    """The account of a process that has had one of the sockets open."""

    pid: int
    stat: ProcessStat
    first_ns: int
    last_ns: int
    cpu_ticks: int = 0
    cpu_percent_max: float | None = None
    memory_bytes_max: int = 0

    def go_on(self, stat: ProcessStat, at_ns: int) -> None:
        """Add a look at the process."""
        ticks, passed_ns = stat.cpu_ticks - self.stat.cpu_ticks, at_ns - self.last_ns
        if passed_ns >= _FAIR_NS:
            self.cpu_percent_max = max(self.cpu_percent_max or 0.0, _percent(ticks, passed_ns))
        self.stat, self.last_ns = stat, at_ns
        self.cpu_ticks += ticks
        self.memory_bytes_max = max(self.memory_bytes_max, stat.memory_bytes)

    @property
    def cpu_percent(self) -> float | None:
        """The share of one core that the process used since it was first seen; None: it was seen too short a time."""
        seen_ns = self.last_ns - self.first_ns
        return _percent(self.cpu_ticks, seen_ns) if seen_ns >= _FAIR_NS else None


@dataclass
class Earlier:
    """The sums of a port's closed sockets that no longer have an account each."""

    sockets: int = 0
    dropped_packets: int = 0
    discarded_bytes: int = 0


@dataclass
class Accounts:
    """All that the looks at some ports have shown. Its size is bounded by the sockets that are open at a time."""

    ports: tuple[int, ...]
    first_ns: int | None = None
    last_ns: int = 0
    looks: int = 0
    cut_looks: int = 0
    """Looks that did not see all sockets."""
    failed_looks: int = 0
    """Looks that failed, for example because this process had no file descriptor left."""
    sockets: dict[Identity, SocketAccount] = field(default_factory=dict)
    earlier: dict[int, Earlier] = field(default_factory=dict)
    programs: dict[tuple[int, int], ProgramAccount] = field(default_factory=dict)
    """The programs by process id and start time."""
    counters: dict[str, int] = field(default_factory=dict)
    """What the host has counted since the first look."""
    nics: dict[str, dict[str, int]] = field(default_factory=dict)
    drops: DropTimes = field(default_factory=DropTimes)
    _before: Look | None = None
    """The latest look that had counters, with which the next one is compared."""

    def take(self, look: Look) -> None:
        """Add the next look."""
        if self.first_ns is None:
            self.first_ns = look.at_ns
        self.last_ns = look.at_ns
        self._take_sockets(look)
        self._take_programs(look)
        self._take_counters(look)
        self.looks += 1
        self.cut_looks += not look.whole

    @property
    def waiting_bytes(self) -> int:
        """The bytes that wait at all open sockets."""
        return sum(each.socket.waiting_bytes for each in self.sockets.values() if self.is_open(each))

    def is_open(self, account: SocketAccount) -> bool:
        """Whether the latest look saw the socket."""
        return account.last_ns == self.last_ns

    def _take_sockets(self, look: Look) -> None:
        assert self.first_ns is not None
        for socket in look.sockets:
            key = (socket.port, socket.address, socket.inode)
            account = self.sockets.get(key)
            if account is None:
                # The counter of a socket that appears later began at 0, unless the socket may have been there unseen.
                unseen = not self.looks or self.cut_looks
                start = socket if unseen else socket._replace(drops=0)
                account = self.sockets[key] = SocketAccount(start, look.at_ns, look.at_ns)
            dropped = account.go_on(socket, look.at_ns)
            if look.owners and (owners := look.owners.get(socket.inode)) is not None:
                account.owners = owners
            if dropped:
                at_s = (look.at_ns - self.first_ns) / SECOND_NS
                self.drops.add(socket.port, at_s, dropped, socket.waiting_bytes)
        self._forget_closed()

    def _forget_closed(self) -> None:
        closed = [key for key, account in self.sockets.items() if not self.is_open(account)]
        closed.sort(key=lambda key: self.sockets[key].last_ns)
        for key in closed[: max(0, len(closed) - MOST_CLOSED)]:
            account = self.sockets.pop(key)
            earlier = self.earlier.setdefault(key[0], Earlier())
            earlier.sockets += 1
            earlier.dropped_packets += account.dropped_packets
            earlier.discarded_bytes += account.socket.waiting_bytes

    def _take_programs(self, look: Look) -> None:
        if look.processes is None:
            return
        for pid, stat in look.processes.items():
            account = self.programs.get((pid, stat.started_ticks))
            if account is None:
                account = ProgramAccount(pid, stat, look.at_ns, look.at_ns)
                self.programs[pid, stat.started_ticks] = account
            account.go_on(stat, look.at_ns)
        ended = [key for key, account in self.programs.items() if account.last_ns != look.at_ns]
        for key in ended[: max(0, len(ended) - MOST_CLOSED)]:
            del self.programs[key]

    def _take_counters(self, look: Look) -> None:
        """Add the growth of the counters since the latest look that had them."""
        if look.counters is None or look.backlogs is None or look.nics is None:
            return
        before, self._before = self._before or look, look
        assert before.counters is not None
        assert before.backlogs is not None
        assert before.nics is not None
        _add(self.counters, grown(before.counters, look.counters))
        for place, name in enumerate(("backlog_dropped", "backlog_time_squeezes")):
            then, now = ({core: row[place] for core, row in of.items()} for of in (before.backlogs, look.backlogs))
            _add(self.counters, {name: grown_by_core(then, now)})
        for device, counted in grown_by_device(before.nics, look.nics).items():
            _add(self.nics.setdefault(device, {}), counted)


def _add(sums: dict[str, int], more: dict[str, int]) -> None:
    for name, value in more.items():
        sums[name] = sums.get(name, 0) + value


def _percent(ticks: int, passed_ns: int) -> float:
    return round(100 * ticks / TICKS_PER_SECOND * SECOND_NS / passed_ns, 2)
