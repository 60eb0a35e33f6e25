"""What is written as version 2 is read back the same; what is not finished leaves nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.format.digests import damaged_parts
from captures.format.layout import DIGEST_BLOCK_BYTES, TRAIN
from captures.format.reader import open_capture
from captures.format.sections import BACK, FLOW, LINK, LIVE
from captures.format.stream_writer import StreamWriter

TEXT = b"<13>Aug 30 10:15:30 host app: 2025-08-30T10:15:30.123Z "


def trains_of(*shapes: tuple[int, int], **fields: Any) -> np.ndarray:
    """TRAIN rows of (count, length) each."""
    rows = np.zeros(len(shapes), TRAIN)
    rows["count"], rows["length"] = [count for count, _ in shapes], [length for _, length in shapes]
    for name, value in fields.items():
        rows[name] = value
    return rows


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
