"""Text that a collector could have written, and text that only looks like it, for hypothesis to make files of."""

import json
import uuid
from typing import Any

from hypothesis import strategies as st

from captures.format.tags import MAX_RUN, MAX_SEQUENCE, tag_text

RUNS = (0x1F3A9C07, 0x0A0B0C0D, 0, MAX_RUN)
PORTS = (514, 5140, 65535)

numbers = st.one_of(st.integers(0, 40), st.integers(0, MAX_SEQUENCE))
tags = st.builds(tag_text, st.sampled_from(RUNS), st.sampled_from(PORTS), numbers)
few_tags = st.builds(tag_text, st.sampled_from(RUNS[:2]), st.sampled_from(PORTS[:2]), st.integers(0, 5))


def suffixed(tag: bytes) -> bytes:
    return b"<6>Aug 30 10:15:30 web01 systemd[1]: Started nginx. stampede=" + tag


def structured(tag: bytes) -> bytes:
    return b'<6>1 2025-08-30T10:15:30.123456Z web01 app 1 - [stampede@32473 tag="' + tag + b'"] text'


def cell(line: bytes) -> bytes:
    return b'"2025-08-30 10:15","' + line.replace(b'"', b'""') + b'"'


def document(line: bytes) -> bytes:
    return json.dumps({"_raw": line.decode("latin-1"), "n": 1}).encode()


def twice(line: bytes) -> bytes:
    return document(line) + b"," + document(line)


def escaped(line: bytes) -> bytes:
    return document(line).replace(b'\\"', b"\\u0022").replace(b"=", b"\\u003d")


def percent(line: bytes) -> bytes:
    return line.replace(b'"', b"%22").replace(b"=", b"%3D")


def in_hex_escapes(line: bytes) -> bytes:
    return line.replace(b'"', b"\\x22").replace(b"=", b"\\x3D")


def same(line: bytes) -> bytes:
    return line


shapes: Any = st.sampled_from([same, cell, document, twice, escaped, percent, in_hex_escapes, bytes.upper])
messages = st.builds(lambda wrap, tag: wrap(tag), st.sampled_from([suffixed, structured]), tags | few_tags)
written = st.builds(lambda shape, line: shape(line), shapes, messages)


def cut(line: bytes, part: float) -> bytes:
    return line[: int(len(line) * part)]


def damaged(line: bytes, place: float, byte: int) -> bytes:
    at = int((len(line) - 1) * place)
    return line[:at] + bytes([byte]) + line[at + 1 :]


share = st.floats(0, 1)
pieces = st.one_of(
    written,
    few_tags,
    st.builds(cut, written, share),
    st.builds(damaged, written, share, st.integers(0, 255) | st.sampled_from(list(b"-0fF=\n\\x"))),
    st.builds(lambda value: str(value).encode(), st.builds(uuid.UUID, int=st.integers(0, (1 << 128) - 1))),
    st.text("0123456789abcdefABCDEF-\\xu%=@ \n", max_size=60).map(str.encode),
    st.sampled_from([b"stampede=", b"stampede@32473", b"STAMPEDE\\U003D", b"stampede", b"mpede=", b"mp" * 9, b""]),
    st.binary(max_size=40),
)
contents = st.lists(st.tuples(pieces, st.sampled_from([b"\n", b"\r\n", b"", b" ", b","])), max_size=25).map(
    lambda parts: b"".join(text + end for text, end in parts)
)
