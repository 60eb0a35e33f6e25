"""Lists of cores."""

import os

import pytest

from captures.console.errors import InputError
from replay.machine.affinity import usable_cpus
from replay.ranges import parse_cpus


def test_lists_and_ranges_keep_their_order() -> None:
    assert parse_cpus("3,0-2, 3") == (3, 0, 1, 2, 3)


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "0,,1", "1-2-3"])
def test_what_is_no_list_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="0,2-3"):
        parse_cpus(text)


def test_cores_that_may_be_used() -> None:
    allowed = sorted(os.sched_getaffinity(0))

    assert usable_cpus(None) == tuple(allowed)
    assert usable_cpus([allowed[-1]]) == (allowed[-1],)
    with pytest.raises(InputError, match="core 99999 is not there or not allowed"):
        usable_cpus([allowed[0], 99999])


def test_a_core_outside_the_affinity_may_be_asked_for_as_isolated_ones_must_be() -> None:
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("needs two cores")
    first, second = sorted(allowed)[:2]
    os.sched_setaffinity(0, {first})
    try:
        assert usable_cpus([second]) == (second,)
        assert os.sched_getaffinity(0) == {first}
    finally:
        os.sched_setaffinity(0, allowed)
