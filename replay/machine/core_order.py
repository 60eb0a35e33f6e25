"""How many workers does a run need, and which cores do they get? Pure: the facts about the machine are arguments.

A core that serves a network card's interrupts has less time for a worker, and makes it wait. Core 0 serves all that no
other core was told to serve, above all timers. Memory of another NUMA node is slower to copy from.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

HEADROOM: Final = 0.75
"""The part of its measured rate that a worker is planned to send; the rest lets it catch up after a stall."""

USUAL_EPS: Final = {True: 6_000_000, False: 250_000}
"""The rate that a worker is expected to send where nothing was measured, with GSO (True) and without (False)."""


@dataclass(frozen=True)
class Topology:
    """How near the cores are to the network card, to memory and to each other; this decides which cores workers get."""

    nic: str | None = None
    """The network card that the run goes through; None: there is no card, as on loopback."""
    nic_node: int | None = None
    """The memory node next to the card; None: unknown."""
    irq_cpus: Collection[int] = ()
    """The cores that serve the card's interrupts."""
    nodes: Mapping[int, int] = field(default_factory=dict)
    """The memory node of each core."""
    siblings: Mapping[int, Collection[int]] = field(default_factory=dict)
    """For each core, the cores that share its hardware, the core itself included."""

    def far(self, cpu: int) -> bool:
        """Whether `cpu` is known to be next to another memory node than the card."""
        return self.nic_node is not None and self.nodes.get(cpu, self.nic_node) != self.nic_node

    def busy(self, cpu: int) -> bool:
        """Whether `cpu` has interrupts to serve."""
        return cpu == 0 or cpu in self.irq_cpus

    def drawback(self, cpu: int) -> str | None:
        """Why another core than `cpu` would be better for a worker; None: `cpu` has no drawback."""
        if self.far(cpu):
            return f"far from {self.nic}'s memory node"
        if cpu in self.irq_cpus:
            return f"serves {self.nic}'s interrupts"
        return "serves the kernel's own" if cpu == 0 else None


def ordered(cpus: Sequence[int], topology: Topology) -> tuple[int, ...]:
    """Sort `cpus`, the best first: cores without a drawback, then the merely busy ones, then those far from the card.

    Among equal cores, first come those that share no hardware with an earlier one, and then the lower numbers.
    """
    taken: set[int] = set()
    order: list[int] = []
    left = set(cpus)
    while left:
        best = min(left, key=lambda cpu: (topology.far(cpu), topology.busy(cpu), cpu in taken, cpu))
        order.append(best)
        left.remove(best)
        taken |= set(topology.siblings.get(best, (best,)))
    return tuple(order)


def reckon_workers(
    peak_eps: float | None,
    lanes: int,
    cpus: Sequence[int],
    topology: Topology,
    *,
    gso: bool,
    measured_eps: int | None,
) -> tuple[int, str]:
    """How many workers a run needs, and why: at least 1, at most as many as there are lanes and cores.

    `peak_eps` is the highest rate that they send together; None: as fast as they can. `measured_eps` is the rate
    measured for one worker; None: nothing was measured.
    """
    most = min(lanes, len(set(cpus)))
    if peak_eps is None:
        free = sum(topology.drawback(cpu) is None for cpu in set(cpus))
        count = max(1, min(most, free))
        return count, f"{count}: as fast as it goes, one for each core that nothing else needs"
    if measured_eps is None:
        each, source = USUAL_EPS[gso], "with GSO" if gso else "without GSO"
        source = f"as is usual {source}; `replay calibrate` measures it"
    else:
        each, source = int(measured_eps * HEADROOM), f"{HEADROOM:.0%} of what one was measured to send"
    wanted = max(1, ceil(peak_eps / max(1, each)))
    count = min(wanted, most)
    why = f"{count}: {peak_eps:,.0f} EPS at {each:,} each, {source}"
    if wanted > most:
        limit = "lanes" if most == lanes else "cores"
        why += f"; that takes {wanted}, and there are {most} {limit}"
    return count, why
