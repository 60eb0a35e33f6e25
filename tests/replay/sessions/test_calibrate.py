"""A calibration as a program asks for it: a value that no flag could have is refused before anything is sent."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.sessions.calibrate import LEAST_NS, MOST_NS, CalibrateRequest, calibrate


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"time_ns": LEAST_NS - 1}, "--time: 10ms at least, or there is nothing to measure, and 1h at most"),
        ({"time_ns": MOST_NS + 1}, "--time: 10ms at least"),
        ({"time_ns": 10**20}, "--time: 10ms at least"),
        ({"time_ns": 5e8}, "--time 500000000.0: a whole number is needed"),
        ({"ports": "514"}, "--ports '514': give the numbers themselves"),
        ({"capture": "a.rcap"}, "FILE 'a.rcap': write it like Path("),
        ({"calibration": "c.json"}, "--calibration 'c.json': write it like Path("),
        ({"path": "udp"}, "path 'udp': write it like PathRequest(...)"),
        ({"family": 4}, "--target 127.0.0.1: a target is a text, and of the family AF_INET or AF_INET6"),
    ],
)
def test_a_value_that_no_calibration_can_have_is_the_line_of_its_flag(
    tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    request = CalibrateRequest("127.0.0.1", (5514,), calibration=tmp_path / "c.json")
    with pytest.raises(InputError) as refusal:
        calibrate(replace(request, **more))
    assert str(refusal.value).startswith(said)
