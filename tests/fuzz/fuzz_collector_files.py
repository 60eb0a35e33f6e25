"""Random collector files, to be audited: exactly what plain counting finds, and never a traceback."""

import gzip
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import zstandard

from captures.format.tags import TAG_BYTES, tag_text
from replay.audit.files.reading import Collection, read_files
from replay.audit.report.audit_report import Question, audit_report
from replay.audit.report.table import audit_table
from replay.audit.seen import Seen
from replay.audit.sent import SentRun
from replay.audit.tag_counts import TagCounts
from tests.replay.audit import plain, texts

RUN: Final = texts.RUNS[0]
PORTS: Final = texts.PORTS[:2]
SHAPES: Final = (
    *(texts.same, texts.cell, texts.document, texts.twice, texts.escaped, texts.percent, texts.in_hex_escapes),
    bytes.upper,
)
ENDS: Final = (b"\n", b"\n", b"\r\n", b"", b" ", b",")
ODD: Final = (
    *(b"stampede=", b"stampede@32473", b'stampede@32473 tag="', b"STAMPEDE\\U003D", b"mpede=", b"mp" * 9),
    *(b"-15a6-0000000000", b"0123456789-0123-" * 5, b"550e8400-e29b-41d4-a716-446655440000"),
    *(b"\n", b"\0" * 70, b"Dec 26 10:15:30 "),
)
PSZTD_FRAME: Final = b"\x50\x2a\x4d\x18\x04\x00\x00\x00size"


def fuzz_collector_files(seconds: float, seed: int) -> int:
    """Audit random files for so long; returns how many. An AssertionError names the seed and the number of the file."""
    end, count = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory(prefix="stampede-fuzz-") as folder:
        while time.monotonic() < end:
            draw = random.Random(f"{seed} {count}")
            try:
                _audit_one(draw, Path(folder) / "collected")
            except Exception as error:
                raise AssertionError(f"seed {seed}, file {count}: {error!r}") from error
            count += 1
    return count


def _audit_one(draw: random.Random, path: Path) -> None:
    content = _content(draw)
    name, pack = draw.choice(list(PACKINGS.items()))
    path.write_bytes(pack(content, draw))
    sent = SentRun(RUN, {port: draw.randrange(60) for port in PORTS}, draw.choice([None, 3.0]))
    sent = draw.choice([sent, None])
    with Seen() as seen:
        found = Collection(TagCounts(seen, RUN if sent else draw.choice([RUN, None])))
        if not _read(path, found):
            assert name == "damaged"
            return
        if name in WHOLE:
            assert not found.damaged
        if name in (*WHOLE, "tail"):
            assert found.lines.bytes == len(content)
        if name != "damaged":
            _compare(content[: found.lines.bytes], found)
        report = audit_report(Question(["collected"], sent, Fraction(0)), RUN, found, seen)
    assert json.loads(json.dumps(report.figures())) == report.figures()
    assert report.lines == sum(
        getattr(report, f"{kind}_lines") for kind in ("tagged", "untagged", "malformed", "cut", "unfinished")
    )
    if sent:
        assert report.missing_events == report.lost_events + report.cut_events
        kept = report.received_events - report.surplus_events
        assert kept + report.missing_events == report.sent_events
    assert "\n" not in report.verdict
    assert audit_table(report)
    assert report.exit_code in (0, 1)


def _read(path: Path, found: Collection) -> bool:
    """Whether the file can be read at all."""
    read_files([path], found, bool, lambda: False)
    return not any(each.unreadable for each in found.damaged)


def _compare(content: bytes, found: Collection) -> None:
    expected = plain.audited(content)
    counts = found.lines
    assert (counts.lines, counts.tagged, counts.malformed, counts.cut_lines, counts.unfinished) == (
        expected.lines, expected.tagged, expected.malformed, expected.cut, expected.unfinished,
    )  # fmt: skip
    runs, lanes = plain.counted(expected.tags)
    assert found.tally.runs == runs
    told = {(RUN, lane.port): lane for lane in found.tally.lanes(RUN)}
    assert told.keys() == {key for key in lanes if key[0] == RUN}
    for key, lane in told.items():
        one = lanes[key]
        assert (lane.received_events, lane.duplicated_events, lane.reordered_events, lane.highest) == (
            len(one.seen), one.duplicated, one.reordered, one.highest,
        )  # fmt: skip


def _content(draw: random.Random) -> bytes:
    """What a collector may have written: each file has some kinds of record, and some its own way to go wrong."""
    shapes = draw.sample(SHAPES, draw.randint(1, 3))
    ends = draw.sample(ENDS, draw.randint(1, 2))
    oddity, limit = draw.choice([0, 0, 0.1, 0.5]), draw.choice([None, None, draw.randrange(40, 140)])
    octets = draw.random() < 0.1
    parts = []
    for _ in range(draw.choice([0, 1, 5, 50, 50, 1000])):
        record = _odd(draw) if draw.random() < oddity else _record(draw, shapes)[:limit]
        parts.append(b"%d %s" % (len(record), record) if octets else record + draw.choice(ends))
    content = b"".join(parts)
    return content[: -draw.randrange(1, 50)] if draw.random() < 0.2 else content


def _record(draw: random.Random, shapes: list[Callable[[bytes], bytes]]) -> bytes:
    run = RUN if draw.random() < 0.95 else draw.choice(texts.RUNS)
    tag = tag_text(run, draw.choice(PORTS), draw.randrange(60) if draw.random() < 0.99 else draw.getrandbits(40))
    event = draw.choice([texts.suffixed, texts.structured])(tag)
    return draw.choice(shapes)(b"x" * draw.choice([0, 0, draw.randrange(90)]) + event)


def _odd(draw: random.Random) -> bytes:
    match draw.randrange(4):
        case 0:
            return draw.choice(ODD)
        case 1:
            return draw.randbytes(draw.randrange(200))
        case 2:
            record = bytearray(_record(draw, [texts.same]))
            record[draw.randrange(len(record))] = draw.choice(b"-0fF=\n\\x\0")
            return bytes(record)
        case _:
            return tag_text(RUN, PORTS[0], 1)[: draw.randrange(TAG_BYTES)]


def _members(pack: Callable[[bytes], bytes], before: bytes = b"") -> Callable[[bytes, random.Random], bytes]:
    def packed(content: bytes, draw: random.Random) -> bytes:
        cuts = sorted(draw.randrange(len(content) + 1) for _ in range(draw.randrange(4)))
        bounds = zip([0, *cuts], [*cuts, len(content)], strict=True)
        return b"".join(before + pack(content[first:last]) for first, last in bounds)

    return packed


WHOLE: Final[dict[str, Callable[[bytes, random.Random], bytes]]] = {
    "plain": lambda content, _: content,
    "gzip": _members(lambda text: gzip.compress(text, 1)),
    "zstd": _members(zstandard.ZstdCompressor(write_checksum=True).compress),
    "pzstd": _members(zstandard.compress, PSZTD_FRAME),
}


def _packed(content: bytes, draw: random.Random) -> bytes:
    return WHOLE[draw.choice(["gzip", "zstd", "pzstd"])](content, draw)


def _cut(content: bytes, draw: random.Random) -> bytes:
    packed = _packed(content, draw)
    return packed[: draw.randrange(6, len(packed))]


def _damaged(content: bytes, draw: random.Random) -> bytes:
    packed = bytearray(_packed(content, draw))
    for _ in range(draw.randint(1, 9)):
        packed[draw.randrange(len(packed))] = draw.randrange(256)
    return bytes(packed)


PACKINGS: Final = {
    **WHOLE,
    "cut": _cut,
    "damaged": _damaged,
    "tail": lambda content, draw: _packed(content, draw) + b"not packed" * draw.randint(1, 99),
}


if __name__ == "__main__":
    print(fuzz_collector_files(float(sys.argv[1]), int(sys.argv[2])), "files")
