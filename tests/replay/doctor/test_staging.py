"""Staging on trial: what it counts, and that it sends what a run would."""

import itertools

import pytest

from captures.compiled.readiness import is_ready
from captures.format.layout import TagKind
from captures.format.reader import open_capture
from replay.board.journal import TRAINS
from replay.clock import SECOND_NS, monotonic_ns
from replay.doctor import staging
from replay.doctor.staging import ROUNDS, TRIAL, TRIAL_NS, stage_rounds, staged_eps
from tests.captures.content import content, noise, write

PORTS = (514, 515, 516)


@pytest.fixture(scope="module", params=[False, True], ids=["untagged", "tagged"])
def capture(tmp_path_factory, request):
    held = content(noise([(128, 100)] * 5))
    if request.param:
        held.trains["tag_kind"], held.trains["tag_column"] = TagKind.HEX, 60
    path = tmp_path_factory.mktemp("staging") / "noise.rcap"
    write(path, held)
    return open_capture(path)


def test_each_event_of_the_second_trial_counts(capture):
    """Trains of one event each, as 500 EPS on three ports are cut; the clock is looked at twice."""
    instants = iter([0, TRIAL_NS, 7, 7 + TRIAL_NS // 2, 7 + TRIAL_NS])
    assert staged_eps(capture, PORTS, 500, lambda: next(instants)) == 2 * ROUNDS * len(PORTS) * SECOND_NS / TRIAL_NS


def test_trains_are_as_long_as_the_rate_makes_them(capture):
    """At 300,000 EPS 2 ms of a port are 200 events: trains stay whole, but where a stripe or the capture ends."""
    instants = itertools.count(0, TRIAL_NS)
    events = staged_eps(capture, PORTS, 300_000, lambda: next(instants)) * TRIAL_NS / SECOND_NS
    assert TRAINS < events <= ROUNDS * len(PORTS) * 128
    assert events % 128 == 0


def test_all_that_is_staged_with_is_compiled_beforehand(capture, monkeypatch):
    """What `make_ready` calls is shown while it is compiled; nothing may be left to compile in the trial."""
    compiled = []

    def made_ready(what, calls):
        assert what == TRIAL
        assert [call() for call in calls] == [0]
        compiled.append(list(stage_rounds.signatures))

    instants = itertools.count(0, TRIAL_NS)
    monkeypatch.setattr(staging, "make_ready", made_ready)
    staged_eps(capture, PORTS, 500, lambda: next(instants))
    assert compiled == [stage_rounds.signatures]
    assert compiled[0]


def test_a_core_stages_something_and_notes_that_it_was_compiled(capture):
    assert staged_eps(capture, PORTS, 4_000_000, monotonic_ns) > 0
    assert is_ready(TRIAL)
