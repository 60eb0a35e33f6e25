"""Captures of version 2 made by hand: events with instants of their own, as imported ones have them."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from captures.format.capture import Capture
from captures.format.layout import TRAIN, StampKind, TagKind
from captures.format.reader import open_capture
from captures.format.sections import LIVE
from captures.format.writing.stream_writer import StreamWriter
from tests.captures.content import START_NS

Field = tuple[int, StampKind, int]
"""A live field of all events that have room for it: its column, its kind and its zone."""


def imported(
    path: Path,
    events: Sequence[bytes],
    instants_ns: Sequence[int] = (),
    *,
    fields: Sequence[Field] = (),
    hosts: Sequence[int] = (),
    tag_column: int | None = None,
    most: int = 128,
) -> Capture:
    """A capture of these events, in trains of at most `most` that follow each other, are equally long and of one host.

    Events that are as long as the first one have the `fields`, and from `tag_column` on room for a tag.
    """
    numbers, trains, live = iter(range(len(events))), [], []
    for (length, host), group in groupby(events, lambda event: (len(event), hosts[next(numbers)] if hosts else 0)):
        left = len([*group])
        while left:
            row = np.zeros((), TRAIN)
            row["count"], row["length"], row["source"] = min(left, most if length else 1), length, host
            if length == len(events[0]):
                if fields:
                    row["stamp_column"], row["stamp_kind"], row["zone_minutes"] = fields[0]
                live += [(len(trains), column, kind, 0, zone, 0) for column, kind, zone in fields[1:]]
                if tag_column is not None:
                    row["tag_kind"], row["tag_column"] = TagKind.HEX, tag_column
            trains.append(row)
            left -= int(row["count"])
    with StreamWriter(path, force=True) as writer:
        writer.add(
            np.array(trains),
            np.frombuffer(b"".join(events), np.uint8),
            times=np.array(instants_ns, np.uint64),
            live=np.array(live, LIVE),
        )
        writer.finish(start_ns=START_NS, sources=max(hosts, default=-1) + 1, note={"tool": "tests"})
    return open_capture(path)
