"""How many workers a run needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.machine.core_order import Topology
from replay.plan.worker_count import HEADROOM, USUAL_EPS, reckon_workers

TWO_SOCKETS = Topology(
    nic="eth0",
    nic_node=1,
    irq_cpus={4, 5},
    nodes={cpu: cpu // 4 for cpu in range(8)},
    siblings={cpu: (cpu // 2 * 2, cpu // 2 * 2 + 1) for cpu in range(8)},
)


@pytest.mark.parametrize(
    ("peak_eps", "lanes", "gso", "measured_eps", "count", "said"),
    [
        (4e6, 40, True, None, 1, "as is usual with GSO; `replay calibrate` measures it"),
        (4e6, 40, True, 2_000_000, 3, "75% of what one was measured to send"),
        (1e6, 40, False, None, 4, "250,000 each, as is usual without GSO"),
        (9e6, 40, False, None, 8, "that takes 36, and there are 8 cores"),
        (9e6, 2, False, None, 2, "that takes 36, and there are 2 lanes"),
        (0.5, 40, True, None, 1, "EPS at 8,000,000 each"),
        (None, 40, True, None, 2, "one for each core that nothing else needs"),
        (None, 1, True, None, 1, "as fast as it goes"),
    ],
)
def test_workers(
    peak_eps: float | None, lanes: int, gso: bool, measured_eps: int | None, count: int, said: str
) -> None:
    found, why = reckon_workers(peak_eps, lanes, range(8), TWO_SOCKETS, gso=gso, measured_eps=measured_eps)
    assert (found, why.startswith(f"{count}: ")) == (count, True)
    assert said in why


def test_short_trains_take_more_workers() -> None:
    """A train costs what an event does without GSO, until its events cost more."""
    found = {
        events: reckon_workers(2e6, 40, range(8), TWO_SOCKETS, gso=True, measured_eps=None, train_events=events)
        for events in (1.0, 4.0, 32.0, 128.0)
    }
    assert [count for count, _ in found.values()] == [8, 2, 1, 1]
    assert "250,000 each, as is usual with trains of 1.0 events" in found[1.0][1]
    assert found[32.0][1] == found[128.0][1]
    assert reckon_workers(2e6, 40, range(8), TWO_SOCKETS, gso=True, measured_eps=9_000_000, train_events=1.0)[0] == 1


@given(st.floats(1, 1e9), st.integers(1, 100), st.integers(1, 64), st.booleans(), st.none() | st.integers(1, 10**8))
def test_workers_suffice_or_are_as_many_as_can_be(
    peak_eps: float, lanes: int, cores: int, gso: bool, measured_eps: int | None
) -> None:
    count, _ = reckon_workers(peak_eps, lanes, range(cores), Topology(), gso=gso, measured_eps=measured_eps)
    each = USUAL_EPS[gso] if measured_eps is None else max(1, int(measured_eps * HEADROOM))
    assert 1 <= count <= min(lanes, cores)
    assert count * each >= peak_eps or count == min(lanes, cores)
    assert (count - 1) * each < peak_eps or count == 1
