"""Random captures of both versions, and what each of their events is: the slow, obvious way."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from captures.format.capture import Capture
from captures.format.layout import TRAIN, StampKind, TagKind
from captures.format.reader import open_capture
from captures.format.sections import BACK, FLOW, LINK, LIVE
from captures.format.writing.stream_writer import StreamWriter
from tests.captures.content import START_NS, content, noise, write

HOSTS = ["alpha", "beta", "gamma"]


@dataclass(frozen=True)
class Event:
    """All that a capture says of an event."""

    text: bytes
    due_ns: int
    captured_ns: int
    number: int
    flow: bytes | None
    host: str | None
    template: int | None
    original: int | None
    live: tuple[tuple[int, int, int], ...]
    tag: tuple[int, int]


def events_of(capture: Capture) -> list[Event]:
    """The events in the order of replay, with their instants since 1970."""
    instants = instants_of(capture)
    back = dict(capture.back.tolist())
    found = []
    for train, row in enumerate(capture.trains):
        live = (
            [(int(row["stamp_column"]), int(row["stamp_kind"]), int(row["zone_minutes"]))] if row["stamp_kind"] else []
        )
        live += [
            (int(x["column"]), int(x["kind"]), int(x["zone_minutes"])) for x in capture.live if x["train"] == train
        ]
        for place in range(int(row["count"])):
            p = int(row["first_event"]) + place
            start, length = int(row["offset"]) + place * int(row["length"]), int(row["length"])
            o = int(capture.order[p]) if len(capture.order) else p
            names = capture.note.get("hosts", [])
            found.append(
                Event(
                    capture.payload[start : start + length].tobytes(),
                    capture.start_ns + instants[p],
                    capture.start_ns + instants[o] - back.get(o, 0),
                    o,
                    capture.flows[capture.flow_of[p]].tobytes() if len(capture.flow_of) else None,
                    names[row["source"]] if row["source"] < len(names) else None,
                    int(capture.templates[p]) if len(capture.templates) else None,
                    int(capture.original[p]) if len(capture.original) else None,
                    tuple(sorted(live)),
                    (int(row["tag_kind"]), int(row["tag_column"]) if row["tag_kind"] else 0),
                )
            )
    return found


def instants_of(capture: Capture) -> list[int]:
    if len(capture.times):
        return [int(time) for time in capture.times]
    return [start + j * length // n for start, length, _, _, n in capture.windows.tolist() for j in range(n)]


@st.composite
def version_1(draw: st.DrawFn) -> dict[str, Any]:
    """A plan of a capture of version 1."""
    shapes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 60)), min_size=1, max_size=12))
    cuts = draw(st.lists(st.integers(0, 4), max_size=4))
    while sum(cuts) > len(shapes):
        cuts.pop()
    lasting = draw(st.lists(st.integers(1, 10**10), min_size=len(cuts) + 1, max_size=len(cuts) + 1))
    return {"version": 1, "shapes": shapes, "cuts": cuts, "window_ns": lasting if cuts or draw(st.booleans()) else [0]}


@st.composite
def version_2(draw: st.DrawFn) -> dict[str, Any]:
    """A plan of a capture of version 2."""
    shapes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 70)), min_size=1, max_size=12))
    shapes = [(count if length else 1, length) for count, length in shapes]
    has = {name: draw(st.booleans()) for name in ("times", "flows", "order", "templates", "original", "hosts", "live")}
    return {"version": 2, "shapes": shapes, "seed": draw(st.integers(0, 1 << 30)), **has}


PLANS = st.one_of(version_1(), version_2())


def make(path: Path, plan: dict[str, Any]) -> Capture:
    """The capture of a plan, written to `path`."""
    if plan["version"] == 1:
        held = content(noise(plan["shapes"]), plan["cuts"], window_ns=plan["window_ns"], start_ns=START_NS)
        write(path, held)
    else:
        _make_2(path, plan)
    return open_capture(path)


def _make_2(path: Path, plan: dict[str, Any]) -> None:
    random, shapes = np.random.default_rng(plan["seed"]), plan["shapes"]
    trains = np.zeros(len(shapes), TRAIN)
    trains["count"], trains["length"] = np.transpose(shapes)
    events = int(trains["count"].sum())
    payload = random.choice(np.frombuffer(b"abc fail\n\xff", np.uint8), sum(a * b for a, b in shapes))
    live = []
    for number, (_, length) in enumerate(shapes):
        trains["source"][number] = random.integers(0, 3) if plan["hosts"] else 0
        if plan["live"] and length >= 60 and random.random() < 0.7:
            trains["stamp_kind"][number] = StampKind.RFC3164
            trains["tag_kind"][number], trains["tag_column"][number] = TagKind.HEX, 16
            live.append((number, 41, int(StampKind.EPOCH_S), 0, 0, 0))
    flows = np.zeros(5, FLOW)
    flows["family"] = [4, 4, 6, 6, 4]
    flows["source_port"], flows["target_port"] = random.integers(1, 9, 5), random.choice([514, 515, 6514], 5)
    flows["source"] = [bytes([10, 0, 0, n]) + b"\x20\1" * 6 if n > 1 else bytes([10, 0, 0, n]) for n in range(5)]
    flows["target"] = [bytes([192, 168, n, 1]) for n in range(5)]
    times = np.sort(random.choice([0, 7, 1_000_000_000, 1_000_000_007, 3_000_000_000, 10**13], events))
    late = np.flatnonzero(random.random(events) < 0.3)
    back = np.zeros(len(late), BACK)
    back["event"], back["by_ns"] = late, random.integers(1, 10**9, len(late))
    templates = random.integers(0, 3, events).astype(np.uint16)
    with StreamWriter(path) as writer:
        if plan["flows"]:
            writer.add_flows(flows)
            links = np.zeros(1, LINK)
            links["name"] = b"eth0"
            writer.add_links(links)
        writer.add(
            trains,
            payload,
            times=times.astype(np.uint64) if plan["times"] else None,
            flow_of=random.integers(0, 5, events).astype(np.uint32) if plan["flows"] else None,
            order=random.permutation(events).astype(np.uint64) if plan["order"] else None,
            templates=templates if plan["templates"] else None,
            original=random.integers(70, 90, events).astype(np.uint32) if plan["original"] else None,
            live=np.array(live, LIVE) if live else None,
            back=back if plan["times"] else None,
        )
        note = {"tool": "tests", **({"hosts": HOSTS} if plan["hosts"] else {})}
        mix = np.bincount(templates, minlength=3) if plan["templates"] else None
        writer.finish(start_ns=START_NS, sources=3 if plan["hosts"] else 0, note=note, mix=mix)
