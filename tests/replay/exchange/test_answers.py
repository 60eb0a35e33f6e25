"""What a sink and a run may answer: sense, and nothing else."""

import copy
import json
import subprocess
import sys
from typing import Any

import pytest

from replay.exchange.answers import run_status, sink_counters

COUNTS = {"received_events": 5, "verified_events": 4, "lost_events": 1, "waiting_bytes": 0, "duplicated_events": 0}
SINK: dict[str, Any] = {"run_id": None, "since_ns": 17, "latency_p99_ms": 1.5, "ports": {"514": COUNTS}}
WORKER = {"id": 0, "state": "running", "core": 1, "ports": "514-515", "eps": 9, "sent_events": 90, "errors": 0}
RUN: dict[str, Any] = {
    "state": "running",
    "target_eps": 10.5,
    "elapsed_s": 1,
    "eps": 9,
    "sent_events": 90,
    "asked_events": None,
    "recoveries": 0,
    "workers": [WORKER],
}


def test_what_makes_sense_is_taken_and_what_a_later_version_adds_is_passed_over() -> None:
    told = sink_counters({**SINK, "new": {"of": "a later version"}})
    assert (told.since_ns, told.latency_p99_ms, told.ports["514"].lost_events) == (17, 1.5, 1)
    assert sink_counters({**SINK, "latency_p99_ms": None}).latency_p99_ms is None
    assert run_status(RUN).workers[0].ports == "514-515"


NONSENSE = [None, True, "5", "\x1b[2J", -1, 1.5, float("inf"), float("nan"), 10**400, 1 << 63, [], {}, ["5"]]


def places(held: Any) -> list[tuple[Any, ...]]:
    """The way to each value of an answer."""
    if isinstance(held, dict):
        return [(), *((key, *way) for key, value in held.items() for way in places(value))]
    if isinstance(held, list):
        return [(), *((key, *way) for key, value in enumerate(held) for way in places(value))]
    return [()]


def attempt(read: Any, answer: Any) -> tuple[Any, str]:
    """What is read, else None and the complaint."""
    try:
        return read(answer), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize(("sound", "read"), [(SINK, sink_counters), (RUN, run_status)])
def test_any_value_in_the_place_of_another_is_sense_or_refused(sound: dict[str, Any], read: Any) -> None:
    """What passes can be shown on a terminal and written as JSON."""
    refused = 0
    for *way, last in filter(None, places(sound)):
        for value in NONSENSE:
            answer = copy.deepcopy(sound)
            held = answer
            for key in way:
                held = held[key]
            held[last] = value
            told, complaint = attempt(read, answer)
            refused += told is None
            assert complaint.isprintable() or not complaint
            shown = json.dumps(told and told.model_dump(), allow_nan=False)
            assert "\\u001b" not in shown
    assert refused > 100


@pytest.mark.parametrize("missing", ["since_ns", "ports", "latency_p99_ms"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(ValueError, match=f"^{missing}: Field required$"):
        sink_counters({key: value for key, value in SINK.items() if key != missing})


def test_more_ports_than_there_can_be_are_refused() -> None:
    with pytest.raises(ValueError, match="ports"):
        sink_counters({**SINK, "ports": {str(port): COUNTS for port in range(1, 302)}})


def test_a_run_that_asks_nobody_does_not_load_the_models() -> None:
    program = "import sys, replay.commands.run; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
