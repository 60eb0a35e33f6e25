"""What `tools/tune` plans: which kernel settings millions of UDP datagrams per second need, and how high. Pure.

docs/tuning.md has the reasons of each, with sources, and what is left out.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Value = tuple[int, ...]
"""A setting's numbers: one, or the three of a vector."""
Role = Literal["sender", "receiver", "both"]
Outcome = Literal["change", "enough", "absent", "fixed", "changed", "restored", "unchanged", "foreign"]

PORTS: Final = 40
SINK_BUFFER_BYTES: Final = 64 << 20  # `replay sink --buffer` unless told otherwise
UDP_MEMORY_MOST_BYTES: Final = 12 * 10**9


@dataclass(frozen=True)
class Reading:
    """A setting as it is on the host."""

    value: Value
    writable: bool = True


@dataclass(frozen=True)
class Step:
    """What is planned for a setting, or was done about it. `now` is None where there is none."""

    name: str
    """As sysctl(8) writes it, or device/NAME/txqueuelen."""
    now: Value | None
    wanted: Value
    outcome: Outcome
    why: str


def udp_memory_pages(memory_bytes: int) -> int:
    """Pages that all UDP sockets may queue: PORTS full buffers or a quarter of the memory, never above half of it.

    The kernel doubles what SO_RCVBUF asks for (socket(7)), so a full buffer is twice as much.
    """
    share_bytes = min(memory_bytes // 4, UDP_MEMORY_MOST_BYTES)
    return min(max(PORTS * 2 * SINK_BUFFER_BYTES, share_bytes), memory_bytes // 2) // mmap.PAGESIZE


def least(memory_bytes: int, role: Role, device: str | None = None) -> list[tuple[str, Value, str]]:
    """The settings of a role as name, least value and why, in the order in which they are applied."""
    queue = f"device/{device}/txqueuelen"
    pages = (udp_memory_pages(memory_bytes),) * 3
    rows: list[tuple[Role, str, Value, str]] = [
        ("sender", "net.core.wmem_max", (4 << 20,), "the 4 MiB that a sender without CAP_NET_ADMIN gets"),
        ("sender", queue, (10_000,), "a burst waits in the device's queue (pfifo_fast) and is not dropped"),
        (
            "receiver",
            "net.core.rmem_max",
            (SINK_BUFFER_BYTES,),
            "the 64 MiB per port that a sink without CAP_NET_ADMIN gets",
        ),
        ("receiver", "net.core.rmem_default", (16 << 20,), "a SIEM that sets no SO_RCVBUF: 0.2 s of 100,000 events/s"),
        ("receiver", "net.ipv4.udp_mem", pages, "all UDP receive queues, in pages; the first number is the limit"),
        ("receiver", "net.ipv4.udp_rmem_min", (256 << 10,), "what a socket may queue when others used udp_mem up"),
        ("receiver", "net.core.netdev_max_backlog", (65_536,), "loopback, veth, RPS: packets that wait for a core"),
    ]
    mine = (row[1:] for row in rows if role in (row[0], "both"))
    return [row for row in mine if row[0] != queue or device is not None]


def plan(current: Mapping[str, Reading], memory_bytes: int, role: Role, device: str | None = None) -> list[Step]:
    """What to do about each setting of `role`; one that `current` lacks is absent. No number is lowered. Pure."""
    return [_step(current.get(name), name, value, why) for name, value, why in least(memory_bytes, role, device)]


def _step(reading: Reading | None, name: str, value: Value, why: str) -> Step:
    if reading is None:
        return Step(name, None, value, "absent", why)
    wanted = tuple(max(pair) for pair in zip(reading.value, value, strict=True))
    due: Outcome = "change" if reading.writable else "fixed"
    return Step(name, reading.value, wanted, "enough" if wanted == reading.value else due, why)
