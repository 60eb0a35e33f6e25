"""The cores that this process may use."""

import os

import pytest

from captures.console.errors import InputError
from replay.machine.affinity import usable_cpus


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
