"""Bare lines with a header are what an f-string makes of them."""

import io
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format.layout import MAX_TRAIN_BYTES
from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.zones import fixed_zone, named_zone
from captures.text.finding import Finder
from captures.text.lines import Lines
from captures.text.messages import NO_INSTANT
from captures.text.wrapping import (
    bare_header,
    even_instants,
    filled_instants,
    rfc3164_header,
    rfc5424_header,
    said_instants,
    wrapped,
)
from tests.captures.text.test_lines import texts

START_NS = 1_756_548_930_123_456_789
HEADERS = (rfc3164_header(13, "web1", "nginx", fixed_zone("+02:00", 120)), rfc5424_header(191, "web1", "nginx"))


def batch_of(lines):
    (batch,) = Lines(io.BytesIO(b"".join(line + b"\n" for line in lines)))
    return batch


LINE = st.binary(min_size=1, max_size=40).map(lambda line: line.replace(b"\n", b"?").replace(b"\r", b"?"))


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(st.tuples(LINE, st.integers(0, 9 * 10**18)), min_size=1, max_size=9),
    header=st.sampled_from(HEADERS),
)
def test_a_line_stands_behind_its_header(events, header):
    lines, instants = zip(*events, strict=True)
    batch, left_out = wrapped(batch_of(lines), np.array(instants, np.int64), header)
    assert left_out == 0
    assert batch.messages["instant_ns"].tolist() == [*instants]
    assert texts([batch]) == [
        header.before
        + stamp_texts(header.kind, int(header.zone.table[0, 1]), np.array([instant])).tobytes()
        + header.after
        + line
        for line, instant in events
    ]


def test_the_headers_are_those_of_the_rfcs():
    told = [texts([wrapped(batch_of([b"GET /"]), np.array([START_NS]), header)[0]]) for header in HEADERS]
    assert told == [
        [b"<13>Aug 30 12:15:30 web1 nginx: GET /"],
        [b"<191>1 2025-08-30T10:15:30.123456Z web1 nginx - - - GET /"],
    ]


def test_a_line_with_a_stamp_and_a_host_needs_but_a_priority():
    line = b"Aug 30 10:15:30 web1 app: x"
    batch, left_out = wrapped(batch_of([line, b"two"]), np.array([START_NS, 0]), bare_header(34))
    assert (texts([batch]), left_out) == ([b"<34>" + line, b"<34>two"], 0)
    assert batch.messages["instant_ns"].tolist() == [START_NS, 0]


def test_a_header_of_a_zone_with_summer_time_has_that_of_its_instant():
    header = rfc3164_header(13, "web1", "nginx", named_zone("Europe/Berlin"))
    batch, _ = wrapped(batch_of([b"a", b"b"]), np.array([START_NS, START_NS + 90 * 86_400 * 10**9]), header)
    assert texts([batch]) == [b"<13>Aug 30 12:15:30 web1 nginx: a", b"<13>Nov 28 11:15:30 web1 nginx: b"]


def test_a_line_that_is_too_long_with_its_header_is_left_out():
    batch, left_out = wrapped(batch_of([b"a", b"x" * MAX_TRAIN_BYTES, b"b"]), np.arange(3), HEADERS[0])
    assert [text[-1:] for text in texts([batch])] == [b"a", b"b"]
    assert batch.messages["instant_ns"].tolist() == [0, 2]
    assert left_out == 1


@settings(max_examples=100, deadline=None)
@given(rate=st.integers(1, 10_000_000), first=st.integers(0, 10**9), count=st.integers(0, 20))
def test_even_instants_are_exact(rate, first, count):
    expected = [START_NS + int(Fraction(10**9 * (first + i), rate)) for i in range(count)]
    assert even_instants(START_NS, rate, first, count).tolist() == expected


@given(instants=st.lists(st.sampled_from([NO_INSTANT, 0, 7, 9]), max_size=12))
def test_a_missing_instant_is_that_of_the_event_before(instants):
    expected, last = [], 5
    for instant in instants:
        last = last if instant == NO_INSTANT else instant
        expected.append(last)
    assert filled_instants(np.array(instants, np.int64), 5).tolist() == expected


def test_the_instants_of_lines_are_those_of_their_first_stamps():
    batch = batch_of([b"2025-08-30 10:15:30,123 INFO a", b"no stamp", b"[30/Aug/2025:10:15:31 +0000] GET"])
    found = Finder(np.array([(0, 0)]), 0).find(batch)
    assert said_instants(found).tolist() == [1_756_548_930_123_000_000, NO_INSTANT, 1_756_548_931_000_000_000]
