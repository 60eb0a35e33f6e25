"""Lists of ports and cores: what is written comes back, and what is wrong is refused with an example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.ranges import (
    HIGHEST_PORT,
    LOWEST_PORT,
    MOST_PORTS,
    format_ports,
    parse_cpus,
    parse_ports,
    parse_source_ports,
)

SOME_PORTS = st.lists(st.integers(LOWEST_PORT, HIGHEST_PORT), min_size=1, max_size=MOST_PORTS, unique=True)


@given(SOME_PORTS)
def test_reads_back_what_it_writes(ports):
    assert parse_ports(format_ports(tuple(ports))) == tuple(ports)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("514-553", tuple(range(514, 554))),
        ("514, 516,600-602", (514, 516, 600, 601, 602)),
        ("600,514", (600, 514)),
        ("65535", (65535,)),
        ("1000-1000", (1000,)),
    ],
)
def test_keeps_the_order_given(text, ports):
    assert parse_ports(text) == ports


def test_writes_neighbours_as_a_range():
    assert format_ports((514, 515, 516, 600, 602, 601)) == "514-516,600,602,601"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a list of ports"),
        ("514,", "not a list of ports"),
        ("-514", "not a list of ports"),
        ("٥١٤", "not a list of ports"),
        ("514:553", "not a list of ports"),
        ("513", "outside 514-65535"),
        ("514-65536", "outside 514-65535"),
        ("553-514", "runs backwards"),
        ("514-520,517", "port 517 twice"),
        ("600-700", "more than 100 ports"),
        ("514-65535", "more than 100 ports"),
    ],
)
def test_refuses_what_is_wrong_with_an_example(text, complaint):
    with pytest.raises(ValueError, match=complaint) as refusal:
        parse_ports(text)
    assert "514" in str(refusal.value)


def test_lists_and_ranges_keep_their_order() -> None:
    assert parse_cpus("3,0-2, 3") == (3, 0, 1, 2, 3)


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "0,,1", "1-2-3"])
def test_what_is_no_list_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="0,2-3"):
        parse_cpus(text)


def test_source_ports() -> None:
    assert parse_source_ports("50000-50009") == range(50000, 50010)
    assert parse_source_ports("514") == range(514, 515)
    for text in ("", "0", "9-8", "1-65536", "a"):
        with pytest.raises(ValueError, match="49152-65535"):
            parse_source_ports(text)
