"""What is done about a worker that died or stands still, and what is said of it."""

import pytest

from replay.clock import SECOND_NS
from replay.supervision.health import FROZEN_NS, MEMORY_NS, MOST_FAILURES, SOFT_PATIENCE_NS, Action, Health, Recovery

NOW_NS = 10**15


def test_a_worker_that_beats_is_let_be() -> None:
    health = Health()

    assert {health.choose(NOW_NS + i, NOW_NS + i - FROZEN_NS, dead=False) for i in range(5)} == {Action.NONE}


def test_one_that_stands_still_is_woken_then_killed_then_replaced() -> None:
    health = Health()
    late_ns = NOW_NS + FROZEN_NS + 1

    assert health.choose(late_ns, NOW_NS, dead=False) is Action.SOFT
    assert health.choose(late_ns + SOFT_PATIENCE_NS, NOW_NS, dead=False) is Action.NONE
    assert health.choose(late_ns + SOFT_PATIENCE_NS + 1, NOW_NS, dead=False) is Action.KILL
    assert health.choose(late_ns + SOFT_PATIENCE_NS + 2, NOW_NS, dead=False) is Action.NONE
    assert health.choose(late_ns + SOFT_PATIENCE_NS + 3, NOW_NS, dead=True) is Action.HARD


@pytest.mark.parametrize(("later_ns", "action"), [(2 * MEMORY_NS, Action.SOFT), (MEMORY_NS // 2, Action.KILL)])
def test_one_that_stands_still_again_has_a_new_chance_if_it_is_long_ago(later_ns: int, action: Action) -> None:
    health = Health()
    assert health.choose(NOW_NS + FROZEN_NS + 1, NOW_NS, dead=False) is Action.SOFT
    assert health.choose(NOW_NS + FROZEN_NS + 2, NOW_NS + FROZEN_NS, dead=False) is Action.NONE

    again_ns = NOW_NS + later_ns
    assert health.choose(again_ns + FROZEN_NS + 1, again_ns, dead=False) is action


def test_one_that_dies_again_is_moved_and_at_last_given_up() -> None:
    health = Health()
    actions = [health.choose(NOW_NS + i, NOW_NS + i, dead=True) for i in range(MOST_FAILURES + 1)]

    assert actions == [Action.HARD, Action.MOVE, Action.MOVE, Action.GIVE_UP]


def test_deaths_long_ago_do_not_count() -> None:
    health = Health()

    assert {health.choose(NOW_NS + i * MEMORY_NS, NOW_NS, dead=True) for i in range(20)} == {Action.HARD}


def recovery() -> Recovery:
    return Recovery(1, "was killed by SIGKILL", Action.HARD, 0, failed_ns=5 * SECOND_NS)


def test_a_recovery_is_over_when_nothing_is_behind() -> None:
    seen = recovery()
    for second, sent_s, behind in ((5.1, 5, 9000), (5.2, 5.2, 7000), (6, 6, 400), (7, 7, 100), (8, 8, 0)):
        seen.observe(int(second * SECOND_NS), int(sent_s * SECOND_NS), behind, 100)

    assert (seen.silent_ns, seen.events_behind, seen.recovered_ns) == (SECOND_NS // 5, 7000, 2 * SECOND_NS)


@pytest.mark.parametrize("behind", [9000, None])
def test_one_that_never_sends_again_has_not_recovered(behind: int | None) -> None:
    seen = recovery()
    seen.observe(9 * SECOND_NS, 5 * SECOND_NS, behind, 100)

    assert (seen.silent_ns, seen.events_behind, seen.recovered_ns) == (None, None, None)


def test_without_a_rate_it_has_recovered_as_soon_as_it_sends() -> None:
    seen = recovery()
    seen.observe(6 * SECOND_NS, 6 * SECOND_NS, None, 0)

    assert (seen.silent_ns, seen.events_behind, seen.recovered_ns) == (SECOND_NS, None, SECOND_NS)
