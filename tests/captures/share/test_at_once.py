"""Work is done by several threads, its results come in order, and no more of it is begun than somebody takes."""

import threading

import pytest

from captures.share.at_once import in_turn


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_order_and_few_wait(jobs):
    begun, most = [], 0
    for taken, result in enumerate(in_turn(jobs, lambda item: begun.append(item) or item * 2, range(100))):
        assert result == 2 * taken
        most = max(most, len(begun) - taken)
    assert len(begun) == 100
    assert most <= 2 * jobs + 1


def test_an_error_ends_it_and_the_others_are_told():
    stopped = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            raise ValueError("broken")
        return item if item == 0 else int(stopped.wait(60))

    with pytest.raises(ValueError, match="broken"):
        list(in_turn(4, work, range(50), stopped.set))
    assert stopped.is_set()


def test_who_leaves_early_ends_it_as_well():
    stopped, begun = threading.Event(), []
    for _ in in_turn(2, begun.append, range(1000), stopped.set):
        break
    assert len(begun) < 10


def test_nothing_is_stopped_where_all_is_done():
    stopped = threading.Event()
    assert list(in_turn(2, str, [], stopped.set)) == []
    assert list(in_turn(2, str, [1], stopped.set)) == ["1"]
    assert not stopped.is_set()
