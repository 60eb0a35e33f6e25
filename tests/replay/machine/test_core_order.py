"""Cores and numbers of workers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.machine.core_order import Topology, ordered

TWO_SOCKETS = Topology(
    nic="eth0",
    nic_node=1,
    irq_cpus={4, 5},
    nodes={cpu: cpu // 4 for cpu in range(8)},
    siblings={cpu: (cpu // 2 * 2, cpu // 2 * 2 + 1) for cpu in range(8)},
)


def test_the_cards_node_first_then_cores_without_interrupts_then_whole_cores() -> None:
    assert ordered(range(8), TWO_SOCKETS) == (6, 7, 4, 5, 1, 2, 3, 0)


def test_threads_of_one_core_are_the_last_choice_among_equals() -> None:
    threads = Topology(siblings={cpu: (cpu % 4, cpu % 4 + 4) for cpu in range(8)})
    assert ordered(range(8), threads) == (1, 2, 3, 4, 5, 6, 7, 0)


def test_core_0_is_taken_where_there_is_no_other() -> None:
    assert ordered([0], Topology()) == (0,)
    assert ordered([0, 1], Topology()) == (1, 0)


@given(st.permutations(range(8)), st.sets(st.integers(0, 7)), st.integers(0, 1))
def test_every_core_is_in_the_order_once_and_better_ones_come_first(cpus: Any, irq: set[int], node: int) -> None:
    topology = Topology("eth0", node, irq, {cpu: cpu // 4 for cpu in range(8)}, {})
    order = ordered(cpus, topology)
    assert sorted(order) == list(range(8))
    ranks = [(topology.far(cpu), topology.serves_interrupts(cpu)) for cpu in order]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("cpu", "said"),
    [(0, "far from eth0's memory node"), (4, "serves eth0's interrupts"), (6, None)],
)
def test_drawbacks(cpu: int, said: str | None) -> None:
    assert TWO_SOCKETS.drawback(cpu) == said
    assert Topology().drawback(0) == "serves the kernel's own"
