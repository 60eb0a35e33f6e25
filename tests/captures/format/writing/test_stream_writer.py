"""What is written as version 2 is read back the same; what is not finished leaves nothing."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.format.digests import damaged_parts
from captures.format.layout import DIGEST_BLOCK_BYTES, LOCAL_ZONE, TRAIN
from captures.format.reader import open_capture
from captures.format.sections import BACK, FLOW, LINK, LIVE
from captures.format.stamps.kinds import WIDTHS, ZONED
from captures.format.tags import TAG_BYTES
from captures.format.writing.stream_writer import StreamWriter
from tests.captures.content import START_NS
from tests.captures.format.opening.forged import walk
from tests.captures.samples import written_again

TEXT = b"<13>Aug 30 10:15:30 host app: 2025-08-30T10:15:30.123Z "


def trains_of(*shapes: tuple[int, int], **fields: Any) -> np.ndarray:
    """TRAIN rows of (count, length) each."""
    rows = np.zeros(len(shapes), TRAIN)
    rows["count"], rows["length"] = [count for count, _ in shapes], [length for _, length in shapes]
    for name, value in fields.items():
        rows[name] = value
    return rows


@pytest.mark.parametrize("untimed", [0, 1, 3])
def test_instants_may_be_known_from_some_call_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, untimed: int) -> None:
    monkeypatch.setattr("captures.format.writing.stream_writer._ROWS_AT_ONCE", 4)
    text = np.frombuffer(b"xy", np.uint8)
    with StreamWriter(tmp_path / "a.rcap") as writer:
        for _ in range(untimed):
            writer.add(trains_of((2, 1)), text)
        for part in range(2):
            writer.add(trains_of((2, 1)), text, times=np.array([7, 9], np.uint64) * np.uint64(10**9 * (1 + part)))
        writer.finish(start_ns=1, note={})
    capture = open_capture(tmp_path / "a.rcap")
    assert capture.times.tolist() == [0] * 2 * untimed + [second * 10**9 for second in (7, 9, 14, 18)]
    assert (capture.duration_ns, damaged_parts(capture, 1, lambda _: None)) == (18 * 10**9 + 1, [])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    flows, links = np.zeros(2, FLOW), np.zeros(1, LINK)
    flows["family"], flows["target_port"] = 4, (514, 515)
    links["name"] = b"eth0"
    live, back = np.zeros(1, LIVE), np.zeros(1, BACK)
    live["column"], live["kind"] = 30, 1
    back["event"], back["by_ns"] = 2, 7
    text = np.frombuffer(TEXT, np.uint8)
    with StreamWriter(tmp_path / "a.rcap") as writer:
        writer.add_links(links)
        assert writer.add_flows(flows[:1]) == 0
        for part in range(2):
            writer.add(
                trains_of((2, len(TEXT)), (1, 0), stamp_kind=(2, 0), stamp_column=(4, 0), source=(part, 0)),
                np.tile(text, 2),
                times=np.array([0, 5, 9], np.uint64) + np.uint64(10 * part),
                flow_of=np.array([part, 0, 0], np.uint32),
                order=np.array([1, 0, 2], np.uint64) + np.uint64(3 * part),
                templates=np.array([0, 1, 1], np.uint16),
                original=np.array([60, 60, 0], np.uint32),
                live=live,
                back=back,
            )
            if not part:
                assert writer.add_flows(flows[1:]) == 1
        digest = writer.finish(start_ns=1_700_000_000_000_000_000, sources=2, note={"tool": "x"}, mix=np.array([2, 4]))
    capture = open_capture(tmp_path / "a.rcap")
    assert (capture.version, capture.digest, capture.recipe, capture.note) == (2, digest, None, {"tool": "x"})
    assert (capture.events, capture.shortest, capture.longest, capture.sources) == (6, 0, len(TEXT), 2)
    assert list(capture.lines()) == [TEXT, TEXT, b""] * 2
    assert capture.times.tolist() == [0, 5, 9, 10, 15, 19]
    assert capture.order.tolist() == [1, 0, 2, 4, 3, 5]
    assert capture.templates.tolist() == [0, 1, 1] * 2
    assert capture.original.tolist() == [60, 60, 0] * 2
    assert capture.flow_of.tolist() == [0, 0, 0, 1, 0, 0]
    assert capture.flows["target_port"].tolist() == [514, 515]
    assert capture.live["train"].tolist() == [0, 2]
    assert capture.back["event"].tolist() == [2, 5]
    assert capture.links["name"].tolist() == [b"eth0"]
    assert capture.trains["first_event"].tolist() == [0, 2, 3, 5]
    assert capture.duration_ns == 20
    assert damaged_parts(capture, 1, lambda _: None) == []


@pytest.mark.parametrize("section", ["trains", "times", "flow_of", "payload"])
def test_a_changed_byte_is_found(tmp_path: Path, section: str) -> None:
    path = tmp_path / "a.rcap"
    flows = np.zeros(2, FLOW)
    flows["family"] = 4
    with StreamWriter(path) as writer:
        writer.add_flows(flows)
        flow_of, times = np.zeros(1, np.uint32), np.array([1], np.uint64)
        writer.add(trains_of((1, 5)), np.zeros(5, np.uint8), flow_of=flow_of, times=times)
        writer.finish(start_ns=0, note={})
    part = next(part for part in open_capture(path).parts if part.name == section)
    place = part.offset + (8 + 8 + 2 + 2 if section == "trains" else 0)  # a train's stamp_column, that means nothing
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    (damage,) = damaged_parts(open_capture(path), 1, lambda _: None)
    assert damage.startswith("payload chunk 0" if section == "payload" else f"section {section}")


@settings(max_examples=4)
@given(st.lists(st.integers(1, 60_000), min_size=1, max_size=60), st.integers(1, 20))
def test_blocks_are_digested_however_the_payload_comes(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], at_once: int
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "a.rcap"
    lengths = lengths * (2 * DIGEST_BLOCK_BYTES // sum(lengths) + 1)
    with StreamWriter(path) as writer:
        for start in range(0, len(lengths), at_once * 50):
            some = lengths[start : start + at_once * 50]
            writer.add(trains_of(*((1, length) for length in some)), np.full(sum(some), start & 255, np.uint8))
        writer.finish(start_ns=0, note={})
    capture = open_capture(path)
    assert len(capture.payload) == sum(lengths)
    assert len(capture.digests) == -(-sum(lengths) // DIGEST_BLOCK_BYTES)
    assert damaged_parts(capture, 1, lambda _: None) == []


def test_without_events_there_is_no_capture(tmp_path: Path) -> None:
    with StreamWriter(tmp_path / "a.rcap") as writer, pytest.raises(InputError, match="it would hold no events"):
        writer.finish(start_ns=0, note={})
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with StreamWriter(tmp_path / "a.rcap") as writer:
        writer.add(trains_of((1, 5)), np.zeros(5, np.uint8))
    assert list(tmp_path.iterdir()) == []


@dataclass
class Drawn:
    """All that a capture of version 2 can hold, drawn at random but for what hypothesis says."""

    trains: np.ndarray
    payload: np.ndarray
    tables: dict[str, np.ndarray]
    flows: np.ndarray
    links: np.ndarray
    live: np.ndarray
    back: np.ndarray


def drawn(random: np.random.Generator, shapes: list[tuple[int, int]], held: set[str]) -> Drawn:
    trains = trains_of(*shapes)
    trains["source"] = random.integers(0, 5, len(trains))
    live = []
    for number, row in enumerate(trains):
        at, first = 0, True
        while at < row["length"]:
            kind = int(random.integers(1, len(WIDTHS)))
            at += int(random.integers(0, 30))
            what = random.choice(["tag", "stamp", "nothing"])
            width = TAG_BYTES if what == "tag" else int(WIDTHS[kind])
            if at + width > row["length"] or (what == "tag" and row["tag_kind"]):
                break
            zone = int(random.choice([-1439, 0, 1439, LOCAL_ZONE])) if ZONED[kind] else 0
            if what == "tag":
                row["tag_kind"], row["tag_column"] = 1, at
            elif what == "stamp" and first:
                row["stamp_kind"], row["stamp_column"], row["zone_minutes"], first = kind, at, zone, False
            elif what == "stamp":
                live.append((number, at, kind, 0, zone, 0))
            at += width
    events = int(trains["count"].sum())
    flows = np.frombuffer(random.bytes(5 * FLOW.itemsize), FLOW).copy()
    flows["family"], flows["vlan_count"], flows["link"] = random.choice([4, 6], 5), random.integers(0, 3, 5), 0
    links = np.frombuffer(random.bytes(2 * LINK.itemsize), LINK)
    tables = {
        "times": np.sort(random.integers(0, random.choice([1, 10**9, 10**15]), events)).astype(np.uint64),
        "flow_of": random.integers(0, 5, events).astype(np.uint32),
        "order": random.permutation(events).astype(np.uint64),
        "templates": random.integers(0, 1 << 16, events).astype(np.uint16),
        "original": random.integers(0, 1 << 32, events).astype(np.uint32),
    }
    chosen = np.flatnonzero(random.random(events) < 0.3) if "times" in held else np.zeros(0, np.int64)
    back = np.zeros(len(chosen), BACK)
    back["event"], back["by_ns"] = chosen, random.integers(0, START_NS, len(chosen))
    return Drawn(
        trains,
        random.integers(0, 256, int((trains["count"].astype(int) * trains["length"]).sum()), np.uint8),
        {name: table for name, table in tables.items() if name in held},
        flows if "flow_of" in held else flows[:0],
        links if "links" in held else links[:0],
        np.array(live, LIVE),
        back,
    )


def write_in_parts(path: Path, given: Drawn, cuts: list[int], note: dict[str, Any]) -> None:
    """Write it by several calls, that begin at the trains `cuts`."""
    count = given.trains["count"].astype(int)
    size = count * given.trains["length"]
    with StreamWriter(path) as writer:
        writer.add_links(given.links)
        writer.add_flows(given.flows)
        for first, end in pairwise([0, *cuts, len(count)]):
            events = slice(count[:first].sum(), count[:end].sum())
            live, back = (
                rows[(rows[name] >= low) & (rows[name] < high)].copy()
                for rows, name, low, high in (
                    (given.live, "train", first, end),
                    (given.back, "event", events.start, events.stop),
                )
            )
            live["train"] -= np.uint64(first)
            back["event"] -= np.uint64(events.start)
            writer.add(
                given.trains[first:end],
                given.payload[size[:first].sum() : size[:end].sum()],
                live=live,
                back=back,
                **{name: table[events] for name, table in given.tables.items()},
            )
        writer.finish(start_ns=START_NS, sources=5, seed=1 << 63, note=note)


shapes = st.one_of(
    st.tuples(st.integers(1, 128), st.integers(1, 300)), st.just((1, 0)), st.tuples(st.just(1), st.integers(1, 60_000))
)


@settings(max_examples=3 * settings().max_examples)
@given(
    seed=st.integers(0, 1 << 32),
    rows=st.lists(shapes, min_size=1, max_size=8),
    held=st.sets(st.sampled_from(["times", "flow_of", "order", "templates", "original", "links"])),
    cuts=st.lists(st.integers(0, 8), max_size=3),
    note=st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=3),
)
def test_whatever_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    rows: list[tuple[int, int]],
    held: set[str],
    cuts: list[int],
    note: dict[str, Any],
) -> None:
    path = tmp_path_factory.mktemp("drawn") / "a.rcap"
    given = drawn(np.random.default_rng(seed), rows, held)
    write_in_parts(path, given, sorted(min(cut, len(rows)) for cut in cuts), note)
    capture = open_capture(path)
    walk(capture)
    for name in ("stamp_kind", "stamp_column", "zone_minutes", "tag_kind", "tag_column", "source", "count", "length"):
        assert (capture.trains[name] == given.trains[name]).all()
    assert capture.payload.tobytes() == given.payload.tobytes()
    for name in ("times", "flow_of", "order", "templates", "original"):
        assert getattr(capture, name).tolist() == given.tables.get(name, np.zeros(0)).tolist()
    for name in ("flows", "links", "live", "back"):
        assert getattr(capture, name).tobytes() == getattr(given, name).tobytes()
    assert (capture.note, capture.seed, capture.sources, capture.recipe) == (note, 1 << 63, 5, None)
    assert damaged_parts(capture, 1, lambda _: None) == []
    written_again(capture, path.with_name("b.rcap"))
    assert path.with_name("b.rcap").read_bytes() == path.read_bytes()
