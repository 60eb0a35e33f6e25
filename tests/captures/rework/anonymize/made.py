"""Small captures of given lines, and what the anonymiser makes of them."""

from pathlib import Path

import numpy as np

from captures.format.layout import TRAIN
from captures.format.reader import open_capture
from captures.format.sections import FLOW, LINK
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.anonymize.anonymize import anonymize
from captures.rework.anonymize.rules import Rules
from captures.rework.anonymize.tokens.secret import secret_of

KEY = bytes(range(32))
STAMP = b"Aug 30 10:15:30"


def make(path: Path, lines: list[bytes], flows=()):
    """A capture of version 2 with an event a line; lines that begin with a priority and STAMP have live stamps."""
    trains = np.zeros(len(lines), TRAIN)
    trains["count"], trains["length"] = 1, [len(line) for line in lines]
    for train, line in zip(trains, lines, strict=True):
        if STAMP in line[:20]:
            train["stamp_column"], train["stamp_kind"] = line.index(STAMP), 2
    rows = np.zeros(len(flows), FLOW)
    for row, (source, target, mac) in zip(rows, flows, strict=True):
        row["family"] = 4 if len(source) == 4 else 6
        row["source"], row["target"], row["source_mac"] = source, target, mac
    links = np.zeros(1, LINK)
    links["name"] = b"secret0"
    with StreamWriter(path) as writer:
        writer.add_flows(rows)
        writer.add_links(links)
        writer.add(
            trains,
            np.frombuffer(b"".join(lines), np.uint8),
            times=np.arange(len(lines), dtype=np.uint64) * 1000,
            flow_of=(np.arange(len(lines)) % len(flows)).astype(np.uint32) if len(flows) else None,
        )
        writer.finish(start_ns=10**18, note={"tool": "tests", "hosts": ["secrethost"]}, recipe={"list": ["secret"]})
    return open_capture(path)


def anonymized(folder: Path, lines: list[bytes], rules: Rules | None = None, flows=(), key: bytes = KEY):
    """What came of it, and the capture."""
    capture = make(folder / "origin.rcap", lines, flows)
    done = anonymize(capture, folder / "result.rcap", rules or Rules(), secret_of(key), force=True)
    (folder / "origin.rcap").unlink()
    return done, open_capture(folder / "result.rcap")
