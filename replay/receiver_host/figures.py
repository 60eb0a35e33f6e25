"""How do the accounts of a host's sockets become a report? `replay.receiver_host.model` has its fields. Pure."""

from captures import __version__
from captures.format.stamp_writing import iso_ms
from replay.json_file import SCHEMA
from replay.receiver_host.accounts import Accounts, Earlier, ProgramAccount, SocketAccount
from replay.receiver_host.model import WatchedHost, WatchedNic, WatchedPort, WatchedProgram, WatchedSocket, WatchReport
from replay.receiver_host.table import summary


def watch_report(accounts: Accounts, started_wall_ns: int, ended_by: str) -> WatchReport:
    """The report of a watch that is over."""
    host = host_figures(accounts, started_wall_ns)
    return WatchReport(SCHEMA, summary(host), ended_by, host, __version__)


def host_figures(accounts: Accounts, started_wall_ns: int) -> WatchedHost:
    """All figures of the accounts."""
    lanes = [_lane(accounts, port) for port in accounts.ports]
    order = sorted(accounts.sockets.values(), key=lambda each: (each.socket.port, each.first_ns, each.socket.inode))
    return WatchedHost(
        dropped_packets=sum(lane.dropped_packets for lane in lanes),
        waiting_bytes=sum(lane.waiting_bytes for lane in lanes),
        discarded_bytes=sum(lane.discarded_bytes for lane in lanes),
        started=iso_ms(started_wall_ns),
        watched_s=_seconds(accounts, accounts.last_ns),
        looks=accounts.looks,
        cut_looks=accounts.cut_looks,
        failed_looks=accounts.failed_looks,
        lanes=lanes,
        sockets=[_socket(accounts, account) for account in order],
        programs=[_program(accounts, account) for account in accounts.programs.values()],
        counters=dict(accounts.counters),
        nics=[WatchedNic(name, **counted) for name, counted in accounts.nics.items()],
        drops=accounts.drops.figures(),
    )


def _seconds(accounts: Accounts, at_ns: int) -> float:
    return round((at_ns - (accounts.first_ns or at_ns)) / 1e9, 1)


def _lane(accounts: Accounts, port: int) -> WatchedPort:
    seen = [account for account in accounts.sockets.values() if account.socket.port == port]
    still = [account for account in seen if accounts.is_open(account)]
    closed = [account for account in seen if not accounts.is_open(account)]
    earlier = accounts.earlier.get(port, Earlier())
    return WatchedPort(
        port=port,
        dropped_packets=earlier.dropped_packets + sum(account.dropped_packets for account in seen),
        waiting_bytes=sum(account.socket.waiting_bytes for account in still),
        waiting_bytes_max=max((account.waiting_bytes_max for account in seen), default=0),
        discarded_bytes=earlier.discarded_bytes + sum(account.socket.waiting_bytes for account in closed),
        open_sockets=len(still),
        closed_sockets=earlier.sockets + len(closed),
    )


def _socket(accounts: Accounts, account: SocketAccount) -> WatchedSocket:
    return WatchedSocket(
        port=account.socket.port,
        address=account.socket.address,
        inode=account.socket.inode,
        uid=account.socket.uid,
        owners=account.owners,
        open=accounts.is_open(account),
        first_seen_s=_seconds(accounts, account.first_ns),
        last_seen_s=_seconds(accounts, account.last_ns),
        dropped_packets=account.dropped_packets,
        waiting_bytes=account.socket.waiting_bytes,
        waiting_bytes_max=account.waiting_bytes_max,
    )


def _program(accounts: Accounts, account: ProgramAccount) -> WatchedProgram:
    return WatchedProgram(
        pid=account.pid,
        command=account.stat.command,
        running=account.last_ns == accounts.last_ns,
        cpu_percent=account.cpu_percent,
        cpu_percent_max=account.cpu_percent_max,
        memory_bytes=account.stat.memory_bytes,
        memory_bytes_max=account.memory_bytes_max,
    )
