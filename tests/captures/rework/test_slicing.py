"""A slice holds the events that were asked for, and all that was known of each."""

import re
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import DamagedError, InputError
from captures.format.capture import Capture
from captures.format.digests import damaged_parts
from captures.format.layout import TRAIN
from captures.format.reader import open_capture
from captures.format.sections import FLOW
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.choosing import Choice, Moment
from captures.rework.slicing import slice_capture
from tests.captures.content import START_NS
from tests.captures.rework.made import HOSTS, PLANS, Event, events_of, instants_of, make

SOME_NS = (0, 7, 8, 1_000_000_000, 1_000_000_001, 5 * 10**9, 10**14)


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    def moment() -> Moment | None:
        ns = draw(st.sampled_from((None, None, *SOME_NS)))
        absolute = draw(st.booleans())
        return None if ns is None else Moment(ns + START_NS * absolute, absolute)

    first = draw(st.integers(0, 30))
    last = draw(st.none() | st.integers(first, 60))
    rare = st.integers(0, 3)
    return Choice(
        start=moment(),
        end=moment(),
        first=first if draw(st.booleans()) else 0,
        last=last,
        ports=frozenset({514, 6514}) if draw(rare) == 0 else None,
        sources=[ip_network("10.0.0.0/30")] if draw(rare) == 0 else [],
        networks=[ip_network("a00::/8"), ip_network("192.168.2.0/24")] if draw(rare) == 0 else [],
        hosts=HOSTS[1:] if draw(rare) == 0 else [],
        templates=[0, 2] if draw(rare) == 0 else [],
        match=rb"fa|\x07" if draw(rare) == 0 else None,
        unlike=b"a" if draw(rare) == 0 else None,
    )


def inside(row: Any, side: str, text: str) -> bool:
    network, raw = ip_network(text), row[side].tobytes()
    address = ip_network((raw[:4] if row["family"] == 4 else raw, 32 if row["family"] == 4 else 128))
    return bool(network.version == row["family"] and address.subnet_of(network))  # type: ignore[arg-type]


def is_meant(choice: Choice, capture: Capture, place: int, event: Event) -> bool:
    since_ns = instants_of(capture)[event.number] + capture.start_ns
    for moment, before in ((choice.start, True), (choice.end, False)):
        if moment is not None and (since_ns < moment.ns + capture.start_ns * (not moment.absolute)) == before:
            return False
    if place < choice.first or (choice.last is not None and place > choice.last):
        return False
    if choice.hosts and event.host not in choice.hosts:
        return False
    if choice.templates and event.template not in choice.templates:
        return False
    if event.flow is not None and not goes_there(choice, np.frombuffer(event.flow, FLOW)[0]):
        return False
    return fits(choice, event.text)


def goes_there(choice: Choice, row: Any) -> bool:
    if choice.ports is not None and row["target_port"] not in choice.ports:
        return False
    if choice.sources and not inside(row, "source", "10.0.0.0/30"):
        return False
    sides = [(side, str(network)) for side in ("source", "target") for network in choice.networks]
    return not choice.networks or any(inside(row, *side) for side in sides)


def fits(choice: Choice, text: bytes) -> bool:
    if choice.match is not None and not re.search(choice.match, text):
        return False
    return choice.unlike is None or not re.search(choice.unlike, text)


def says(choice: Choice, capture: Capture) -> bool:
    timed = len(capture.times) > 0 or capture.duration_ns > 0
    flows = choice.ports is not None or choice.sources or choice.networks
    return (
        (timed or (choice.start is None and choice.end is None))
        and bool(len(capture.flow_of) or not flows)
        and bool("hosts" in capture.note or not choice.hosts)
        and bool(len(capture.templates) or not choice.templates)
    )


@given(PLANS, choices())
def test_a_slice_is_what_was_asked_for(
    tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Any], choice: Choice
) -> None:
    folder = tmp_path_factory.mktemp("slice")
    capture, output = make(folder / "a.rcap", plan), folder / "b.rcap"
    if not says(choice, capture):
        with pytest.raises(InputError, match="has no|names no|does not tell"):
            slice_capture(capture, output, choice)
        return
    whole = events_of(capture)
    meant = [event for place, event in enumerate(whole) if is_meant(choice, capture, place, event)]
    if not meant:
        with pytest.raises(InputError, match="no event is as asked"):
            slice_capture(capture, output, choice)
        assert not output.exists()
        return
    done = slice_capture(capture, output, choice)
    made = open_capture(output)
    assert (done.digest, done.events, done.copied) == (made.digest, made.events, len(meant) == len(whole))
    if done.copied:
        assert output.read_bytes() == (folder / "a.rcap").read_bytes()
        return
    numbers = sorted(event.number for event in meant)
    timed = len(capture.times) > 0 or capture.duration_ns > 0
    instants = [capture.start_ns + instants_of(capture)[number] for number in numbers]
    expected = [
        replace(event, number=numbers.index(event.number), due_ns=instants[place] if timed else capture.start_ns)
        for place, event in enumerate(meant)
    ]
    found = events_of(made)
    assert found == expected
    assert made.start_ns == (instants[0] if timed else capture.start_ns)
    assert made.trains["count"].sum() == len(meant)
    assert len(np.unique(made.flow_of)) == len(made.flows)
    counts = [sum(event.template == template for event in meant) for template in range(3)]
    assert made.mix.tolist() == (counts if len(capture.templates) else [])
    assert made.note["history"][-1]["parents"] == [capture.digest]
    assert made.note["history"][-1]["of_events"] == len(whole)
    assert damaged_parts(made, 1, lambda _: None) == []


def windows_of_three(path: Path) -> Capture:
    shapes, cuts = [(7, 40)] * 6, [2, 2]
    return make(path, {"version": 1, "shapes": shapes, "cuts": cuts, "window_ns": [10**9, 2 * 10**9 + 1, 10**9]})


def test_whole_windows_stay_windows(tmp_path: Path) -> None:
    capture = windows_of_three(tmp_path / "a.rcap")
    slice_capture(capture, tmp_path / "b.rcap", Choice(start=Moment(10**9, absolute=False)))
    made = open_capture(tmp_path / "b.rcap")
    assert len(made.times) == 0
    assert made.windows["duration_ns"].tolist() == [2 * 10**9 + 1, 10**9]
    assert [event.due_ns for event in events_of(made)] == [event.due_ns for event in events_of(capture)[14:]]
    slice_capture(capture, tmp_path / "c.rcap", Choice(first=15))
    cut = open_capture(tmp_path / "c.rcap")
    assert [event.due_ns for event in events_of(cut)] == [event.due_ns for event in events_of(capture)[15:]]
    assert len(cut.times) == 27


def test_a_slice_of_a_slice_tells_of_both(tmp_path: Path) -> None:
    capture = windows_of_three(tmp_path / "a.rcap")
    slice_capture(capture, tmp_path / "b.rcap", Choice(first=15))
    slice_capture(open_capture(tmp_path / "b.rcap"), tmp_path / "c.rcap", Choice(last=2, match=b"(?s)."))
    first, second = open_capture(tmp_path / "c.rcap").note["history"]
    assert (first["asked"], first["events"]) == ({"range": [15, None]}, 27)
    assert (second["asked"], second["events"]) == ({"range": [0, 2], "match": "(?s)."}, 3)


def test_damaged_bytes_get_no_new_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.rcap"
    capture = windows_of_three(path)
    data = bytearray(path.read_bytes())
    data[capture.payload_offset + 20] ^= 1
    path.write_bytes(data)
    for choice in (Choice(), Choice(first=15)):
        with pytest.raises(DamagedError, match="payload chunk 0"):
            slice_capture(open_capture(path), tmp_path / "b.rcap", choice)
    assert not (tmp_path / "b.rcap").exists()


def test_what_is_there_stays(tmp_path: Path) -> None:
    capture = windows_of_three(tmp_path / "a.rcap")
    (tmp_path / "b.rcap").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        slice_capture(capture, tmp_path / "b.rcap", Choice(first=15))
    with pytest.raises(InputError, match="the file that is read"):
        slice_capture(capture, tmp_path / "a.rcap", Choice(first=15), force=True)
    slice_capture(capture, tmp_path / "b.rcap", Choice(first=15), force=True)
    assert open_capture(tmp_path / "b.rcap").events == 27


def test_a_wrong_pattern_is_said(tmp_path: Path) -> None:
    capture = windows_of_three(tmp_path / "a.rcap")
    with pytest.raises(InputError, match="--match: is no regular expression"):
        slice_capture(capture, tmp_path / "b.rcap", Choice(match=b"("))


def test_an_order_that_names_an_event_twice_is_refused(tmp_path: Path) -> None:
    with StreamWriter(tmp_path / "a.rcap") as writer:
        trains = np.zeros(1, TRAIN)
        trains["count"], trains["length"] = 3, 5
        writer.add(trains, np.zeros(15, np.uint8), order=np.array([1, 1, 0], np.uint64))
        writer.finish(start_ns=0, note={})
    with pytest.raises(InputError, match="names an event twice"):
        slice_capture(open_capture(tmp_path / "a.rcap"), tmp_path / "b.rcap", Choice(last=1))
