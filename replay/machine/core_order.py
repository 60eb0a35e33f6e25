"""Which cores do workers get? Pure: the facts about the machine are arguments.

A core that serves a network card's interrupts has less time for a worker, and makes it wait. Core 0 serves all that no
other core was told to serve, above all timers. Memory of another NUMA node is slower to copy from.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field


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

    def serves_interrupts(self, cpu: int) -> bool:
        """Whether `cpu` serves the card's interrupts, or as core 0 the kernel's own."""
        return cpu == 0 or cpu in self.irq_cpus

    def drawback(self, cpu: int) -> str | None:
        """Why another core than `cpu` would be better for a worker; None: `cpu` has no drawback."""
        if self.far(cpu):
            return f"far from {self.nic}'s memory node"
        if cpu in self.irq_cpus:
            return f"serves {self.nic}'s interrupts"
        return "serves the kernel's own" if cpu == 0 else None


def ordered(cpus: Sequence[int], topology: Topology) -> tuple[int, ...]:
    """Sort `cpus`, the best first: those without a drawback, those that serve interrupts, and those far from the card.

    Among equal cores, first come those that share no hardware with an earlier one, and then the lower numbers.
    """
    taken: set[int] = set()
    order: list[int] = []
    left = set(cpus)
    while left:
        best = min(left, key=lambda cpu: (topology.far(cpu), topology.serves_interrupts(cpu), cpu in taken, cpu))
        order.append(best)
        left.remove(best)
        taken |= set(topology.siblings.get(best, (best,)))
    return tuple(order)
