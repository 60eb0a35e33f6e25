"""Hostile text: events, lines, JSON and journals of random pieces. Never a crash, and never a place outside an event.

What is found in events is also what the plain way finds in them. With NUMBA_BOUNDSCHECK=1 each access to an array is
checked.
"""

import io
import random
import struct
import sys

import numpy as np

from captures.format.layout import MAX_TRAIN_BYTES
from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.kinds import STAMP_WIDTHS, ZONED, StampKind
from captures.format.stamps.writing import write_stamp
from captures.text.finding import FIELDS, Finder, Found
from captures.text.hosts import Hosts
from captures.text.journal import Journal
from captures.text.json_lines import json_texts
from captures.text.lines import Lines
from captures.text.messages import Messages, as_messages
from captures.text.wrapping import even_instants, rfc5424_header, wrapped
from tests.captures.text.plain import plain_find
from tests.fuzz.cases import run_cases

REFERENCE_NS = 1_756_548_930_123_456_789
KINDS = [kind for kind in StampKind if kind]
PIECES = (
    *(
        b"<13>",
        b"<191>1 ",
        b"<0>",
        b"<999>",
        b"<",
        b"\xef\xbb\xbf",
        b"\0",
        b"\xff\xfe",
        b" ",
        b" ",
        b": ",
        b"*",
        b"[7]: ",
    ),
    *(b"host1 ", b"a@b/c ", b"[fe80::1] ", b"Message forwarded from ", b"CEST ", b"INFO ", b"- ", b"12: sw: *", b"1 "),
    *(
        b"10:15:30",
        b":" * 40,
        b"1:2:3",
        b"1" * 10,
        b"17565489",
        b"0" * 30,
        b"-" * 9,
        b"2025-08-30",
        b"Aug 30 ",
        b"/Aug/",
    ),
)
LINE_PIECES = (b"\n", b"\r\n", b"\r", b"\n\n", b"{", b"}", b'"', b"\\", b'"m"', b":", b",", b"[", b"\\u12", b"\\ud83d")
NAMES = (b"MESSAGE", b"PRIORITY", b"SYSLOG_IDENTIFIER", b"_PID", b"__REALTIME_TIMESTAMP", b"_HOSTNAME", b"COREDUMP")


def fuzz_texts(seconds: float, seed: int) -> int:
    """Try random texts for so long; returns how many batches. An AssertionError names the seed and the number."""
    for each in (_try_events, _try_lines, _try_journal):
        each(random.Random(seed))  # the kernels are compiled before the time of a case counts
    return run_cases(_case, seconds, seed)


def _case(draw: random.Random) -> None:
    draw.choice((_try_events, _try_events, _try_lines, _try_journal))(draw)


def _stamp(draw: random.Random) -> bytes:
    kind = draw.choice(KINDS)
    zone = draw.randint(-1439, 1439) if ZONED[kind] else 0
    instant_ns = REFERENCE_NS + draw.randint(-200_000, 200_000) * 10**9
    written = np.zeros(48, np.uint8)
    write_stamp(written, kind, zone, instant_ns)
    text = stamp_texts(kind, zone, np.array([instant_ns])).tobytes()
    assert written[: len(text)].tobytes() == text
    return text


def _text(draw: random.Random, pieces: tuple[bytes, ...], most: int) -> bytes:
    made = bytearray(
        b"".join(_stamp(draw) if draw.random() < 0.3 else draw.choice(pieces) for _ in range(draw.randint(0, most)))
    )
    for _ in range(draw.choice((0, 0, 1, 3))):
        if made:
            made[draw.randrange(len(made))] = draw.choice((draw.randrange(256), *b"0123456789:-+ TZ.,/"))
    return bytes(made)


def _try_events(draw: random.Random) -> None:
    events = [_text(draw, PIECES, draw.choice((3, 8, 20))) for _ in range(draw.randint(1, 20))]
    if draw.random() < 0.1:
        events.append((draw.choice(PIECES) * MAX_TRAIN_BYTES)[: draw.choice((5000, MAX_TRAIN_BYTES))])
    lengths = np.array([len(event) for event in events], np.int64)
    batch = as_messages(np.frombuffer(b"".join(events), np.uint8), np.cumsum(lengths) - lengths, lengths)
    batch.messages["instant_ns"] = REFERENCE_NS
    found = Finder(np.array([(0, 60)]), REFERENCE_NS).find(batch)
    _check(batch, found)
    for i, event in enumerate(events):
        if len(event) < 400:
            _check_event(event, found, i)


def _check(batch: Messages, found: Found) -> None:
    """All places lie inside their events, and all stamps beside each other."""
    lengths = batch.messages["length"]
    assert (found.events["host"] + found.events["host_length"] <= lengths).all()
    assert (found.events["host"] >= 0).all()
    assert (found.events["stamps"] <= FIELDS).all()
    for row, fields, length in zip(found.events, found.fields, lengths, strict=True):
        low = 0
        for field in fields[: row["stamps"]]:
            assert field["column"] >= low
            low = int(field["column"]) + STAMP_WIDTHS[field["kind"]]
            assert low <= length
            assert field["instant_ns"] >= 0
    numbers = Hosts().numbers(batch, found)
    assert ((numbers >= 0) == (found.events["host_length"] > 0)).all()


def _check_event(event: bytes, found: Found, i: int) -> None:
    row = found.events[i]
    fields = [
        tuple(map(int, field[["column", "kind", "zone_minutes", "instant_ns"]]))
        for field in found.fields[i][: row["stamps"]]
    ]
    host = event[row["host"] : row["host"] + row["host_length"]]
    expected = plain_find(event, REFERENCE_NS, 60)
    assert (row["priority"], row["version"], fields, host) == expected, (event, expected)


def _try_lines(draw: random.Random) -> None:
    raw = _text(draw, PIECES + LINE_PIECES * 3, draw.choice((3, 20, 200)))
    if draw.random() < 0.1:
        raw += b"x" * draw.choice((MAX_TRAIN_BYTES, 2 * MAX_TRAIN_BYTES)) + raw
    finder = Finder(np.array([(0, 0)]), REFERENCE_NS)
    for batch in Lines(io.BytesIO(raw), draw.choice((66_000, 1 << 20))):
        _check(batch, finder.find(batch))
        texts = json_texts(batch, draw.choice(("m", "a.m")))
        assert len(texts.batch.messages) + texts.missing + texts.long == len(batch.messages)
        lines, left_out = wrapped(batch, even_instants(0, 7, 0, len(batch.messages)), rfc5424_header(13, "h", "t"))
        assert len(lines.messages) + left_out == len(batch.messages)


def _try_journal(draw: random.Random) -> None:
    raw = b""
    for _ in range(draw.randint(0, 30)):
        value = draw.choice((_text(draw, PIECES + LINE_PIECES, 4), b"1756548930123456", b"7"))
        size = draw.choice((len(value), len(value), len(value), draw.randrange(1 << 64), draw.randrange(100)))
        name = draw.choice(NAMES)
        raw += draw.choice((name + b"=" + value, name + b"\n" + struct.pack("<Q", size) + value, value)) + b"\n"
        raw += draw.choice((b"", b"", b"\n"))
    for batch in Journal(
        io.BytesIO(raw[: draw.choice((len(raw), draw.randint(0, len(raw))))]), modern=draw.random() < 0.5
    ):
        for row in batch.messages:
            assert bytes(batch.data[row.place : row.place + 1]) == b"<"
            assert row.length <= MAX_TRAIN_BYTES


if __name__ == "__main__":
    print(f"{fuzz_texts(float(sys.argv[1]), int(sys.argv[2]))} batches of hostile text were tried")
