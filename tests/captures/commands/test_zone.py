"""What `--zone` takes."""

import pytest

from captures.commands.values import parse_zone


@pytest.mark.parametrize(
    ("text", "minutes"), [("Z", 0), ("+02:00", 120), ("-0330", -210), (" +23:59 ", 1439), ("Asia/Kathmandu", 345)]
)
def test_offsets_and_names_are_zones(text: str, minutes: int) -> None:
    assert parse_zone(text).table[-1, 1] == minutes


def test_a_zone_with_summer_time_has_a_row_for_each_change() -> None:
    assert len(parse_zone("Europe/Berlin").table) > 500


@pytest.mark.parametrize("text", ["", "+2", "+24:00", "+02:60", "CEST?", "../x", "Europe", "z"])
def test_what_is_no_zone_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no zone; write it like \+02:00, or Europe/Berlin where tzdata is"):
        parse_zone(text)
