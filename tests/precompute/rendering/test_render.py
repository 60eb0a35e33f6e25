"""What is rendered, read back by a plain reader: every event is one of its template, every train is of a kind."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import LOCAL_ZONE, STAMP_WIDTHS, StampKind
from precompute.rendering import plan
from precompute.timeline.model import rate_windows
from tests.precompute.profiles import Reader, build, built_in, nasty, profile, profiles, sourced, template

SECOND = 10**9


@given(profiles() | sourced(), st.integers(1, 500), st.integers(0, 2**64 - 1), st.integers(1, 128))
def test_every_event_is_one_of_its_template(tmp_path_factory, made, events, seed, train):
    path = tmp_path_factory.mktemp("drawn") / "drawn.rcap"
    capture = build(path, made, events=events, seed=seed, train=train)
    reader = Reader(made)
    found = Counter(reader.read(line.decode()).template for line in capture.lines())
    assert found.total() == capture.events == events
    assert [found[number] for number in range(len(capture.mix))] == capture.mix.tolist()
    assert capture.trains["count"].max() <= train


def stamp_text(kind: StampKind, zone_minutes: int, instant_ns: int) -> str:
    """A stamp, by the calendar of the standard library."""
    zone = timezone(timedelta(minutes=0 if zone_minutes == LOCAL_ZONE else zone_minutes))
    second, rest_ns = divmod(instant_ns, SECOND)
    at = datetime.fromtimestamp(second, UTC).astimezone(zone)
    match kind:
        case StampKind.RFC3164:
            return f"{at:%b} {at.day:>2} {at:%H:%M:%S}"
        case StampKind.ISO_MS:
            return f"{at:%Y-%m-%dT%H:%M:%S}.{rest_ns // 10**6:03d}Z"
        case StampKind.RFC3339_US:
            return f"{at:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"
    return f"{at:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}{at.isoformat()[-6:]}"


def instants_ns(capture) -> list[int]:
    """When each event is, by docs/format.md."""
    if not capture.duration_ns:
        return [capture.start_ns] * capture.events
    return [
        capture.start_ns + int(window["start_ns"]) + j * int(window["duration_ns"]) // int(window["events"])
        for window in capture.windows
        for j in range(int(window["events"]))
    ]


ASKED = st.integers(1, 400).map(lambda events: {"events": events}) | st.tuples(
    st.integers(1, 5 * 10**9), st.integers(1, 300)
).filter(lambda asked: asked[0] * asked[1] > SECOND).map(lambda asked: {"duration_ns": asked[0], "rate_eps": asked[1]})


@given(profiles(), ASKED)
def test_every_stamp_is_that_of_the_event_s_instant(tmp_path_factory, made, asked):
    capture = build(tmp_path_factory.mktemp("drawn") / "drawn.rcap", made, **asked)
    instants, event = instants_ns(capture), 0
    for number, row in enumerate(capture.trains):
        kind, column, zone = StampKind(row["stamp_kind"]), int(row["stamp_column"]), int(row["zone_minutes"])
        assert (row["tag_kind"], row["source"]) == (0, 0)
        for text in capture.matrix(number):
            stamp = text[column : column + STAMP_WIDTHS[kind]].tobytes().decode()
            assert stamp == stamp_text(kind, zone, instants[event])
            event += 1
    assert event == capture.events


def test_a_train_says_where_its_stamp_is_and_of_which_zone(tmp_path):
    groups = {
        name: {"weight": 1, "templates": [template("x")]} | style
        for name, style in {
            "a": {"format": "iso3164"},
            "b": {"format": "rfc3164", "zone": "local"},
            "c": {"format": "rfc5424"},
            "d": {"format": "rfc5424", "zone": "-03:30"},
            "e": {"format": "rfc5424", "zone": "local"},
        }.items()
    }
    capture = build(tmp_path / "zones.rcap", profile({}, groups=groups), events=100)
    found = {
        (StampKind(row["stamp_kind"]).name, int(row["zone_minutes"]), int(row["stamp_column"]))
        for row in capture.trains
    }
    assert found == {
        ("ISO_MS", 0, 3),
        ("RFC3164", LOCAL_ZONE, 3),
        ("RFC3339_US", 0, 5),
        ("RFC3339_US_OFFSET", -210, 5),
        ("RFC3339_US_OFFSET", LOCAL_ZONE, 5),
    }


TIMELINE = {
    "curve": [["0s", 0.1], ["20s", 1]],
    "bursts": [{"at": "5s", "length": "2s", "factor": 3}, {"at": "9s", "length": "3s", "factor": 0}],
}


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_windows_hold_their_events_across_chunks_and_jobs(tmp_path, monkeypatch, jobs):
    monkeypatch.setattr(plan, "CHUNK_BYTES", 300_000)
    fields = {"n": {"counter": 0, "width": 6}, "h": {"integers": [5, 1200]}}
    made = profile(fields, template("{n} {h} {h}"), timeline=TIMELINE)
    capture = build(tmp_path / "timed.rcap", made, duration_ns=20 * SECOND, rate_eps=1000, jobs=jobs)
    asked = rate_windows(made.timeline, start_ns=made.start_ns, duration_ns=20 * SECOND, rate_eps=1000, seed=1)
    assert capture.windows["events"].tolist() == asked["events"].tolist()
    assert 0 in capture.windows["events"]
    numbers = [int(line.split(b": ")[1].split()[0]) for line in capture.lines()]
    assert numbers == list(range(capture.events))
    one = build(tmp_path / "one.rcap", made, duration_ns=20 * SECOND, rate_eps=1000, jobs=1)
    assert one.path.read_bytes() == capture.path.read_bytes()


def test_counters_start_over(tmp_path):
    made = profile({"n": {"counter": 95, "width": 2}}, template("{n}"))
    capture = build(tmp_path / "over.rcap", made, events=10)
    assert [line[-2:] for line in capture.lines()] == [
        b"95",
        b"96",
        b"97",
        b"98",
        b"99",
        b"00",
        b"01",
        b"02",
        b"03",
        b"04",
    ]


def test_optional_parts_have_their_share(tmp_path):
    fields = {"o": {"optional": " o", "share": 0.3}, "p": {"optional": " p", "share": 0.25}}
    capture = build(tmp_path / "parts.rcap", profile(fields, template("x{o}{p}")), events=10_000)
    found = Counter(line.split(b": x")[1] for line in capture.lines())
    assert {text: count / 10_000 for text, count in found.items()} == pytest.approx(
        {b"": 0.525, b" o": 0.225, b" p": 0.175, b" o p": 0.075}, abs=2e-4
    )


def test_columns_stay_together(tmp_path):
    rows = [{"a": "x", "b": "1"}, {"a": "yy", "b": "2", "weight": 2}, {"a": "z", "b": "33"}]
    capture = build(tmp_path / "rows.rcap", profile({"r": {"rows": rows}}, template("{r.a}/{r.b}/{r.a}")), events=4000)
    found = Counter(line.split(b": ")[1] for line in capture.lines())
    assert set(found) == {b"x/1/x", b"yy/2/yy", b"z/33/z"}
    assert found[b"yy/2/yy"] == pytest.approx(2000, rel=0.05)


def test_values_and_lengths_of_a_nasty_profile_are_uniform(tmp_path):
    capture = build(tmp_path / "nasty.rcap", nasty(), events=200_000)
    assert capture.longest - capture.shortest > 80
    mean = len(capture.payload) / capture.events - len("<6>2026-01-01T00:00:00.000Z h t: ")
    assert abs(mean - 8 * 10.5) < 0.5


def test_values_are_drawn_by_weight_and_independently(tmp_path):
    fields = {"a": {"choices": {"k": 1, "l": 2, "mm": 1}}, "b": {"integers": [5, 14]}}
    capture = build(tmp_path / "two.rcap", profile(fields, template("{a}/{b}/{a}")), events=100_000)
    drawn = [line.split(b": ")[1].split(b"/") for line in capture.lines()]
    assert all(a == again for a, _, again in drawn)
    for position, shares in ((0, {b"k": 0.25, b"l": 0.5, b"mm": 0.25}), (1, {b"%d" % b: 0.1 for b in range(5, 15)})):
        found = Counter(values[position] for values in drawn)
        assert {value: found[value] / 100_000 for value in found} == pytest.approx(shares, rel=0.05)
    # Lengths of two fields are paired by the cell, so pairs are coarser than the fields by themselves.
    pairs = Counter((a, b) for a, b, _ in drawn)
    assert len(pairs) == 30
    assert all(abs(count / 100_000 - (0.05 if a == b"l" else 0.025)) < 0.02 for (a, _), count in pairs.items())


def test_the_mix_of_any_stretch_follows_the_weights(tmp_path):
    capture = build(tmp_path / "mix.rcap", built_in("system"), events=300_000)
    systemd = np.array([b" systemd[" in line for line in capture.lines()])
    assert abs(systemd.mean() - 0.4) < 1e-4
    for stretch in np.split(systemd, 10):
        assert abs(stretch.mean() - 0.4) < 0.08


def test_neighbours_are_shuffled(tmp_path):
    """Rows of a block come from several cells; a train must not keep them apart."""
    fields = {"a": {"choices": ["aa", "b"]}, "c": {"choices": ["c", "dd"]}}
    capture = build(tmp_path / "shuffled.rcap", profile(fields, template("{a} {c}")), events=100_000)
    for number in range(len(capture.trains)):
        rows = [bytes(row)[-4:] for row in capture.matrix(number)]
        if len(rows) == 128 and rows[0] in (b"aa c", b"b dd"):
            assert len(set(rows)) == 2
