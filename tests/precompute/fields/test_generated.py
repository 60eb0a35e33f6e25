"""Values that are made anew for each event."""

from uuid import RFC_4122, UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.draws.streams import Purpose, stream
from tests.precompute.profiles import build, chi_square, complaint_of_field, field, profile, template

EVENTS = 20_000


def drawn(written, numbers) -> list[str]:
    """The values of the events of these numbers."""
    made = field(written)
    values = made.draw(stream(1, 0, Purpose.RENDER), np.array(numbers))
    assert values.shape == (len(numbers),)
    assert values.itemsize == made.length
    texts = [value.tobytes().decode() for value in values]
    assert set("".join(texts)) <= set(made.alphabet)
    return texts


@pytest.mark.parametrize("digits", [1, 2, 3, 4, 5, 16, 31, 64])
def test_hexadecimal_digits_are_uniform_in_every_place(digits):
    values = drawn({"hex": digits}, range(EVENTS))
    for place in range(digits):
        counts = np.bincount([int(value[place], 16) for value in values], minlength=16)
        assert abs(chi_square(counts, np.full(16, EVENTS / 16))) < 5
    assert digits < 16 or len(set(values)) == EVENTS


def test_neighbouring_digits_are_independent():
    values = drawn({"hex": 8}, range(EVENTS))
    for place in range(7):
        counts = np.bincount([int(value[place : place + 2], 16) for value in values], minlength=256)
        assert abs(chi_square(counts, np.full(256, EVENTS / 256))) < 5


def test_a_uuid_is_of_version_4_and_random_in_all_else():
    values = drawn({"uuid": 4}, range(EVENTS))
    parsed = [UUID(value) for value in values]
    assert [str(uuid) for uuid in parsed] == values
    assert {uuid.version for uuid in parsed} == {4}
    assert {uuid.variant for uuid in parsed} == {RFC_4122}
    assert len(set(values)) == EVENTS
    digits = [value.replace("-", "") for value in values]
    for place in set(range(32)) - {12, 16}:
        counts = np.bincount([int(value[place], 16) for value in digits], minlength=16)
        assert abs(chi_square(counts, np.full(16, EVENTS / 16))) < 5
    variants = np.bincount([int(value[16], 16) - 8 for value in digits], minlength=4)
    assert abs(chi_square(variants, np.full(4, EVENTS / 4))) < 5


@given(st.integers(0, 10**18 - 1), st.integers(1, 18), st.lists(st.integers(0, 2**62), min_size=1, max_size=9))
def test_a_counter_is_the_event_s_number_and_wraps(first, width, numbers):
    plain = [f"{(first + number) % 10**width:0{width}d}" for number in numbers]
    assert drawn({"counter": first, "width": width}, numbers) == plain


def test_counters_count_in_the_order_of_replay(tmp_path):
    fields = {"n": {"counter": 95, "width": 3}, "x": {"choices": ["a", "bb", "ccc"]}}
    made = profile(fields, template("{n} {x}"), template("{x}, number {n}"))
    capture = build(tmp_path / "a.rcap", made, events=3000)
    found = ["".join(filter(str.isdigit, line.decode().split(": ")[1])) for line in capture.lines()]
    assert found == [f"{(95 + number) % 1000:03d}" for number in range(3000)]


def test_a_value_is_new_in_each_event_and_repeated_within_it(tmp_path):
    made = profile({"u": {"uuid": 4}, "h": {"hex": 12}}, template("{u} {h} {h} {u}"))
    values = [line.decode().split(": ")[1].split() for line in build(tmp_path / "a.rcap", made, events=3000).lines()]
    assert all(event == event[::-1] for event in values)
    assert len({event[0] for event in values}) == len({event[1] for event in values}) == 3000


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("{hex: 0}", ".hex: must be 1 or more"),
        ("{hex: 65}", ".hex: must be 64 or less"),
        ("{hex: '3'}", ".hex: must be a whole number"),
        ("{hex: true}", ".hex: must be a whole number"),
        ("{uuid: 7}", ".uuid: must be 4"),
        ("{uuid: '4'}", ".uuid: must be 4"),
        ("{counter: 1}", ".width: is missing; write it like width: 8"),
        ("{counter: -1, width: 3}", ".counter: must be 0 or more"),
        ("{counter: 1000000000000000000, width: 3}", ".counter: must be less than 1,000,000,000,000,000,000"),
        ("{counter: 1, width: 0}", ".width: must be 1 or more"),
        ("{counter: 1, width: 19}", ".width: must be 18 or less"),
        ("{hex: 8, zipf: 1}", ".zipf: is not known; known are hex"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, written, line):
    assert complaint_of_field(tmp_path, written) == line
