"""A stamp of every kind is read again, and whatever is like one is read as the plain way reads it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.compiled.words import words_of
from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.kinds import STAMP_WIDTHS, ZONED, Date, Ending, StampKind
from captures.format.stamps.reading import new_minutes, stamp_at
from tests.captures.format.stamps.plain import plain_stamp

KINDS = [kind for kind in StampKind if kind]
REFERENCE_NS = 1_756_548_930_123_456_789
UTC = np.array([(0, 0)], np.int64)
SOME_ZONE = 345


def laid_out(text, behind=b"0:Z-5 +0200.1"):
    """A buffer with a text from byte 1 on and misleading bytes around it, and its view by `words_of`."""
    buffer = np.frombuffer(b"7" + text + behind * 3, np.uint8).copy()
    return buffer, words_of(buffer)


def read(text, reference_ns=REFERENCE_NS, zone_minutes=0, minutes=None):
    zones = np.array([(0, zone_minutes)], np.int64)
    minutes = new_minutes() if minutes is None else minutes
    return tuple(map(int, stamp_at(*laid_out(text), 1, 1 + len(text), reference_ns, zones, minutes)))


instants_ns = st.integers(1_000_000_000 * 10**9, 1_999_999_999 * 10**9)
zones = st.integers(-1439, 1439)
BEHIND = st.sampled_from([b"", b" host", b": ", b"]", b"\xef\xbb\xbf"])


@settings(max_examples=500)
@given(kind=st.sampled_from(KINDS), zone=zones, instant_ns=instants_ns, behind=BEHIND)
def test_every_kind_is_read_again(kind, zone, instant_ns, behind):
    zone = zone if ZONED[kind] else 0
    text = stamp_texts(kind, zone, np.array([instant_ns])).tobytes()
    digits = kind.style.digits
    instant_ns -= instant_ns % 10 ** (9 - digits)
    assert read(text + behind, instant_ns, zone) == (kind, zone, instant_ns)


@st.composite
def mangled(draw):
    """A stamp of any kind with what may stand behind one, and with some bytes changed."""
    kind = draw(st.sampled_from(KINDS))
    zone = draw(zones) if ZONED[kind] else 0
    text = stamp_texts(kind, zone, np.array([draw(instants_ns)])).tobytes()
    cut = draw(st.integers(0, len(text))) if draw(st.integers(0, 3)) == 0 else len(text)
    behind = [
        b".123456789",
        b",1",
        b".7654321",
        b"Z",
        b"+02:00",
        b"-0530",
        b" +0200",
        b" CEST",
        b" EST",
        b" 2024",
        b" ",
    ]
    text = bytearray(text[:cut] + b"".join(draw(st.lists(st.sampled_from(behind), max_size=2))))
    for _ in range(draw(st.integers(0, 2))):
        if text:
            text[draw(st.integers(0, len(text) - 1))] = draw(st.sampled_from(b"0123456789->:T.,Z< +/JanFebug\xff\0"))
    return bytes(text)


TEXT = st.one_of(mangled(), st.binary(max_size=45))


@settings(max_examples=2000)
@given(text=TEXT, reference_ns=st.integers(0, (1 << 63) - 1), zone=st.sampled_from([0, SOME_ZONE, -210]))
def test_a_text_is_read_as_the_plain_way_reads_it(text, reference_ns, zone):
    kind, zone_minutes, instant_ns = plain_stamp(text, reference_ns, zone)
    found = read(text, reference_ns, zone)
    assert found == (kind, zone_minutes, instant_ns) if kind else found[0] == 0


@settings(max_examples=300)
@given(texts=st.lists(TEXT, min_size=1, max_size=6), order=st.lists(st.integers(0, 5), max_size=20))
def test_what_was_read_before_changes_nothing(texts, order):
    minutes = new_minutes()
    for place in order:
        text = texts[place % len(texts)]
        assert read(text, minutes=minutes) == read(text)


@pytest.mark.parametrize(
    ("text", "kind", "zone", "instant_ns"),
    [
        (b"Aug 30 10:15:30 CEST", StampKind.RFC3164, 120, 1_756_541_730_000_000_000),
        (b"Aug 30 10:15:30 IST", StampKind.RFC3164, SOME_ZONE, 1_756_528_230_000_000_000),
        (b"2025-08-30T10:15:30.1234567Z", StampKind.ISO_T_US_LOCAL, 0, 1_756_548_930_123_456_000),
        (b"2025-08-30 10:15:30,123 INFO", StampKind.ISO_SPACE_COMMA_MS_LOCAL, SOME_ZONE, 1_756_528_230_123_000_000),
        (b"2025-08-30 10:15:30, next", StampKind.ISO_SPACE_S_LOCAL, SOME_ZONE, 1_756_528_230_000_000_000),
        (b"Aug 30 10:15:30.12", StampKind.RFC3164, SOME_ZONE, 1_756_528_230_000_000_000),
        (b"1756548930.123 42 TCP_MISS", StampKind.EPOCH_S_MS, 0, 1_756_548_930_123_000_000),
        (b"1756548930, 7", StampKind.EPOCH_S, 0, 1_756_548_930_000_000_000),
    ],
)
def test_some_stamps(text, kind, zone, instant_ns):
    assert read(text, zone_minutes=SOME_ZONE) == (kind, zone, instant_ns)


@pytest.mark.parametrize(
    "text",
    [
        b"2025-02-29 10:15:30",
        b"2025-08-30 24:15:30",
        b"2025-08-30 10:15:60",
        b"2025-08-30 10:15:301",
        b"1969-12-31 23:59:59",
        b"2262-01-01 00:00:00",
        b"Aug 03 10:15:30",
        b"aug  3 10:15:30",
        b"17565489301",
        b"1756548930a",
        b"1756548930-7",
        b"2756548930",
    ],
)
def test_no_stamps(text):
    assert read(text)[0] == StampKind.NONE


def test_a_date_without_a_year_is_the_nearest_one():
    new_year_ns = 1_767_225_600 * 10**9  # 2026-01-01
    assert read(b"Dec 31 23:59:59", new_year_ns)[2] == new_year_ns - 10**9
    assert read(b"Jan  1 00:00:01", new_year_ns - 5 * 10**9)[2] == new_year_ns + 10**9


def test_a_date_without_a_year_is_not_later_than_it_may_be():
    now_ns = 1_795_737_600 * 10**9  # 2026-11-27
    day_ns = 86_400 * 10**9

    def year(text, reference_ns=now_ns, latest_ns=now_ns):
        instant_ns = read(text, reference_ns, minutes=new_minutes(latest_ns))[2]
        return int(str(np.datetime64(instant_ns, "ns"))[:4])

    assert [year(text) for text in (b"Nov 27 10:15:30", b"Nov 28 10:15:30", b"Feb 29 10:15:30")] == [2026, 2025, 2024]
    assert year(b"Nov 28 10:15:30", latest_ns=now_ns + day_ns) == 2026
    assert year(b"Mar  1 10:15:30", reference_ns=now_ns - 250 * day_ns) == 2026
    assert year(b"Aug 30 10:15:30", reference_ns=0, latest_ns=0) == 1970


def test_each_style_has_a_width_and_no_kind_of_version_1_moved():
    assert [STAMP_WIDTHS[StampKind(kind)] for kind in range(5)] == [0, 24, 15, 27, 32]
    assert {kind.style.ending for kind in KINDS} == set(Ending)
    assert {kind.style.date for kind in StampKind} == set(Date)
