"""The texts of stamps against a plain reading of the calendar."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.stamp_writing import iso_ms, rfc3164_day, stamp_texts
from captures.format.stamps.kinds import STAMP_WIDTHS, ZONED, Date, Ending, StampKind

KINDS = [kind for kind in StampKind if kind is not StampKind.NONE]
instants_ns = st.integers(0, 9_000_000_000_000_000_000)
"""Until the year 2255."""


def plain(kind: StampKind, zone_minutes: int, instant_ns: int) -> str:
    """One stamp by way of strftime and isoformat."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_ns // 1000)
    there = instant.astimezone(timezone(timedelta(minutes=zone_minutes)))
    date, separator, digits, mark, ending = kind.style
    second = {
        Date.ISO: f"%Y-%m-%d{separator}%H:%M:%S",
        Date.SLASHED: "%Y/%m/%d %H:%M:%S",
        Date.MONTH_DAY: f"%b {there.day:2} %H:%M:%S",
        Date.MONTH_DAY_YEAR: f"%b {there.day:2} %Y %H:%M:%S",
        Date.YEAR_MONTH_DAY: f"%Y %b {there.day:2} %H:%M:%S",
        Date.CLF: "%d/%b/%Y:%H:%M:%S",
        Date.EPOCH: f"{instant_ns // 10**9:010}",
    }[date]
    fraction = mark + f"{instant_ns % 10**9:09}"[:digits]
    offset = {
        Ending.NOTHING: "",
        Ending.ZULU: "Z",
        Ending.COLON: there.isoformat(timespec="microseconds")[26:],
        Ending.PLAIN: f"{there:%z}",
        Ending.APART: f" {there:%z}",
        Ending.YEAR: f" {there:%Y}",
    }[ending]
    return f"{there:{second}}{fraction}{offset}"


@given(
    kind=st.sampled_from(KINDS),
    zone_minutes=st.integers(-1439, 1439),
    instants=st.one_of(
        st.lists(instants_ns, min_size=1, max_size=20),
        st.tuples(instants_ns, st.lists(st.integers(0, 10**9), min_size=1, max_size=20)).map(
            lambda drawn: [drawn[0] + step for step in drawn[1]]
        ),
    ),
)
def test_texts_equal_the_plain_way(kind: StampKind, zone_minutes: int, instants: list[int]) -> None:
    zone = zone_minutes if ZONED[kind] else 0
    texts = stamp_texts(kind, zone, np.array(instants, np.int64))

    assert texts.dtype == f"V{STAMP_WIDTHS[kind]}"
    assert [text.tobytes().decode() for text in texts] == [plain(kind, zone, instant) for instant in instants]


@pytest.mark.parametrize(
    ("kind", "zone_minutes", "text"),
    [
        (StampKind.ISO_MS, 0, "2025-08-03T22:15:30.123Z"),
        (StampKind.RFC3164, 0, "Aug  3 22:15:30"),
        (StampKind.RFC3164, 120, "Aug  4 00:15:30"),
        (StampKind.RFC3339_US, 0, "2025-08-03T22:15:30.123456Z"),
        (StampKind.RFC3339_US_OFFSET, 0, "2025-08-03T22:15:30.123456+00:00"),
        (StampKind.RFC3339_US_OFFSET, -210, "2025-08-03T18:45:30.123456-03:30"),
        (StampKind.ISO_SPACE_COMMA_MS_LOCAL, 0, "2025-08-03 22:15:30,123"),
        (StampKind.CLF_S_OFFSET, 120, "04/Aug/2025:00:15:30 +0200"),
        (StampKind.MONTH_DAY_YEAR_MS, 0, "Aug  3 2025 22:15:30.123"),
        (StampKind.RFC3164_S_YEAR, 0, "Aug  3 22:15:30 2025"),
        (StampKind.EPOCH_S_MS, 0, "1754259330.123"),
        (StampKind.EPOCH_US, 0, "1754259330123456"),
    ],
)
def test_an_instant_in_each_kind(kind: StampKind, zone_minutes: int, text: str) -> None:
    instant = np.array([1_754_259_330_123_456_999])

    assert stamp_texts(kind, zone_minutes, instant).tobytes().decode() == text


def test_an_instant_as_reports_write_it() -> None:
    assert iso_ms(1_756_548_930_123_999_999) == "2025-08-30T10:15:30.123Z"


def test_a_single_digit_of_a_day_is_padded_with_a_blank() -> None:
    assert [rfc3164_day(day) for day in (1, 5, 9, 10, 31)] == [" 1", " 5", " 9", "10", "31"]


def test_months_are_the_english_ones_of_the_rfc() -> None:
    year = [int(datetime(2025, month, 1, tzinfo=UTC).timestamp()) * 10**9 for month in range(1, 13)]
    texts = stamp_texts(StampKind.RFC3164, 0, np.array(year))
    assert b"".join(text.tobytes()[:3] for text in texts) == b"JanFebMarAprMayJunJulAugSepOctNovDec"


def test_no_stamp_has_no_text() -> None:
    with pytest.raises(ValueError, match="no stamp"):
        stamp_texts(StampKind.NONE, 0, np.array([0]))
