"""A mangled capture of version 2 ends in a CaptureError or is sound: never another error, never a byte from outside."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.console.errors import CaptureError
from captures.format.digests import damaged_parts
from captures.format.layout import LOCAL_ZONE, StampKind, header_digest
from captures.format.reader import open_capture
from captures.format.sections import BACK, ENTRY, LIVE, SECTIONS
from tests.captures.format.opening.forged import (
    DTYPES,
    Mangle,
    damaged,
    entries_of,
    row_of,
    sealed,
    walk,
    with_entries,
    with_entry,
    with_number,
    with_row,
    with_section,
    without,
)
from tests.captures.samples import FOLDER

SOUND = (FOLDER / "2-all.rcap").read_bytes()
"""Four trains: 2 events of 58 bytes with a stamp at 4 and another one at 34, one of 10, an empty one, and 3 of 55 with
a stamp at 6 and a tag at 31."""
SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("2-*.rcap"))}
END = len(SOUND)
YEAR_2262 = (1 << 63) - 1_756_548_930_000_000_000
EVENTS = ("times", "order", "flow_of", "templates", "original")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forged") / "forged.rcap"


def live(*rows: tuple[int, int, int, int]) -> Mangle:
    """Another LIVE, of (train, column, kind, zone)."""
    table = np.array([(train, column, kind, 0, zone, 0) for train, column, kind, zone in rows], LIVE)
    return with_section("live", table.tobytes(), len(table))


def back(*rows: tuple[int, int]) -> Mangle:
    return with_section("back", np.array([*rows], BACK).tobytes(), len(rows))


def twice(data: bytes) -> bytes:
    rows = entries_of(data)
    again = rows[row_of(data, "note")].copy()
    again["offset"], again["size"], again["rows"] = END + -END % 4096, 2, 2
    return sealed(with_entries(data + bytes(-END % 4096) + b"{}", np.append(rows, again)))


def with_two_unknown(data: bytes) -> bytes:
    rows = entries_of(with_section("zz", b"", 0)(data))
    return sealed(with_entries(data + bytes(-END % 4096), np.append(rows, rows[-1])))


def with_another_digest_of_payload(data: bytes) -> bytes:
    rows = entries_of(data)
    rows["digest"][row_of(data, "payload")] = np.void(bytes(32))
    raw = bytearray(with_entries(data, rows))
    raw[4064:4096] = header_digest(bytes(raw[:4096]))
    return bytes(raw)


@pytest.mark.parametrize(
    ("mangle", "complaint"),
    [
        (with_number("<I", 8, 3), "format version 3; this tool reads 1 and 2; use a newer one"),
        (lambda data: data[:20] + b"?" + data[21:], "the header is damaged"),
        (with_number("<I", 48, 4), "it needs features 0x4 that this tool does not know; use a newer one"),
        (with_number("<H", 46, 72), "its entries have 72 bytes"),
        (with_number("<H", 44, 63), "it has 63 sections, more than 62"),
        (with_number("<H", 44, 0), "it has no section windows"),
        (with_section("zzzz", b"x", 1, flags=1), "section 'zzzz' must be understood, and this tool does not know it"),
        (with_section("\x1b[2J", b"x", 1, flags=3), "section '\\x1b[2J' must be understood"),
        (twice, "section note is there twice"),
        (with_two_unknown, "section 'zz' is there twice"),
        *((without(name), f"it has no section {name}") for name in ("windows", "digests", "trains", "payload")),
        (with_entry("times", rows=6), "section times: 56 bytes are not 6 rows"),
        (with_entry("times", size=48), "section times: 48 bytes are not 7 rows"),
        (with_entry("note", offset=12289), "section note starts at 12289, which is no page"),
        (with_entry("order", offset=0), "section order begins at 0, within another one"),
        (with_entry("order", offset=4096), "within another one"),
        (with_entry("original", offset=1 << 62), "it was cut short"),
        (with_entry("original", offset=(1 << 64) - 4096), "it was cut short"),
        (lambda data: data[:-1], "it was cut short"),
        (lambda data: data + b"!", "1 bytes follow the last section"),
        (with_another_digest_of_payload, "the digests of section digests and of the payload differ"),
        *(
            (damaged(name), f"section {name} is damaged")
            for name in ("recipe", "note", "windows", "mix", "digests", "links")
        ),
        (with_section("recipe", b"[]", 2), "the recipe is not a JSON object"),
        (with_section("note", b"{", 1), "the note is not a JSON object"),
        (with_section("note", b'{"a":NaN}', 9), "the note is not a JSON object"),
        (with_section("note", b"\xff", 1), "the note is not a JSON object"),
        (with_section("note", b'{"a":' * 65 + b"1" + b"}" * 65, 65 * 6 + 1), "the note is nested more than 64 deep"),
        (with_section("digests", b"", 0), "the digests do not cover the payload"),
        (with_section("digests", bytes(64), 2), "the digests do not cover the payload"),
        (with_section("trains", b"", 0), "it holds no trains"),
        (with_section("windows", b"", 0), "it holds no windows"),
        (with_row("trains", 2, {"count": 2}), "a train's events are empty"),
        (with_row("trains", 0, {"stamp_kind": len(StampKind)}), "a train's kind of stamp is not known"),
        (with_row("trains", 3, {"zone_minutes": 60}), "a train's zone is none"),
        (with_row("trains", 3, {"stamp_column": 42}), "a stamp lies outside its event"),
        (with_row("trains", 2, {"stamp_kind": 82}), "a stamp lies outside its event"),
        (with_row("trains", 3, {"tag_column": 32}), "a tag lies outside its event"),
        (with_row("trains", 2, {"tag_kind": 1}), "a tag lies outside its event"),
        (with_row("trains", 3, {"tag_column": 19}), "a tag lies across its event's stamp"),
        (with_row("trains", 3, {"source": 2}), "a train's source is not one of the header's 2"),
        (with_number("<H", 12, 1), "shortest and longest event are not the trains'"),
        (with_row("windows", 1, {"duration_ns": YEAR_2262}), "it ends after the year 2262"),
        (with_row("mix", 0, 3), "the mix does not sum to the events"),
        *(
            (with_section(name, bytes(6 * SECTIONS[name].row_bytes), 6), f"section {name} has 6 rows, not 7")
            for name in EVENTS
        ),
        *(
            (with_section(name, bytes(8 * SECTIONS[name].row_bytes), 8), f"section {name} has 8 rows, not 7")
            for name in EVENTS
        ),
        (with_row("times", 5, 3), "its instants descend"),
        (with_row("times", 6, YEAR_2262), "it ends after the year 2262"),
        (with_row("times", 6, (1 << 64) - 1), "it ends after the year 2262"),
        (back((3, 1), (7, 1)), "an earlier instant is of an event that is not there"),
        (back((3, 1), ((1 << 64) - 1, 1)), "an earlier instant is of an event that is not there"),
        (back((3, 1), (3, 1)), "the earlier instants are not in order"),
        (back((3, 1), (2, 1)), "the earlier instants are not in order"),
        (
            back(
                (0, 1_756_548_930_000_000_001),
            ),
            "an event is from before 1970",
        ),
        (
            back(
                (6, (1 << 64) - 1),
            ),
            "an event is from before 1970",
        ),
        (without("times"), "an earlier instant is of an event that is not there"),
        (with_section("times", b"", 0), "an earlier instant is of an event that is not there"),
        (with_row("order", 0, 7), "its order names an event that is not there"),
        (with_row("order", 6, (1 << 64) - 1), "its order names an event that is not there"),
        (with_section("flow_of", b"", 0), "it has flows, and does not say of which events"),
        (with_row("flow_of", 6, 2), "an event's flow is not there"),
        (with_section("flows", b"", 0), "an event's flow is not there"),
        (with_row("flows", 1, {"vlan_count": 3}), "a flow has more than two VLAN tags"),
        (with_row("flows", 1, {"family": 5}), "a flow's addresses are neither of IPv4 nor of IPv6"),
        (with_row("flows", 1, {"link": 2}), "a flow's link is not there"),
        (with_row("templates", 3, 3), "an event's template is not one of the mix"),
        (live((4, 0, 1, 0)), "a stamp is of a train that is not there"),
        (live(((1 << 64) - 1, 0, 1, 0)), "a stamp is of a train that is not there"),
        (live((0, 34, 0, 0)), "the kind of a further stamp is not known"),
        (live((0, 34, len(StampKind), 0)), "the kind of a further stamp is not known"),
        (live((0, 35, 1, 0)), "a further stamp lies outside its event"),
        (live((2, 0, 82, 0)), "a further stamp lies outside its event"),
        (live((0, 34, 1, 60)), "the zone of a further stamp is none"),
        (live((0, 34, 2, 1440)), "the zone of a further stamp is none"),
        (live((1, 0, 82, 0), (0, 34, 1, 0)), "further stamps are not in order, or lie across each other"),
        (live((0, 34, 82, 0), (0, 43, 82, 0)), "further stamps are not in order, or lie across each other"),
        (live((0, 18, 82, 0)), "a further stamp lies across its event's tag or first stamp"),
        (live((0, 0, 82, 0)), "a further stamp lies across its event's tag or first stamp"),
        (live((3, 45, 82, 0)), "a further stamp lies across its event's tag or first stamp"),
        (live((3, 22, 82, 0)), "a further stamp lies across its event's tag or first stamp"),
    ],
)
def test_each_rule_has_its_line(path: Path, mangle: Mangle, complaint: str) -> None:
    path.write_bytes(mangle(SOUND))
    with pytest.raises(CaptureError) as caught:
        open_capture(path)
    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "mangle",
    [
        *(without(name) for name in ("recipe", "note", "mix", "links", "back", "order", "live", "templates")),
        with_section("zzzz", b"what nobody knows", 1 << 63),
        with_section("zzzz", b"", 0),
        with_section("order", bytes(56), 7),  # a number that comes twice is the writer's fault, and nobody's harm
        with_section("back", b"", 0),
        with_section("live", b"", 0),
        live((0, 34, 1, 0), (1, 0, 82, 0), (3, 20, 82, 0)),
        live((3, 20, 82, 0)),
        with_row("trains", 0, {"zone_minutes": LOCAL_ZONE}),
        with_row("flows", 1, {"link": 1, "protocol": 255, "vlans": (0xFFFF, 0xFFFF)}),
        with_row("links", 0, {"name": b"\xff\n\x1b[2J", "resolution": 0}),
        with_number("<Q", 24, (1 << 64) - 1),
        with_entry("note", flags=0xFFFF_FFFF),
    ],
)
def test_what_breaks_no_rule_is_opened(path: Path, mangle: Mangle) -> None:
    path.write_bytes(mangle(SOUND))
    walk(open_capture(path))


def test_what_is_not_known_is_kept_apart(path: Path) -> None:
    path.write_bytes(with_section("zzzz", b"what nobody knows", 3)(SOUND))
    capture = open_capture(path)
    (part,) = [part for part in capture.parts if part.name not in SECTIONS]
    assert (part.name, part.data.tobytes()) == ("'zzzz'", b"what nobody knows")
    assert [*capture.lines()] == [*open_capture(FOLDER / "2-all.rcap").lines()]


@pytest.mark.parametrize("first", ["payload", "digests"])
def test_an_empty_section_may_begin_where_another_one_does(path: Path, first: str) -> None:
    """Whichever entry stands first: both begin on the same page then."""
    data = SAMPLES["2-empty.rcap"]
    rows = entries_of(data)
    rows["offset"][row_of(data, "digests")] = rows["offset"][row_of(data, "payload")]
    order = np.argsort(rows["kind"] != SECTIONS[first].kind, kind="stable")
    path.write_bytes(sealed(with_entries(data, rows[order])))
    walk(open_capture(path))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_changed_byte_of_any_section_is_found(path: Path, name: str) -> None:
    data = SAMPLES[name]
    path.write_bytes(data)
    for part in open_capture(path).parts:
        for place in {part.offset, part.offset + len(part.data) - 1} if len(part.data) else ():
            raw = bytearray(data)
            raw[place] ^= 1
            path.write_bytes(raw)
            found = damage_of(path)
            told = "payload chunk 0" if part.name == "payload" else f"section {part.name}"
            assert told in found or (part.name in ("trains", *EVENT_TABLES) and f"{path}: " in found)


EVENT_TABLES = ("times", "back", "order", "flows", "flow_of", "live", "templates", "original")
"""Sections whose numbers may be wrong in themselves, so that the capture is not even opened."""


def damage_of(path: Path) -> str:
    """What is wrong with a capture, whether opening it finds it or verifying it."""
    try:
        return "; ".join(damaged_parts(open_capture(path), 1, lambda _: None))
    except CaptureError as error:
        return str(error)


def check(path: Path, data: bytes) -> None:
    """Open `data` as a capture; what is accepted must hold what senders and converters rely on, row by row."""
    path.write_bytes(data)
    try:
        capture = open_capture(path)
    except CaptureError as error:
        complaint = str(error)
    else:
        walk(capture)
        damaged_parts(capture, 1, lambda _: None)
        return
    assert complaint.startswith(f"{path}: ")
    assert complaint.isprintable()


numbers = st.one_of(
    st.integers(0, 300),
    st.sampled_from([0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
    st.integers(0, (1 << 64) - 1),
)
samples = st.sampled_from([*SAMPLES.values()])


@settings(max_examples=5 * settings().max_examples)
@given(
    sample=samples,
    edits=st.lists(st.tuples(st.integers(0, 80_000), st.integers(0, 255)), max_size=4),
    size=st.none() | st.integers(4096, 70_000),
    seal=st.booleans(),
)
def test_any_bytes(path: Path, sample: bytes, edits: list[tuple[int, int]], size: int | None, seal: bool) -> None:
    raw = bytearray(sample)
    for place, value in edits:
        raw[place % len(raw)] = value
    if size is not None:
        raw = raw[:size].ljust(size, b"\0")
    check(path, sealed(raw) if seal else raw)


@settings(max_examples=5 * settings().max_examples)
@given(
    sample=samples,
    row=st.integers(0, 61),
    field=st.sampled_from(["kind", "flags", "offset", "size", "rows"]),
    value=numbers | st.integers(0, 20).map(lambda page: page * 4096),
    kind=st.sampled_from([*(kind.kind for kind in SECTIONS.values()), b"zzzz", b"", b"\0abc", b"\n\xff"]),
)
def test_any_entry(path: Path, sample: bytes, row: int, field: str, value: int, kind: bytes) -> None:
    rows = entries_of(sample)
    fits = value % (1 << 8 * ENTRY[field].itemsize) if field != "kind" else kind
    rows[field][row % len(rows)] = fits
    check(path, sealed(with_entries(sample, rows)))


@settings(max_examples=5 * settings().max_examples)
@given(
    sample=samples,
    place=st.sampled_from(
        [*((8, "<I"), (12, "<H"), (14, "<H"), (16, "<Q"), (24, "<Q")), (32, "<Q"), (40, "<I"), (44, "<H"), (46, "<H")]
    ),
    value=numbers,
)
def test_any_header_field(path: Path, sample: bytes, place: tuple[int, str], value: int) -> None:
    offset, kind = place
    check(path, with_number(kind, offset, value % (1 << 8 * struct.calcsize(kind)))(sample))


@settings(max_examples=10 * settings().max_examples)
@given(
    edits=st.lists(
        st.tuples(st.sampled_from([*DTYPES]), st.integers(0, 1000), st.integers(0, 20), numbers), min_size=1, max_size=3
    ),
    name=st.sampled_from(["2-all.rcap", "2-all.rcap", "2-order.rcap", "2-stamps.rcap"]),
)
def test_any_table(path: Path, edits: list[tuple[str, int, int, int]], name: str) -> None:
    data = SAMPLES[name]
    kinds = entries_of(data)["kind"].tolist()
    for section, row, column, value in edits:
        if SECTIONS[section].kind in kinds:
            data = _edited(data, section, row, column, value)
    check(path, data)


def _edited(data: bytes, section: str, row: int, column: int, value: int) -> bytes:
    dtype: Any = np.dtype(DTYPES[section])
    rows = int(entries_of(data)[row_of(data, section)]["rows"])
    if dtype.names is None:
        return with_row(section, row % rows, value % (1 << 8 * dtype.itemsize))(data)
    field = dtype.names[column % len(dtype.names)]
    raw = value.to_bytes(8, "little").ljust(dtype[field].itemsize, b"\x01")[: dtype[field].itemsize]
    return with_row(section, row % rows, {field: np.frombuffer(raw, dtype[field])[0]})(data)


def test_the_seal_of_these_tests_is_the_writers() -> None:
    assert all(sealed(data) == data for data in SAMPLES.values())
