"""Captures of version 2 that somebody forged: their numbers are changed, and their digests made to fit."""

import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from blake3 import blake3

from captures.format.capture import Capture
from captures.format.layout import DIGEST_BLOCK_BYTES, LOCAL_ZONE, MAX_TRAIN_BYTES, MAX_TRAIN_EVENTS, TRAIN, WINDOW
from captures.format.sections import BACK, ENTRY, FLOW, LINK, LIVE, NAMES
from captures.format.stamps.kinds import WIDTHS, ZONED

ENTRIES, COUNT = 64, 44
"""Where the entries are in the header, and the number of them."""
DTYPES: dict[str, Any] = {
    "windows": WINDOW,
    "mix": "<u8",
    "trains": TRAIN,
    "links": LINK,
    "flows": FLOW,
    "flow_of": "<u4",
    "times": "<u8",
    "back": BACK,
    "order": "<u8",
    "live": LIVE,
    "templates": "<u2",
    "original": "<u4",
}
"""The rows of sections that are tables."""
Mangle = Callable[[bytes], bytes]


def entries_of(data: bytes) -> np.ndarray:
    """ENTRY rows of a file, as many as its header says and has room for."""
    count = min(int.from_bytes(data[COUNT : COUNT + 2], "little"), 62)
    return np.frombuffer(bytes(data[ENTRIES : ENTRIES + count * ENTRY.itemsize]), ENTRY).copy()


def with_entries(data: bytes, rows: np.ndarray) -> bytes:
    """The same file with other ENTRY rows, and as many of them as there are."""
    raw = bytearray(data)
    raw[ENTRIES:4032] = rows.tobytes().ljust(4032 - ENTRIES, b"\0")
    struct.pack_into("<H", raw, COUNT, len(rows))
    return bytes(raw)


def row_of(data: bytes, name: str) -> int:
    """The place of a section's entry."""
    return [NAMES.get(kind, kind.decode("latin-1")) for kind in entries_of(data)["kind"].tolist()].index(name)


def bounds(data: bytes, name: str) -> tuple[int, int]:
    """Where a section begins and ends."""
    entry = entries_of(data)[row_of(data, name)]
    return int(entry["offset"]), int(entry["offset"]) + int(entry["size"])


def sealed(data: bytes) -> bytes:
    """The same file with every digest made to fit, so that the checks behind them are put to the test.

    Digests of blocks of payload stay: none of those checks looks at them.
    """
    rows = entries_of(data)
    covered = {bytes(row["kind"]): data[int(row["offset"]) : int(row["offset"]) + int(row["size"])] for row in rows}
    for row in rows:
        kind = bytes(row["kind"])
        row["digest"] = np.void(blake3(covered.get(b"DGST" if kind == b"PAYL" else kind, b"")).digest())
    raw = bytearray(
        with_entries(data, rows) if len(rows) == int.from_bytes(data[COUNT : COUNT + 2], "little") else data
    )
    raw[4064:4096] = blake3(raw[:4064]).digest()
    return bytes(raw)


def with_number(kind: str, offset: int, value: int) -> Mangle:
    """A number of the header replaced."""

    def mangle(data: bytes) -> bytes:
        raw = bytearray(data)
        struct.pack_into(kind, raw, offset, value)
        return sealed(raw)

    return mangle


def with_entry(name: str, **fields: Any) -> Mangle:
    """Fields of a section's entry replaced."""

    def mangle(data: bytes) -> bytes:
        rows = entries_of(data)
        for field, value in fields.items():
            rows[row_of(data, name)][field] = value
        return sealed(with_entries(data, rows))

    return mangle


def with_row(name: str, row: int, value: int | Mapping[str, Any]) -> Mangle:
    """A row of a table replaced, or some of its fields."""

    def mangle(data: bytes) -> bytes:
        start, end = bounds(data, name)
        table = np.frombuffer(data[start:end], DTYPES[name]).copy()
        if isinstance(value, Mapping):
            for field, number in value.items():
                table[field][row] = number
        else:
            table[row] = value
        return sealed(data[:start] + table.tobytes() + data[end:])

    return mangle


def with_section(name: str, raw: bytes, rows: int, **fields: Any) -> Mangle:
    """A section replaced by other bytes at the end of the file, or put there; the old bytes stay where they are."""

    def mangle(data: bytes) -> bytes:
        entries = entries_of(data)
        kinds = {known: kind for kind, known in NAMES.items()}
        new = np.zeros(1, ENTRY)
        new["kind"] = kinds.get(name, name.encode("latin-1"))
        held = entries["kind"] == new["kind"]
        new["flags"] = entries["flags"][held][0] if held.any() else 0
        body = data + bytes(-len(data) % 4096)
        new["offset"], new["size"], new["rows"] = len(body), len(raw), rows
        for field, value in fields.items():
            new[field] = value
        return sealed(with_entries(body + raw, np.concatenate([entries[~held], new])))

    return mangle


def without(name: str) -> Mangle:
    """A section's entry left out; its bytes stay."""

    def mangle(data: bytes) -> bytes:
        return sealed(with_entries(data, np.delete(entries_of(data), row_of(data, name))))

    return mangle


def damaged(name: str) -> Mangle:
    """The first byte of a section inverted, and no digest made to fit."""

    def mangle(data: bytes) -> bytes:
        raw = bytearray(data)
        raw[bounds(data, name)[0]] ^= 0xFF
        return bytes(raw)

    return mangle


def walk(capture: Capture) -> None:
    """Look at every row of every table, as who sends or converts the capture does: all that it names is there."""
    _walk_trains(capture)
    _walk_events(capture)
    assert len(capture.digests) == -(-len(capture.payload) // DIGEST_BLOCK_BYTES)
    end_ns = train = 0
    for window in capture.windows:
        assert (int(window["start_ns"]), int(window["first_train"])) == (end_ns, train)
        end_ns, train = end_ns + int(window["duration_ns"]), train + int(window["trains"])
    assert (end_ns, train) == (capture.duration_ns, len(capture.trains))
    assert capture.start_ns + end_ns < 1 << 63
    for part in capture.parts:
        assert 4096 <= part.offset <= part.offset + len(part.data) <= capture.path.stat().st_size


def _walk_trains(capture: Capture) -> None:
    taken: dict[int, list[tuple[int, int]]] = {}
    end = first_event = 0
    for number, row in enumerate(capture.trains):
        count, length = int(row["count"]), int(row["length"])
        assert (row["offset"], row["first_event"]) == (end, first_event)
        assert 1 <= count <= MAX_TRAIN_EVENTS
        assert count * length <= MAX_TRAIN_BYTES
        assert length or count == 1
        assert row["source"] < max(1, capture.sources)
        spans = [(int(row["stamp_column"]), int(WIDTHS[row["stamp_kind"]])), (int(row["tag_column"]), 24)]
        taken[number] = [span for span, there in zip(spans, (row["stamp_kind"], row["tag_kind"]), strict=True) if there]
        assert capture.matrix(number).shape == (count, length)
        end, first_event = end + count * length, first_event + count
    assert (end, first_event) == (len(capture.payload), capture.events)
    for row in capture.live:
        kind, zone = int(row["kind"]), int(row["zone_minutes"])
        assert zone == LOCAL_ZONE or abs(zone) < 1440 if ZONED[kind] else not zone
        taken[int(row["train"])].append((int(row["column"]), int(WIDTHS[kind])))
    for number, spans in taken.items():
        at = 0
        for column, width in sorted(spans):
            assert at <= column
            at = column + width
        assert at <= capture.trains["length"][number]


def _walk_events(capture: Capture) -> None:
    events = capture.events
    for name in ("times", "order", "flow_of", "templates", "original"):
        assert len(getattr(capture, name)) in (0, events)
    times = capture.times.astype(object).tolist()
    assert times == sorted(times)
    back = {int(row["event"]): int(row["by_ns"]) for row in capture.back}
    assert len(back) == len(capture.back)
    for number, by_ns in back.items():
        assert 0 <= capture.start_ns + times[number] - by_ns < 1 << 63
    assert not times or capture.start_ns + times[-1] < 1 << 63
    for number in capture.order.tolist():
        assert 0 <= number < events
    for number in capture.flow_of.tolist():
        flow = capture.flows[number]
        assert flow["family"] in (4, 6)
        assert flow["vlan_count"] <= len(flow["vlans"])
        assert not len(capture.links) or capture.links[int(flow["link"])] is not None
    for number in capture.templates.tolist():
        assert not len(capture.mix) or 0 <= capture.mix[number] <= events
