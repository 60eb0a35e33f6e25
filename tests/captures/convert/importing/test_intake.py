"""Messages become events: every byte, instant and flow is there, and trains hold what looks alike."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.convert.importing.intake import Intake
from captures.convert.importing.regrouping import regrouped
from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.format.sections import FLOW
from captures.format.writing.stream_writer import StreamWriter
from captures.text.finding import Finder
from captures.text.hosts import Hosts
from captures.text.messages import MESSAGE, NO_FLOW, NO_INSTANT, Messages

START_NS = 1_756_548_930_000_000_000
ZONES = np.zeros((1, 2), np.int64)

texts = st.sampled_from(
    [
        b"",
        b"<13>Aug 30 10:15:30 host-a app: one",
        b"<13>Aug 30 10:15:31 host-b app: two",
        b"<13>Aug 30 10:15:30 host-a app: 2025-08-30 10:15:30,123 two stamps",
        b"<34>1 2025-08-30T10:15:30.123456Z host-c app - - - three",
        b"no stamp at all",
        b"x",
    ]
)
events = st.lists(st.tuples(texts, st.integers(-5, 40), st.integers(0, 2)), min_size=1, max_size=60)


def messages_of(drawn: list[tuple[bytes, int, int]], now_ns: int | None) -> tuple[Messages, int | None]:
    """Events of a text, so many ms behind the one before, and of a flow."""
    rows, data = np.zeros(len(drawn), MESSAGE), b"".join(text + b"|" for text, _, _ in drawn)
    place = 0
    for row, (text, step_ms, flow) in zip(rows, drawn, strict=True):
        row["place"], row["length"], row["original"], row["flow"] = place, len(text), len(text) + 3, flow
        place += len(text) + 1
        now_ns = None if now_ns is None else now_ns + step_ms * 1_000_000
        row["instant_ns"] = NO_INSTANT if now_ns is None else now_ns
    return Messages(np.frombuffer(bytearray(data), np.uint8), rows), now_ns


def imported(path: Path, parts: list[list[tuple[bytes, int, int]]], window_ns: int, *, hosts: bool = True) -> Capture:
    with StreamWriter(path, force=True) as writer:
        flows = np.zeros(3, FLOW)
        flows["family"] = 4
        writer.add_flows(flows)
        numbers = Hosts() if hosts else None
        intake = Intake(writer, Finder(ZONES, START_NS), numbers, flows=True, cut=True, window_ns=window_ns)
        now_ns: int | None = START_NS
        for part in parts:
            batch, now_ns = messages_of(part, now_ns)
            intake.take(batch)
            batch.data[:], batch.messages["length"] = ord("?"), 1  # what reads packets uses the memory again
            batch.messages["flow"] = batch.messages["original"] = batch.messages["place"] = 0
        intake.finish()
        writer.finish(start_ns=intake.start_ns, note={}, sources=intake.figures.hosts)
    return open_capture(path)


@settings(max_examples=60)
@given(st.lists(events, min_size=1, max_size=4), st.sampled_from([0, 1, 10_000_000, 10**12]))
def test_every_event_is_there_with_its_instant_and_flow(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[tuple[bytes, int, int]]], window_ns: int
) -> None:
    capture = imported(tmp_path_factory.mktemp("intake") / "a.rcap", parts, window_ns)
    drawn = [event for part in parts for event in part]
    order = capture.order.astype(int).tolist() if window_ns else list(range(len(drawn)))
    assert list(capture.lines()) == [drawn[i][0] for i in order]
    assert capture.flow_of.tolist() == [drawn[i][2] for i in order]
    assert capture.original.tolist() == [len(drawn[i][0]) + 3 for i in order]
    own = capture.times.astype(int)
    own[capture.back["event"].astype(int)] -= capture.back["by_ns"].astype(int)
    steps = np.cumsum([step_ms for _, step_ms, _ in drawn]) * 1_000_000
    assert own.tolist() == (steps - steps[0]).tolist()
    assert capture.start_ns == START_NS + int(steps[0])
    if window_ns:
        window = capture.times // np.uint64(window_ns)
        assert (window[capture.order.astype(int)] == window).all()


@settings(max_examples=60)
@given(st.lists(events, min_size=1, max_size=3))
def test_a_train_holds_events_that_look_alike(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[tuple[bytes, int, int]]]
) -> None:
    capture = imported(tmp_path_factory.mktemp("intake") / "a.rcap", parts, 10**12)
    finder, hosts = Finder(ZONES, START_NS), Hosts()
    seen: dict[int, int] = {}
    for number, train in enumerate(capture.trains):
        rows = [row.tobytes() for row in capture.matrix(number)]
        batch, _ = messages_of([(row, 0, 0) for row in rows], START_NS)
        found = finder.find(batch)
        further = capture.live[capture.live["train"] == number]
        for event, fields in zip(*found, strict=True):
            columns = [field["column"] for field in fields[: event["stamps"]]]
            kinds = [field["kind"] for field in fields[: event["stamps"]]]
            assert columns == ([train["stamp_column"], *further["column"]] if columns else [])
            assert kinds == ([train["stamp_kind"], *further["kind"]] if kinds else [])
        names = {number for number in hosts.numbers(batch, found).tolist() if number >= 0}
        assert len(names) <= 1
        for name in names:
            assert seen.setdefault(name, int(train["source"])) == train["source"]


def test_without_hosts_trains_mix_them_and_flows_stay(tmp_path: Path) -> None:
    part = [(b"<13>Aug 30 10:15:30 host-%c app: one" % letter, 0, 1) for letter in b"abcd"]
    assert len(imported(tmp_path / "a.rcap", [part], 0).trains) == 4
    capture = imported(tmp_path / "b.rcap", [part], 0, hosts=False)
    assert (len(capture.trains), capture.sources) == (1, 0)


def test_lines_without_instants_have_those_that_they_say_or_none(tmp_path: Path) -> None:
    def instants(lines: list[bytes]) -> tuple[int, list[int]]:
        with StreamWriter(tmp_path / "a.rcap", force=True) as writer:
            intake = Intake(writer, Finder(ZONES, START_NS), None, flows=False, cut=False)
            batch, _ = messages_of([(line, 0, NO_FLOW) for line in lines], None)
            intake.take(batch)
            intake.finish()
            writer.finish(start_ns=intake.start_ns, note={})
        capture = open_capture(tmp_path / "a.rcap")
        return capture.start_ns, capture.times.tolist()

    said = [b"<13>1 2025-08-30T10:15:30Z h a - - - x", b"none", b"<13>1 2025-08-30T10:15:32Z h a - - - y"]
    assert instants(said) == (START_NS, [0, 0, 2_000_000_000])
    assert instants([b"none", b"of them"]) == (0, [])


Part = list[tuple[bytes, int | None]]
"""Events, and how many seconds after START_NS a recorder's clock has them; None: it does not say."""


def said_at(second: int) -> bytes:
    return b"<13>1 2025-08-30T10:15:%02dZ h a - - - x" % (30 + second)


@pytest.mark.parametrize("window_ns", [0, 1])
@pytest.mark.parametrize(
    ("parts", "start_s", "since_s"),
    [
        ([[(b"none", None)], [(b"none", None), (said_at(2), None)], [(said_at(5), None)]], 2, [0, 0, 0, 3]),
        ([[(b"none", None)], [(b"none", 4), (said_at(9), None)], [(b"none", 6)]], 4, [0, 0, 0, 2]),
        ([[(said_at(29), None), (b"none", 4), (b"none", 6)]], 4, [0, 0, 2]),
        ([[(said_at(20), None), (said_at(29), None)], [(said_at(0), 4), (b"none", 6)]], 4 - 9, [0, 9, 9, 11]),
    ],
)
def test_the_axis_begins_where_an_instant_is_known_and_a_clock_outranks_what_is_said(
    tmp_path: Path, parts: list[Part], start_s: int, since_s: list[int], window_ns: int
) -> None:
    with StreamWriter(tmp_path / "a.rcap") as writer:
        intake = Intake(writer, Finder(ZONES, START_NS), None, flows=False, cut=False, window_ns=window_ns)
        for part in parts:
            batch, _ = messages_of([(text, 0, NO_FLOW) for text, _ in part], None)
            instants = [NO_INSTANT if second is None else START_NS + second * 10**9 for _, second in part]
            batch.messages["instant_ns"] = instants
            intake.take(batch)
        intake.finish()
        writer.finish(start_ns=intake.start_ns, note={})
    capture = open_capture(tmp_path / "a.rcap")
    assert capture.start_ns == START_NS + start_s * 10**9
    assert sorted(capture.times.tolist()) == [second * 10**9 for second in since_s]
    assert intake.figures.descending_events == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), max_size=40))
def test_regrouping_is_the_obvious_one(rows: list[tuple[int, int, int]]) -> None:
    rows.sort(key=lambda row: row[0])
    window, one, two = (
        (np.array(column, np.int64) for column in zip(*rows, strict=True)) if rows else (np.zeros(0, int),) * 3
    )
    groups: dict[tuple[int, int, int], list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row, []).append(i)
    assert regrouped(window, one, two).tolist() == [i for group in groups.values() for i in group]


def test_a_window_without_end_is_cut_where_too_much_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [[(b"x", 0, 0), (b"no stamp at all", 0, 0), (b"x", 0, 0)]] * 4
    whole = imported(tmp_path / "whole.rcap", parts, 10**9)
    monkeypatch.setattr("captures.convert.importing.intake._MOST_HELD_BYTES", 500)

    cut = imported(tmp_path / "cut.rcap", parts, 10**9)

    assert (whole.order.tolist(), cut.order.tolist()) == (
        [0, 2, 3, 5, 6, 8, 9, 11, 1, 4, 7, 10],
        [0, 2, 3, 5, 1, 4, 6, 8, 9, 11, 7, 10],
    )
