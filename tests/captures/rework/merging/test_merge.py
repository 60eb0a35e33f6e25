"""A merge holds the events of all captures by their instants, and all that was known of each."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.events import stretches
from captures.events.axis import Axis
from captures.format.capture import Capture
from captures.format.digests import damaged_parts
from captures.format.layout import MAX_TRAIN_EVENTS, TRAIN
from captures.format.reader import open_capture
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.merging.merge import Align, merge_captures
from tests.captures.content import START_NS
from tests.captures.rework.made import PLANS, Event, events_of, instants_of, make


def expected_of(captures: list[Capture], align: Align) -> list[Event]:
    """What the merge should hold, by sorting all events."""
    start_ns = min(capture.start_ns for capture in captures) if align == "clock" else captures[0].start_ns
    moved = [0 if align == "clock" else start_ns - capture.start_ns for capture in captures]
    timed = Axis(captures[0]).exists
    flows = any(len(capture.flow_of) for capture in captures)
    cut = any(len(capture.original) for capture in captures)
    templated = all(len(capture.templates) for capture in captures)
    line = []
    for which, capture in enumerate(captures):
        instants = instants_of(capture)
        keys = instants if timed else [(place + 0.5) / capture.events for place in range(capture.events)]
        for place, event in enumerate(events_of(capture)):
            key = keys[place] + (capture.start_ns + moved[which] if timed else 0)
            line.append((key, which, place, event))
    line.sort(key=lambda item: item[:3])
    at = {(which, place): number for number, (_, which, place, _) in enumerate(line)}
    ordered = any(len(capture.order) for capture in captures)
    found = []
    for number, (_, which, _, event) in enumerate(line):
        first = sum(len(capture.mix) for capture in captures[:which])
        unknown = b"\4" + bytes(63)
        found.append(
            replace(
                event,
                due_ns=event.due_ns + moved[which] if timed else start_ns,
                captured_ns=event.captured_ns + moved[which] if timed else start_ns,
                number=at[which, event.number] if ordered else number,
                flow=(event.flow or unknown) if flows else None,
                template=first + event.template if templated and event.template is not None else None,
                original=(event.original or len(event.text)) if cut else None,
            )
        )
    return found


def without_link(events: list[Event]) -> list[Event]:
    """The second capture's flows name its own link, whose number is another one in the merge."""
    return [replace(event, flow=event.flow and event.flow[:14] + event.flow[16:]) for event in events]


@given(st.lists(PLANS, min_size=1, max_size=3), st.sampled_from(["clock", "start"]), st.integers(1, 20))
def test_a_merge_is_all_events_sorted(
    tmp_path_factory: pytest.TempPathFactory, plans: list[dict[str, Any]], align: Align, at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    captures = [make(folder / f"{place}.rcap", plan) for place, plan in enumerate(plans)]
    output = folder / "all.rcap"
    if len({Axis(capture).exists for capture in captures}) > 1:
        with pytest.raises(InputError, match="has no time axis, and others have one"):
            merge_captures(captures, output, align)
        return
    with pytest.MonkeyPatch.context() as patch:  # so that there are several rounds
        patch.setattr(stretches, "_MOST_BYTES", 40 * at_once)
        done = merge_captures(captures, output, align)
        made = open_capture(output)
    assert done.digest == made.digest
    found, expected = events_of(made), expected_of(captures, align)
    if not made.note.get("hosts") or not all(capture.sources for capture in captures):
        found, expected = ([replace(event, host=None) for event in events] for events in (found, expected))
    assert without_link(found) == without_link(expected)
    assert made.events == done.events == sum(capture.events for capture in captures)
    assert made.mix.sum() in (0, made.events)
    assert damaged_parts(made, 1, lambda _: None) == []
    assert made.note["history"][-1]["parents"] == [capture.digest for capture in captures]


def one_by_one(path: Path, texts: list[bytes], times: list[int], hosts: list[str], start_ns: int = 0) -> Capture:
    with StreamWriter(path) as writer:
        trains = np.zeros(len(texts), TRAIN)
        trains["count"], trains["length"] = 1, [len(text) for text in texts]
        trains["source"] = np.arange(len(texts)) % max(len(hosts), 1)
        writer.add(trains, np.frombuffer(b"".join(texts), np.uint8), times=np.array(times, np.uint64))
        writer.finish(start_ns=start_ns, sources=len(hosts), note={"hosts": hosts} if hosts else {})
    return open_capture(path)


def test_hosts_of_one_name_are_one(tmp_path: Path) -> None:
    a = one_by_one(tmp_path / "a.rcap", [b"a", b"b"], [0, 2], ["x", "y"])
    b = one_by_one(tmp_path / "b.rcap", [b"c", b"d"], [1, 3], ["y", "z"])
    c = one_by_one(tmp_path / "c.rcap", [b"e"], [4], [])
    done = merge_captures([a, b, c], tmp_path / "all.rcap")
    made = open_capture(tmp_path / "all.rcap")
    assert (done.hosts, made.sources, made.note["hosts"]) == (4, 4, ["x", "y", "z"])
    assert [event.text for event in events_of(made)] == [b"a", b"c", b"b", b"d", b"e"]
    assert made.trains[["source", "count"]].tolist() == [(0, 1), (1, 2), (2, 1), (3, 1)]


@pytest.mark.parametrize("hosts", [["x", "y"], []])
def test_too_many_hosts_are_refused_whatever_the_next_capture_names(tmp_path: Path, hosts: list[str]) -> None:
    many = tmp_path / "many.rcap"
    with StreamWriter(many) as writer:
        trains = np.zeros(1, TRAIN)
        trains["count"], trains["length"] = 1, 1
        writer.add(trains, np.zeros(1, np.uint8), times=np.zeros(1, np.uint64))
        writer.finish(start_ns=START_NS, sources=(1 << 32) - 1, note={})
    few = one_by_one(tmp_path / "few.rcap", [b"a", b"b"], [0, 2], hosts)
    with pytest.raises(InputError, match=r"few\.rcap and the others have 4,294,967,29\d hosts, too many"):
        merge_captures([open_capture(many), few], tmp_path / "all.rcap")
    assert not (tmp_path / "all.rcap").exists()


def test_events_that_look_alike_are_one_train(tmp_path: Path) -> None:
    a = one_by_one(tmp_path / "a.rcap", [b"a"] * 200, [*range(200)], [])
    b = one_by_one(tmp_path / "b.rcap", [b"b"] * 100, [*range(100)], [])
    merge_captures([a, b], tmp_path / "all.rcap")
    made = open_capture(tmp_path / "all.rcap")
    counts = made.trains["count"].tolist()
    assert counts == [MAX_TRAIN_EVENTS, 200 - MAX_TRAIN_EVENTS, 100]  # a round ends with the last event of `b`
    assert made.payload.tobytes() == b"ab" * 100 + b"a" * 100


def test_clocks_or_starts(tmp_path: Path) -> None:
    a = one_by_one(tmp_path / "a.rcap", [b"a", b"b"], [0, 5], [], start_ns=10**18)
    b = one_by_one(tmp_path / "b.rcap", [b"c", b"d"], [0, 5], [], start_ns=10**18 - 2)
    merge_captures([a, b], tmp_path / "clock.rcap")
    merge_captures([a, b], tmp_path / "start.rcap", "start")
    clock, start = open_capture(tmp_path / "clock.rcap"), open_capture(tmp_path / "start.rcap")
    assert (clock.start_ns, clock.times.tolist(), clock.payload.tobytes()) == (10**18 - 2, [0, 2, 5, 7], b"cadb")
    assert (start.start_ns, start.times.tolist(), start.payload.tobytes()) == (10**18, [0, 0, 5, 5], b"acbd")


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    a = one_by_one(tmp_path / "a.rcap", [b"a"], [0], [])
    with pytest.raises(InputError, match="the file that is read"):
        merge_captures([a, a], tmp_path / "a.rcap", force=True)
