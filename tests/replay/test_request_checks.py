"""What a request from Python may hold: what a type checker would find is a line as well."""

from fractions import Fraction

import pytest

from captures.console.errors import InputError
from replay.request_checks import check_ports, check_share, check_time, check_within, checked_choice
from replay.rewrite.stamps_at_sending import Stamp


def test_what_a_flag_could_say_is_taken() -> None:
    assert check_ports(range(514, 517)) == check_ports([514, 515, 516]) == (514, 515, 516)
    assert checked_choice("--stamp", "keep", Stamp) is checked_choice("--stamp", Stamp.KEEP, Stamp) is Stamp.KEEP
    for share in (None, Fraction(0), Fraction(1, 100), 0, 1):
        check_share("--max-loss", share)
    for value in (None, 1, 9):
        check_within("--run-id", value, 1, 9)
        check_time("--idle", value)


@pytest.mark.parametrize("value", [0, 10, 1.0, "1", True])
def test_what_it_could_not_say_is_a_line(value: object) -> None:
    with pytest.raises(InputError, match="^--run-id "):
        check_within("--run-id", value, 1, 9)  # type: ignore[arg-type]
