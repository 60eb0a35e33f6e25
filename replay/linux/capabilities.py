"""What this process may do beyond an ordinary user: capabilities(7)."""

from enum import IntEnum
from pathlib import Path
from typing import Final

_STATUS: Final = Path("/proc/self/status")


class Capability(IntEnum):
    """Those that a sender has a use for, by their bit; include/uapi/linux/capability.h."""

    CAP_NET_ADMIN = 12
    CAP_NET_RAW = 13
    CAP_IPC_LOCK = 14
    CAP_SYS_NICE = 23


def effective_capabilities() -> frozenset[Capability]:
    """Those that count for this process now: CapEff of /proc/self/status, proc_pid_status(5). Raises OSError."""
    lines = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8", errors="replace").splitlines())
    bits = int(lines["CapEff"], 16)
    return frozenset(capability for capability in Capability if bits >> capability & 1)
