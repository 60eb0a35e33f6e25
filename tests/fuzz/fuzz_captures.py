"""Captures that somebody forged: digests fit, numbers do not. Each ends in a CaptureError, or can be looked at.

Those of version 2 are exported, too: their tables say which events go where, when, and in which order.

`python -m tests.fuzz.fuzz_captures 3600 1` runs an hour of them.
"""

import json
import random
import struct
import sys
import tempfile
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from captures.console.errors import CaptureError, InputError
from captures.convert.export_capture import export_capture
from captures.convert.export_request import ExportRequest, Form
from captures.format.capture import Capture
from captures.format.digests import damaged_parts
from captures.format.layout import TRAIN, WINDOW
from captures.format.reader import open_capture
from captures.format.sections import NAMES, SECTIONS
from captures.share.recipe_text import recipe_yaml
from precompute.inspection.as_text import summary
from precompute.inspection.figures import inspect_capture
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from precompute.rendering.build import build_capture
from tests.captures.format.opening import forged
from tests.captures.samples import FOLDER
from tests.captures.test_hostile import MIX, PAYLOAD, RECIPE, SECTION, TRAINS, WINDOWS, sealed, section_bounds, sections
from tests.fuzz.cases import run_cases
from tests.fuzz.fuzz_profiles import NASTY, OWN, _places

NUMBERS = (0, 1, 2, 3, 127, 128, 129, 255, 4096, 65507, 65535, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
HEADER_FIELDS = ((8, 4), (12, 2), (14, 2), (16, 8), (24, 8), (32, 8), (40, 4))
SAMPLES = [path.read_bytes() for path in sorted(FOLDER.glob("2-*.rcap"))]
JSON_TEXTS = (b"NaN", b"-Infinity", b"1e999", b"[" * 900 + b"]" * 900, b'{"a":' * 70 + b"1" + b"}" * 70, b"9" * 5000)


@cache
def _sound() -> list[bytes]:
    """Small captures: of one window and of several, with tags and with sources."""
    profile = yaml.safe_load(
        OWN.replace("{file: list.txt, zipf: 1.1}", "{list: users}").replace("{file: list.txt}", "{list: users}")
    )
    for place, key in _places(profile):
        if place[key] == {"list": "users"}:
            place[key] = {"choices": ["ann", "bo"]}
    plain = Profile.model_validate(profile)
    kinds = [({"events": 300}, plain), ({"events": 40}, plain.model_copy(update={"source": None}).with_tags())]
    kinds.append(({"duration_ns": 3600 * 10**9, "rate_eps": 1}, plain))
    built = []
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "sound.rcap"
        for extent, made in kinds:
            recipe = Recipe(profile=made, seed=1, train=16, **extent)
            build_capture(path, recipe, jobs=1, force=True, progress=lambda *_: None)
            built.append(path.read_bytes())
    return built


def _with_number(drawn: random.Random, raw: bytearray, at: int, width: int) -> None:
    """Another number in place of the one at `at`: a nasty one, or one beside it."""
    old = int.from_bytes(raw[at : at + width], "little")
    new = drawn.choice((*NUMBERS, old - 1, old + 1, old ^ 1 << drawn.randrange(8 * width)))
    raw[at : at + width] = (new % (1 << 8 * width)).to_bytes(width, "little")


def _with_recipe(drawn: random.Random, data: bytes) -> bytes:
    """The capture with a recipe that was changed, the other sections moved to where they belong."""
    start, end = section_bounds(data, RECIPE)
    tree: Any = json.loads(data[start:end])
    holder, key = drawn.choice(_places(tree))
    holder[key] = drawn.choice(NASTY)
    text = json.dumps(tree).encode()
    if drawn.random() < 0.3:
        at = drawn.randrange(len(text))
        text = text[:at] + drawn.choice(JSON_TEXTS) + text[at + drawn.randrange(3) :]
    parts = [text, *(data[slice(*section_bounds(data, number))] for number in range(1, 6))]
    raw = bytearray(data[:4096])
    for number, ((_, _, old, digest), part) in enumerate(zip(sections(data), parts, strict=True)):
        raw += bytes(-len(raw) % 4096)
        rows = len(part) if number == RECIPE else old
        SECTION.pack_into(raw, 64 + number * SECTION.size, len(raw), len(part), rows, digest)
        raw += part
    return bytes(raw)


def _mutated(drawn: random.Random) -> bytes:
    data = drawn.choice(_sound())
    if drawn.random() < 0.3:
        data = _with_recipe(drawn, data)
    raw = bytearray(data)
    for _ in range(drawn.choice((0, 1, 1, 2, 5))):
        section, dtype = drawn.choice(
            ((WINDOWS, WINDOW), (TRAINS, TRAIN), (TRAINS, TRAIN), (MIX, None), (PAYLOAD, None))
        )
        start, end = section_bounds(data, section)
        match drawn.randrange(8):
            case 0:
                _with_number(drawn, raw, *drawn.choice(HEADER_FIELDS))
            case 1:
                _with_number(drawn, raw, 64 + 56 * drawn.randrange(6) + 8 * drawn.randrange(3), 8)
            case _ if dtype is not None:
                name = drawn.choice(dtype.names)
                field, offset = dtype.fields[name][:2]
                _with_number(
                    drawn,
                    raw,
                    start + drawn.randrange((end - start) // dtype.itemsize) * dtype.itemsize + offset,
                    field.itemsize,
                )
            case _:
                _with_number(drawn, raw, drawn.randrange(start, end), 1)
    if drawn.random() < 0.05:
        del raw[drawn.randrange(len(raw)) :]
    try:
        return sealed(bytes(raw)) if drawn.random() < 0.9 else bytes(raw)
    except (ValueError, OverflowError, MemoryError, struct.error):
        return bytes(raw)  # sections lie where no bytes are


def _mutated_2(drawn: random.Random) -> bytes:
    """A sample of version 2, changed in its header, its entries, and the rows of its tables."""
    data = drawn.choice(SAMPLES)
    for _ in range(drawn.choice((0, 1, 1, 2, 5))):
        raw = bytearray(data)
        if not len(entries := forged.entries_of(data)):
            break
        entry = drawn.choice(entries)
        start, size = int(entry["offset"]), int(entry["size"])
        match drawn.randrange(10):
            case 0:
                _with_number(drawn, raw, *drawn.choice((*HEADER_FIELDS, (44, 2), (46, 2), (48, 4))))
            case 1:
                field = drawn.choice((0, 4, 8, 16, 24))
                _with_number(drawn, raw, 64 + 64 * drawn.randrange(17) + field, 4 if field < 8 else 8)
            case 2:
                name = drawn.choice([*forged.DTYPES, "note", "recipe", "zzzz"])
                rows = drawn.choice((0, 1, drawn.randrange(100)))
                filled = drawn.choice((drawn.randbytes(1), b"\0", b"{", b'{"a":1}'))
                row_bytes = SECTIONS[name].row_bytes if name in SECTIONS else drawn.randrange(9)
                raw = bytearray(forged.with_section(name, (filled * rows * row_bytes)[: rows * row_bytes], rows)(data))
            case _ if size > 0 and start < len(raw):
                dtype = np.dtype(forged.DTYPES.get(NAMES.get(entry["kind"], ""), "u1"))
                field, offset = dtype.fields[drawn.choice(dtype.names)][:2] if dtype.names else (dtype, 0)
                row = drawn.randrange(max(1, min(size, len(raw) - start) // dtype.itemsize))
                _with_number(drawn, raw, start + row * dtype.itemsize + offset, field.itemsize)
        data = bytes(raw)
    if drawn.random() < 0.05:
        data = data[: drawn.randrange(4096, len(data))]
    return forged.sealed(data) if drawn.random() < 0.95 else data


def _case(path: Path, drawn: random.Random) -> None:
    path.write_bytes(_mutated(drawn) if drawn.random() < 0.4 else _mutated_2(drawn))
    try:
        capture = open_capture(path)
    except CaptureError as error:
        line = str(error)
    else:
        _look_at(capture)
        if capture.version > 1:
            forged.walk(capture)
            _export(capture)
        return
    assert line.isprintable(), repr(line)


def _look_at(capture: Capture) -> None:
    """All that the commands make of a capture that is accepted."""
    damaged_parts(capture, 1, lambda _: None)
    assert sum(len(line) for line in islice(capture.lines(), 100_000)) <= len(capture.payload)
    found = inspect_capture(capture)
    json.dumps(found.as_json(), indent=2, allow_nan=False)
    shown = summary(found)
    assert all(line.isprintable() for line in shown.splitlines()), repr(shown)
    assert len(shown) < 1_000_000
    try:
        yaml.safe_load(recipe_yaml(capture.recipe or {}))
    except (InputError, yaml.YAMLError) as error:
        raise AssertionError(f"the recipe can't be printed: {error}") from error


def _export(capture: Capture) -> None:
    """Write its events as packets and as lines; it may have no instants, or some that no pcap can say."""
    for form in Form:
        with suppress(InputError):
            request = ExportRequest(capture.path, capture.path.with_suffix(".out"), form, force=True)
            assert export_capture(request).events == capture.events


def fuzz_captures(seconds: float, seed: int) -> int:
    """Open and look at what is drawn for so many seconds; returns how many cases there were.

    Raises AssertionError at the first that ends in anything but a CaptureError or figures.
    """
    with tempfile.TemporaryDirectory() as name:
        return run_cases(lambda drawn: _case(Path(name) / "case.rcap", drawn), seconds, seed)


if __name__ == "__main__":
    sys.stdout.write(f"{fuzz_captures(float(sys.argv[1]), int(sys.argv[2]))} cases\n")
