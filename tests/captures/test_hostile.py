"""A mangled capture ends in a CaptureError or is sound: never another error, never a byte from outside."""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.console.errors import CaptureError
from captures.format.capture import Capture
from captures.format.layout import (
    DIGEST_BLOCK_BYTES,
    LOCAL_ZONE,
    MAX_TRAIN_BYTES,
    MAX_TRAIN_EVENTS,
    STAMP_WIDTHS,
    TAG_WIDTHS,
    TRAIN,
    WINDOW,
    StampKind,
)
from captures.format.reader import open_capture
from tests.captures.content import START_NS, content, noise, tagged, tiny, write

SECTION = struct.Struct("<QQQ32s")
RECIPE, WINDOWS, MIX, DIGESTS, TRAINS, PAYLOAD = range(6)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "sound.rcap"
    write(path, tiny())
    return path.read_bytes()


@pytest.fixture(scope="module")
def sound_tagged(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "tagged.rcap"
    write(path, tagged(tiny()))
    return path.read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mangled") / "mangled.rcap"


def sections(data: bytes) -> list[tuple[int, int, int, bytes]]:
    return list(SECTION.iter_unpack(data[64:400]))


def sealed(data: bytes) -> bytes:
    """The same file with every digest made to fit, so that the checks behind them are put to the test."""
    raw = bytearray(data)
    for i, (offset, size, rows, _) in enumerate(sections(raw)):
        covered = raw[slice(*section_bounds(raw, DIGESTS if i == PAYLOAD else i))]
        SECTION.pack_into(raw, 64 + i * SECTION.size, offset, size, rows, blake3(covered).digest())
    raw[4064:4096] = blake3(raw[:4064]).digest()
    return bytes(raw)


def section_bounds(data: bytes, section: int) -> tuple[int, int]:
    offset, size, _, _ = sections(data)[section]
    return offset, offset + size


def edited(data: bytes, section: int, dtype: np.dtype, row: int, fields: Mapping[str, int]) -> bytes:
    """Some numbers of a table's row replaced, and the digests made to fit."""
    start, end = section_bounds(data, section)
    table = np.frombuffer(data[start:end], dtype).copy()
    for field, value in fields.items():
        table[field][row] = value
    return sealed(data[:start] + table.tobytes() + data[end:])


def check(path: Path, data: bytes) -> None:
    """Open `data` as a capture. What is accepted must hold what a sender relies on, train by train."""
    path.write_bytes(data)
    try:
        capture = open_capture(path)
    except CaptureError as error:
        complaint = str(error)
    else:
        check_trains(capture)
        check_windows(capture)
        assert capture.payload_offset + len(capture.payload) == len(data)
        return
    assert complaint.startswith(f"{path}: ")
    assert "\n" not in complaint


def check_trains(capture: Capture) -> None:
    end = first_event = 0
    for train, row in enumerate(capture.trains):
        assert (row["offset"], row["first_event"]) == (end, first_event)
        assert 1 <= row["count"] <= MAX_TRAIN_EVENTS
        assert int(row["count"]) * int(row["length"]) <= MAX_TRAIN_BYTES
        assert int(row["stamp_column"]) + STAMP_WIDTHS[row["stamp_kind"]] <= row["length"]
        tag_end = int(row["tag_column"]) + TAG_WIDTHS[row["tag_kind"]]
        assert tag_end <= row["length"]
        assert bool(row["tag_kind"]) == capture.tagged
        if row["tag_kind"] and row["stamp_kind"]:
            stamp_end = int(row["stamp_column"]) + STAMP_WIDTHS[row["stamp_kind"]]
            assert row["tag_column"] >= stamp_end or tag_end <= row["stamp_column"]
        assert row["source"] < max(capture.sources, 1)
        zoned = row["stamp_kind"] in (StampKind.RFC3164, StampKind.RFC3339_US_OFFSET)
        assert row["zone_minutes"] in ((LOCAL_ZONE, *range(-1439, 1440)) if zoned else (0,))
        events = capture.matrix(train)
        assert events.shape == (row["count"], row["length"])
        end, first_event = end + events.size, first_event + len(events)
    assert (end, first_event) == (len(capture.payload), capture.events)


def check_windows(capture: Capture) -> None:
    train = end_ns = 0
    for window in capture.windows:
        assert (window["first_train"], window["start_ns"]) == (train, end_ns)
        assert window["duration_ns"] > 0 or len(capture.windows) == 1
        end_ns += int(window["duration_ns"])
        counts = capture.trains["count"][train : train + int(window["trains"])]
        assert window["events"] == counts.sum()
        train += len(counts)
    assert train == len(capture.trains)
    assert end_ns == capture.duration_ns
    assert capture.start_ns + end_ns < 1 << 63


numbers = st.one_of(
    st.integers(0, 300),
    st.sampled_from([0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]),
    st.integers(0, (1 << 64) - 1),
)


@settings(max_examples=10 * settings().max_examples)
@given(
    edits=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=4),
    size=st.none() | st.integers(0, 30_000),
    seal=st.booleans(),
)
def test_any_bytes(sound, path, edits, size, seal):
    raw = bytearray(sound)
    for place, value in edits:
        raw[place % len(raw)] = value
    if size is not None:
        raw = raw[:size].ljust(size, b"\x00")
    check(path, sealed(raw) if seal and len(raw) >= 4096 else raw)


@settings(max_examples=10 * settings().max_examples)
@given(
    section=st.integers(0, 5),
    field=st.sampled_from([0, 8, 16]),
    value=numbers | st.integers(0, 8).map(lambda page: page * 4096),
)
def test_any_section_table(sound, path, section, field, value):
    raw = bytearray(sound)
    struct.pack_into("<Q", raw, 64 + section * SECTION.size + field, value)
    check(path, sealed(raw))


@settings(max_examples=10 * settings().max_examples)
@given(
    place=st.sampled_from([(8, "<I"), (12, "<H"), (14, "<H"), (16, "<Q"), (24, "<Q"), (32, "<Q"), (40, "<I")]),
    value=numbers,
)
def test_any_header_field(sound, path, place, value):
    raw = bytearray(sound)
    offset, kind = place
    struct.pack_into(kind, raw, offset, value % (1 << 8 * struct.calcsize(kind)))
    check(path, sealed(raw))


@settings(max_examples=10 * settings().max_examples)
@given(
    edits=st.lists(
        st.tuples(st.sampled_from([(TRAINS, TRAIN), (WINDOWS, WINDOW)]), st.integers(0), st.integers(0), numbers),
        min_size=1,
        max_size=3,
    ),
    with_tags=st.booleans(),
)
def test_any_table(sound, sound_tagged, path, edits, with_tags):
    data = sound_tagged if with_tags else sound
    for (section, dtype), row, column, value in edits:
        field = dtype.names[column % len(dtype.names)]
        rows = sections(data)[section][2]
        fits = value % (1 << 8 * dtype[field].itemsize)
        if dtype[field].kind == "i" and fits > np.iinfo(dtype[field]).max:
            fits -= 1 << 8 * dtype[field].itemsize
        data = edited(data, section, dtype, row % rows, {field: fits})
    check(path, data)


def with_number(kind: str, offset: int, value: int) -> Callable[[bytes], bytes]:
    def mangle(data: bytes) -> bytes:
        raw = bytearray(data)
        struct.pack_into(kind, raw, offset, value)
        return sealed(raw)

    return mangle


def with_train(row: int, **fields: int) -> Callable[[bytes], bytes]:
    return partial(edited, section=TRAINS, dtype=TRAIN, row=row, fields=fields)


def with_window(row: int, **fields: int) -> Callable[[bytes], bytes]:
    return partial(edited, section=WINDOWS, dtype=WINDOW, row=row, fields=fields)


def with_recipe(text: bytes) -> Callable[[bytes], bytes]:
    def mangle(data: bytes) -> bytes:
        start, end = section_bounds(data, RECIPE)
        return sealed(data[:start] + text.ljust(end - start) + data[end:])

    return mangle


def without_windows(data: bytes) -> bytes:
    """The section's size alone: the next one stands on the same page."""
    raw = bytearray(data)
    struct.pack_into("<QQ", raw, 64 + WINDOWS * SECTION.size + 8, 0, 0)
    start = section_bounds(data, WINDOWS)[0]
    for section in range(MIX, PAYLOAD + 1):
        place = 64 + section * SECTION.size
        struct.pack_into("<Q", raw, place, struct.unpack_from("<Q", raw, place)[0] - 4096)
    return sealed(bytes(raw[:start] + raw[start + 4096 :]))


def damaged(section: int) -> Callable[[bytes], bytes]:
    """A byte of a section inverted, its digest left as it was."""

    def mangle(data: bytes) -> bytes:
        raw = bytearray(data)
        raw[section_bounds(data, section)[0]] ^= 0xFF
        return bytes(raw)

    return mangle


@pytest.mark.parametrize(
    ("mangle", "complaint"),
    [
        (lambda data: data[:4095], "4095 bytes are too few for a capture"),
        (lambda data: b"PCAP" + data[4:], "this is not an .rcap capture"),
        (lambda _: b"name: shop\n", "this is not an .rcap capture"),
        (lambda _: b"", "this is not an .rcap capture"),
        (with_number("<I", 8, 3), "format version 3; this tool reads 1 and 2; use a newer one"),
        (lambda data: data[:24] + b"?" + data[25:], "the header is damaged"),
        (damaged(RECIPE), "section recipe is damaged"),
        (damaged(WINDOWS), "section windows is damaged"),
        (damaged(MIX), "section mix is damaged"),
        (damaged(DIGESTS), "section digests is damaged"),
        (lambda data: data[:-1], "it was cut short"),
        (lambda data: data + b"!", "1 bytes follow the payload"),
        (with_number("<Q", 64 + 56 * WINDOWS, 4096), "section windows starts at 4096, not at 8192"),
        (with_number("<Q", 64 + 56 * TRAINS + 16, 2), "section trains: 96 bytes are not 2 rows"),
        (with_number("<Q", 16, 1), "the header says 1"),
        (with_number("<H", 12, 1), "shortest and longest event are not the trains'"),
        (with_train(0, count=0), "a train has fewer than 1 or more than 128 events"),
        (with_train(0, count=129), "a train has fewer than 1 or more than 128 events"),
        (with_train(0, length=0), "a train's events are empty"),
        (with_train(0, count=128, length=600), "a train is longer than 65507 bytes"),
        (with_train(1, offset=0), "the trains do not lie back to back"),
        (with_train(1, first_event=0), "the trains' events have a gap"),
        (with_train(2, length=44), "the trains hold 121 bytes, the payload 120"),
        (with_train(0, stamp_kind=5), "a train's kind of stamp is not known"),
        (with_train(0, zone_minutes=60), "a train's zone is none"),
        (with_train(0, zone_minutes=LOCAL_ZONE), "a train's zone is none"),
        (with_train(1, zone_minutes=1), "a train's zone is none"),
        (with_train(2, zone_minutes=1440), "a train's zone is none"),
        (with_train(2, zone_minutes=-1440), "a train's zone is none"),
        (with_train(2, zone_minutes=LOCAL_ZONE + 1), "a train's zone is none"),
        (with_train(0, stamp_column=8), "a stamp lies outside its event"),
        (with_train(0, tag_kind=2), "a train's kind of tag is not known"),
        (with_train(0, tag_kind=1), "some trains have a tag and some have none"),
        (with_train(2, tag_kind=1), "some trains have a tag and some have none"),
        (with_train(1, tag_column=6), "a tag lies outside its event"),
        (with_train(0, source=3), "a train's source is not one of the header's 3"),
        (with_train(2, source=(1 << 32) - 1), "a train's source is not one of the header's 3"),
        (with_number("<I", 40, 2), "a train's source is not one of the header's 2"),
        (with_number("<I", 40, 0), "a train's source is not one of the header's 0"),
        (with_window(1, start_ns=0), "the windows leave a gap in time"),
        (with_window(1, duration_ns=1 << 63), "the windows last too long"),
        (with_window(1, duration_ns=(1 << 64) - 1), "the windows last too long"),
        (with_window(1, duration_ns=(1 << 63) - START_NS), "it ends after the year 2262"),
        (with_number("<Q", 32, (1 << 64) - 1), "it ends after the year 2262"),
        (with_window(1, duration_ns=0), "a window lasts no time"),
        (without_windows, "it holds no windows"),
        (with_window(1, first_train=0), "the windows leave out a train"),
        (with_window(1, trains=(1 << 64) - 1), "a window ends after the last train"),
        (with_window(0, events=4), "a window's events are not those of its trains"),
        (with_window(1, trains=0, events=0), "the windows do not hold every train"),
        (with_recipe(b"[]"), "the recipe is not a JSON object"),
        (with_recipe(b"{"), "the recipe is not a JSON object"),
        (with_recipe(b"\xff"), "the recipe is not a JSON object"),
    ],
)
def test_each_rule_has_its_line(sound, path, mangle, complaint):
    path.write_bytes(mangle(sound))
    with pytest.raises(CaptureError) as caught:
        open_capture(path)
    assert complaint in str(caught.value)


LENGTHS = (31 + 34, 5 + 34, 43 + 34)
"""Of the events of `tagged(tiny())`; the stamps are an ISO_MS in column 3, none, and an RFC3164 in column 0."""


@pytest.mark.parametrize(
    ("mangle", "complaint"),
    [
        (with_train(1, tag_kind=2), "a train's kind of tag is not known"),
        (with_train(0, tag_kind=0), "some trains have a tag and some have none"),
        (with_train(2, tag_kind=0), "some trains have a tag and some have none"),
        (with_train(0, tag_column=LENGTHS[0] - 23), "a tag lies outside its event"),
        (with_train(1, tag_column=LENGTHS[1] - 23), "a tag lies outside its event"),
        (with_train(2, tag_column=(1 << 16) - 1), "a tag lies outside its event"),
        (with_train(0, tag_column=26), "a tag lies across its event's stamp"),
        (with_train(0, tag_column=0), "a tag lies across its event's stamp"),
        (with_train(2, tag_column=14), "a tag lies across its event's stamp"),
        (with_train(2, stamp_column=40, tag_column=17), "a tag lies across its event's stamp"),
        (with_train(2, stamp_column=40, tag_column=40), "a tag lies across its event's stamp"),
    ],
)
def test_each_rule_of_tags_has_its_line(sound_tagged, path, mangle, complaint):
    path.write_bytes(mangle(sound_tagged))
    with pytest.raises(CaptureError) as caught:
        open_capture(path)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda data: data,
        with_train(0, tag_column=27),
        with_train(1, tag_column=LENGTHS[1] - 24),
        with_train(1, stamp_column=5, tag_column=0),  # where there is no stamp, nothing lies across it
        with_train(2, stamp_column=40, tag_column=16),
        with_train(2, stamp_column=40, tag_column=0),
    ],
)
def test_a_tag_may_be_anywhere_beside_the_stamp(sound_tagged, path, mangle):
    path.write_bytes(mangle(sound_tagged))
    capture = open_capture(path)
    check_trains(capture)
    assert capture.tagged


def test_a_capture_without_tags_is_not_tagged(sound, path):
    path.write_bytes(sound)
    assert not open_capture(path).tagged


def test_a_deeply_nested_recipe_is_refused(tmp_path):
    """The parser's recursion limit is an error of the file's, not of the reader's."""
    path = tmp_path / "deep.rcap"
    write(path, tiny())
    data = path.read_bytes()
    nested = b"[" * 100_000
    room = -(-len(nested) // 4096) * 4096
    table = sections(data)
    raw = bytearray(data[:4096] + nested.ljust(room, b"\0") + data[table[WINDOWS][0] :])
    shift = room - 4096
    for i, (offset, size, rows, digest) in enumerate(table):
        moved = (offset, len(nested), len(nested)) if i == RECIPE else (offset + shift, size, rows)
        SECTION.pack_into(raw, 64 + i * SECTION.size, *moved, digest)
    path.write_bytes(sealed(raw))
    with pytest.raises(CaptureError, match="the recipe is not a JSON object"):
        open_capture(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "not a regular file"),
        ("/dev/null", "not a regular file"),
        ("missing.rcap", "No such file or directory"),
        ("nul\0.rcap", "embedded null byte"),
    ],
)
def test_what_cannot_be_opened_is_a_capture_error(tmp_path, name, reason):
    with pytest.raises(CaptureError, match=f"can't be opened: {reason}$"):
        open_capture(tmp_path / name)


def test_the_seal_of_these_tests_is_the_writers(sound):
    assert sealed(sound) == sound
    assert json.loads(sound[slice(*section_bounds(sound, RECIPE))]) == tiny().shape.recipe
    assert sections(sound)[DIGESTS][1] == 32 * -(-len(tiny().payload) // DIGEST_BLOCK_BYTES)


def test_many_windows_some_of_them_empty_open(tmp_path):
    """As many as a long capture has, of which some are empty."""
    held = content(noise([(2, 30)] * 1000), [0, 1] * 50 + [1] * 900, window_ns=10**9)
    write(tmp_path / "many.rcap", held)
    capture = open_capture(tmp_path / "many.rcap")
    check_windows(capture)
    assert (len(capture.windows), capture.duration_ns) == (1001, 1001 * 10**9)


def test_sources_are_told(tmp_path):
    held = content(noise([(2, 30)] * 4))
    for sources in (4, (1 << 32) - 1):
        write(tmp_path / "some.rcap", replace(held, shape=replace(held.shape, sources=sources)), force=True)
        capture = open_capture(tmp_path / "some.rcap")
        assert (capture.sources, capture.trains["source"].tolist()) == (sources, [0, 1, 2, 3])
    held.trains["source"] = 0
    write(tmp_path / "none.rcap", replace(held, shape=replace(held.shape, sources=0)))
    assert open_capture(tmp_path / "none.rcap").sources == 0


def test_a_capture_without_a_time_axis_has_no_duration(tmp_path):
    write(tmp_path / "untimed.rcap", content(noise([(2, 30)]), window_ns=0))
    assert open_capture(tmp_path / "untimed.rcap").duration_ns == 0


@pytest.mark.parametrize(
    ("recipe", "complaint"),
    [
        (b'{"a":NaN}', "the recipe is not a JSON object"),
        (b'{"a":[-Infinity]}', "the recipe is not a JSON object"),
        (b'{"a":[1e999]}', "the recipe is not a JSON object"),
        (b'{"a":' * 64 + b"1" + b"}" * 64, None),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "the recipe is nested more than 64 deep"),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "the recipe is nested more than 64 deep"),
    ],
)
def test_a_recipe_is_json_of_some_depth(path: Path, recipe: bytes, complaint: str | None) -> None:
    made = tiny()
    write(path, replace(made, shape=replace(made.shape, recipe={"x": "y" * (len(recipe) - 8)})), force=True)
    data = path.read_bytes()
    start, end = section_bounds(data, RECIPE)
    assert end - start == len(recipe)
    path.write_bytes(sealed(data[:start] + recipe + data[end:]))
    if complaint is None:
        open_capture(path)
    else:
        with pytest.raises(CaptureError, match=complaint):
            open_capture(path)


@pytest.mark.parametrize("mix", [[0, 0], [2**64 - 1, 2], [2**63, 2**63]])
def test_a_mix_sums_to_the_events(path: Path, mix: list[int]) -> None:
    write(path, tiny(), force=True)
    data = path.read_bytes()
    start, end = section_bounds(data, MIX)
    numbers = np.frombuffer(data[start:end], "<u8").copy()
    numbers[:] = 0
    numbers[: len(mix)] = mix[: len(numbers)]
    path.write_bytes(sealed(data[:start] + numbers.tobytes() + data[end:]))
    with pytest.raises(CaptureError, match="the mix does not sum to the events"):
        open_capture(path)
