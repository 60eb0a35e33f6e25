"""Work is done in order, behind the caller's back, and its errors reach the caller."""

import threading

import pytest

from captures.files.behind import MOST_WAITING, Behind


def test_work_is_done_in_order_and_all_of_it() -> None:
    done: list[int] = []
    behind = Behind()

    for number in range(50):
        behind.do(done.append, number)
    behind.finish()
    behind.close()

    assert done == list(range(50))


def test_the_caller_is_never_further_ahead_than_the_bound() -> None:
    go, started = threading.Event(), list[int]()
    behind = Behind()
    for _ in range(MOST_WAITING):
        behind.do(go.wait, 10)
    threading.Timer(0.1, lambda: (started.append(1), go.set())).start()

    behind.do(int)

    assert started, "one piece more was taken while all places were full"
    behind.close()


def test_an_error_comes_at_the_next_call_or_at_the_end() -> None:
    def fail() -> None:
        raise OSError(28, "full")

    behind = Behind()
    behind.do(fail)
    with pytest.raises(OSError, match="full"):
        for _ in range(MOST_WAITING + 1):
            behind.do(int)
    behind.do(fail)
    with pytest.raises(OSError, match="full"):
        behind.finish()
    behind.close()


def test_what_has_not_begun_is_not_done_after_closing() -> None:
    go, done = threading.Event(), list[int]()
    behind = Behind()
    behind.do(go.wait, 10)
    behind.do(done.append, 1)
    threading.Timer(0.1, go.set).start()

    behind.close()

    assert not done
