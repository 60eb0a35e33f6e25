"""What `replay ctl` prints of how a run stands."""

import pytest

from replay.commands.ctl import status_table
from replay.exchange.answers import RunStatus, run_status


def status(state: str = "running", elapsed_s: float = 1.9) -> RunStatus:
    worker = {
        "id": 12,
        "state": "working",
        "core": 127,
        "ports": "10514-10523,20514-20523,30514-30523",
        "eps": 12_345_678,
        "sent_events": 123_456_789_012,
        "errors": 1_234_567,
    }
    return run_status(
        {
            "state": state,
            "target_eps": 4e6,
            "elapsed_s": elapsed_s,
            "eps": 12_345_678,
            "sent_events": 123_456_789_012,
            "asked_events": 999_999_999_999,
            "workers": [worker],
        }
    )


def test_lines_have_80_columns_at_most() -> None:
    lines = status_table(status()).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("running; 1.9 s since the start: 12,345,678 EPS, target 4.00M EPS")
    assert [line for line in lines if not line.startswith("    ")][1].startswith("  worker 12 working ")


@pytest.mark.parametrize(
    ("state", "elapsed_s", "said"),
    [("paused", 1.9, "paused; 1.9 s since the start: "), ("waiting", 0.0, "waiting: ")],
)
def test_the_time_is_that_since_the_start_and_not_that_of_the_state(state: str, elapsed_s: float, said: str) -> None:
    assert status_table(status(state, elapsed_s)).startswith(said)


def test_the_phase_of_a_scenario_is_said() -> None:
    told = status_table(status().model_copy(update={"phase": "turn 1/3: burst\x1b"}))
    assert "sent; phase turn 1/3: burst\\x1b" in " ".join(told.split())
    assert max(map(len, told.splitlines())) <= 80
