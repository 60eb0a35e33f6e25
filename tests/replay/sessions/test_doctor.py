"""A look at the machine as a program asks for it: a value that no flag could have is refused in one line."""

from dataclasses import replace
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.sessions.doctor import DoctorRequest, diagnose


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"rate_eps": 0}, "--eps: a rate is 1 at least"),
        ({"rate_eps": 1.5}, "--eps 1.5: a whole number is needed"),
        ({"ports": "514"}, "--ports '514': give the numbers themselves"),
        ({"ports": (70_000,)}, "--ports: port 70000 is outside"),
        ({"capture": "a.rcap"}, "FILE 'a.rcap': write it like Path("),
        ({"path": "udp"}, "path 'udp': write it like PathRequest(...)"),
        ({"cpus": "0,2"}, "--cpus '0,2': write it like (0, 2, 3)"),
        ({"family": 4}, "--target 127.0.0.1: a target is a text, and of the family AF_INET or AF_INET6"),
    ],
)
def test_a_value_that_no_look_can_have_is_the_line_of_its_flag(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refusal:
        diagnose(replace(DoctorRequest(1000, (5514,), "127.0.0.1"), **more))
    assert str(refusal.value).startswith(said)
