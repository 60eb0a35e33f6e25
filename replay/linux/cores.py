"""The cores of this machine: which memory each is next to, and which share one core's hardware (sysfs).

Documentation/ABI/stable/sysfs-devices-system-cpu, sysfs-devices-node.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

_CPUS: Final = Path("/sys/devices/system/cpu")


def parse_cpu_list(text: str) -> frozenset[int]:
    """The cores of a kernel's list: `0-3,8`. Raises ValueError."""
    spans = (span.partition("-") for span in text.strip().split(",") if span)
    return frozenset(cpu for first, _, last in spans for cpu in range(int(first), int(last or first) + 1))


def memory_nodes(cpus: Iterable[int], root: Path = _CPUS) -> dict[int, int]:
    """The NUMA node of each of `cpus` that has one."""
    return {cpu: int(node.name[4:]) for cpu in cpus for node in (root / f"cpu{cpu}").glob("node[0-9]*")}


def siblings(cpus: Iterable[int], root: Path = _CPUS) -> dict[int, frozenset[int]]:
    """For each of `cpus` the cores that share its hardware (threads), itself among them."""
    return {cpu: _listed(root / f"cpu{cpu}/topology/thread_siblings_list") | {cpu} for cpu in cpus}


def _listed(path: Path) -> frozenset[int]:
    try:
        return parse_cpu_list(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return frozenset()
