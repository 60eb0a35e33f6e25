"""Hostile packed captures and manifests: an error of one line, or the very capture that is meant. Never a crash.

Half of the packed ones have an index whose digest fits whatever it says, so that what stands behind is reached.
"""

import json
import random
import struct
import sys
import tempfile
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import zstandard
from blake3 import blake3

from captures.console.errors import StampedeError
from captures.format.digests import damaged_parts
from captures.format.layout import DIGEST_BYTES
from captures.share.manifest import read_manifest
from captures.share.packed_file import HEAD, ROW, open_packed
from captures.share.packing import pack, unpack_into
from captures.share.pulling import pull
from captures.share.pushing import PushRequest, push
from tests.captures.samples import FOLDER
from tests.captures.share.carried import small
from tests.fuzz.cases import run_cases

NUMBERS = (0, 1, 4095, 4096, 1 << 24, (1 << 24) + 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
VALUES = (
    *(None, True, -1, 0, 1, 0.5, 1e308, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**200, "", "a", "../a", "0" * 64),
    *("\ud800", "\0", [], {}, [[]], [None] * 300, {"a": 1}, "x" * 3000),
)
FRAMES = (
    *(b"", zstandard.compress(b""), zstandard.compress(bytes(1 << 20)), b"\x28\xb5\x2f\xfd", bytes(100)),
    zstandard.ZstdCompressor(write_content_size=False).compress(b"x" * 5000),
    zstandard.compress(b"a") * 2,
    struct.pack("<II", 0x184D2A50, 4) + b"skip",
)
_END = 56


@cache
def _made() -> "tempfile.TemporaryDirectory[str]":
    """A folder with a store, and a packed capture each of some captures; it is removed when the program ends."""
    made = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    folder = Path(made.name)
    small(folder / "lab.rcap")
    push(PushRequest(folder / "lab.rcap", str(folder / "store")))
    (folder / "store" / "lab.rcap.json").rename(folder / "true.json")
    for path in (folder / "lab.rcap", *sorted(FOLDER.glob("*.rcap"))):
        pack(path, folder / f"{path.stem}.rcapz", force=True)
    return made


def _folder() -> Path:
    return Path(_made().name)


@cache
def _packed() -> list[bytes]:
    return [path.read_bytes() for path in sorted(_folder().glob("*.rcapz"))]


@cache
def _manifest() -> str:
    return (_folder() / "true.json").read_text()


def _changed(drawn: random.Random, data: bytearray, begin: int = 0) -> None:
    """Change some bytes behind `begin`: other ones, fewer, more, or another number."""
    at = drawn.randrange(begin, len(data)) if begin < len(data) else len(data)
    match drawn.randrange(5):
        case 0 if at < len(data):
            data[at] = drawn.randrange(256)
        case 1:
            del data[at : at + drawn.choice((1, 8, 40, 64, len(data)))]
        case 2:
            data[at:at] = drawn.randbytes(drawn.choice((1, 8, 40, 64)))
        case 3:
            width = drawn.choice((4, 8))
            data[at : at + width] = (drawn.choice(NUMBERS) % (1 << 8 * width)).to_bytes(width, "little")
        case _:
            data[at : at + 1] = bytes([data[at] ^ 1 << drawn.randrange(8)]) if at < len(data) else b""


def _sealed(drawn: random.Random, data: bytes) -> bytes:
    """A packed capture whose frames or rows were changed, with an index that says so itself."""
    count = int.from_bytes(data[-_END : -_END + 8], "little")
    start = len(data) - _END - count * ROW.itemsize - 8
    head, index = bytearray(data[: HEAD.size]), bytearray(data[start:-DIGEST_BYTES])
    sizes = [int.from_bytes(index[8 + 40 * i : 12 + 40 * i], "little") for i in range(count)]
    frames = [data[HEAD.size + sum(sizes[:i]) : HEAD.size + sum(sizes[: i + 1])] for i in range(count)]
    rows = [bytearray(index[8 + 40 * i : 48 + 40 * i]) for i in range(count)]
    end = index[8 + 40 * count :]
    match drawn.randrange(6):
        case 0:
            _changed(drawn, drawn.choice(rows))
        case 1:
            _changed(drawn, end)
        case 2:
            _changed(drawn, head)
        case 3:
            frames[drawn.randrange(count)] = drawn.choice((*FRAMES, drawn.choice(frames)))
        case 4:
            plain = bytearray(zstandard.decompress(frames[(at := drawn.randrange(count))]))
            _changed(drawn, plain)
            frames[at] = zstandard.compress(plain)
            rows[at][4:] = struct.pack("<I", len(plain)) + blake3(plain).digest()
        case _:
            drawn.shuffle(order := list(range(count)))
            order = order[: drawn.randrange(1, count + 1)] * drawn.choice((1, 1, 2))
            frames, rows = [frames[i] for i in order], [rows[i] for i in order]
    return _put_together(drawn, head, frames, rows, end)


def _put_together(
    drawn: random.Random, head: bytearray, frames: list[bytes], rows: list[bytearray], end: bytearray
) -> bytes:
    """A packed capture of these parts; mostly its index says of the frames what they are."""
    for row, frame in zip(rows, frames, strict=True):
        if drawn.random() < 0.9:
            row[:4] = struct.pack("<I", len(frame))
    if drawn.random() < 0.7:
        plain_bytes = sum(int.from_bytes(row[4:8], "little") for row in rows)
        end[:16] = struct.pack("<QQ", len(rows), plain_bytes)
    if drawn.random() < 0.2:
        with suppress(zstandard.ZstdError):
            head[32:64] = zstandard.decompress(frames[0], 1 << 20)[4064:4096].ljust(32, b"\0")
    table = b"".join(rows)
    covered = struct.pack("<II", 0x184D2A5C, len(table) + _END) + table + bytes(end)
    return bytes(head) + b"".join(frames) + covered + blake3(bytes(head) + covered).digest()


def _try_packed(drawn: random.Random) -> None:
    data = drawn.choice(_packed())
    if drawn.random() < 0.5:
        with suppress(zstandard.ZstdError):
            data = _sealed(drawn, data)
    else:
        changed = bytearray(data)
        for _ in range(drawn.randrange(1, 4)):
            _changed(drawn, changed)
        data = bytes(changed)
    path = _folder() / "mutant"
    path.write_bytes(data)
    packed = open_packed(path)
    assert len(packed.read(drawn.randrange(packed.plain_bytes + 9), drawn.randrange(9000))) <= 9000
    with tempfile.TemporaryFile(dir=_folder()) as plain:
        capture = unpack_into(plain.fileno(), packed, 1, lambda *_: None)
        assert capture.digest == packed.digest
        assert damaged_parts(capture, 1, lambda _: None) == []


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Each object and array of a tree, with each of its keys."""
    found, left = [], [tree]
    while left:
        place = left.pop()
        for key in list(place) if isinstance(place, dict) else range(len(place)):
            found.append((place, key))
            if isinstance(place[key], dict | list):
                left.append(place[key])
    return found


def _try_manifest(drawn: random.Random) -> None:
    tree = json.loads(_manifest())
    for _ in range(drawn.randrange(3)):
        place, key = drawn.choice(_places(tree))
        match drawn.randrange(4):
            case 0:
                del place[key]
            case 1 if isinstance(place, list):
                place[key:key] = [place[key]] * drawn.choice((1, 2, 100))
            case 2 if isinstance(place[key], int):
                place[key] += drawn.choice((-1, 1, 2**31, -place[key]))
            case _:
                place[key] = deepcopy(drawn.choice(VALUES))
    text = bytearray(json.dumps(tree).encode())
    for _ in range(drawn.choice((0, 0, 1, 2))):
        _changed(drawn, text)
    manifest = read_manifest(bytes(text), "here")
    assert json.loads(manifest.as_json())["digest"] == manifest.digest
    (_folder() / "store" / "lab.rcap.json").write_bytes(text)
    output = _folder() / "out.rcap"
    output.unlink(missing_ok=True)
    output.with_name("out.rcap.part").unlink(missing_ok=True)
    pull(str(_folder() / "store" / "lab.rcap.json"), output, connections=1)
    assert output.read_bytes() == (_folder() / "lab.rcap").read_bytes()


def try_one(drawn: random.Random) -> None:
    """One mutant."""
    try:
        (_try_packed if drawn.random() < 0.6 else _try_manifest)(drawn)
    except StampedeError as error:
        if "\n" in str(error):
            raise AssertionError(f"not one line: {error!r}") from error


if __name__ == "__main__":
    _packed()
    sys.stdout.write(f"{run_cases(try_one, float(sys.argv[1]), int(sys.argv[2]))} cases\n")
