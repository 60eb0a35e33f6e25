"""Which trial wins, and what is expected of a worker then."""

import pytest

from replay.calibration.winner import Trial, dependable_eps, winner
from replay.machine.core_order import Topology
from replay.plan.send_method import SendMethod
from replay.plan.worker_count import reckon_workers


@pytest.mark.parametrize(("rates", "place"), [([100, 104], 0), ([100, 106], 1), ([0, 50, 53, 49], 2), ([0, 50, 51], 1)])
def test_the_fastest_wins_unless_an_earlier_one_is_as_fast(rates: list[float], place: int) -> None:
    trials = [
        Trial(SendMethod(batch_trains=i + 1), [rate, rate * 9, 0] if rate else ()) for i, rate in enumerate(rates)
    ]
    assert winner(trials) is trials[place]


@pytest.mark.parametrize(
    ("free", "paced", "counted"), [(100, 60, 60), (100, 120, 100), (1, 0.1, 1), (5e6, 3_999_999.7, 3_999_999)]
)
def test_a_worker_is_counted_on_for_what_it_sends_at_a_pace(free: float, paced: float, counted: int) -> None:
    assert dependable_eps(Trial(SendMethod(), [free]), Trial(SendMethod(), [paced])) == counted


def test_the_workers_of_a_run_are_reckoned_by_that() -> None:
    """As fast as it goes two workers would seem enough; at a pace it takes three."""
    trials = [Trial(SendMethod(), [rate]) for rate in (3_000_000, 2_000_000)]
    count, why = reckon_workers(4e6, 40, range(8), Topology(), gso=True, measured_eps=dependable_eps(*trials))
    assert (count, why.startswith("3: 4,000,000 EPS at 1,500,000 each")) == (3, True)


def test_frames_that_were_refused_never_win() -> None:
    trials = [
        Trial(SendMethod(), [1.0]),
        Trial(SendMethod(backend="packet"), refused="lo: the kernel drops frames of our own"),
    ]
    assert winner(trials) is trials[0]
    assert winner(trials[::-1]) is trials[0]
