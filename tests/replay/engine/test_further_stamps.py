"""The further stamps of a train: each LIVE row of it is written, and no other, as a walk through all rows would do."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format.layout import STAMP_WIDTHS, StampKind
from captures.format.sections import LIVE
from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.kinds import ZONED
from replay.engine.arrays import LIVE_RECORD, RECORD, Batch, Rewrite, Stored, new_batch, new_lanes
from replay.engine.staging import MOVED, NOW, restamp_further
from tests.captures.content import START_NS

COARSE = (StampKind.ISO_MS, StampKind.EPOCH_S, StampKind.CLF_S_OFFSET, StampKind.ISO_SPACE_COMMA_MS_LOCAL)
"""Kinds of which all events of a train have the same."""
LENGTH = 120
WALL_NS, MOVED_NS = START_NS + 123_456_789_012, 86_400_000_000_000 + 5_000_000

kinds = st.sampled_from([int(kind) for kind in COARSE] + [0, len(StampKind), 255])
columns = st.sampled_from([0, 40, 80, 110, 119])
rows = st.lists(
    st.tuples(st.integers(0, 6), columns, kinds, st.sampled_from([0, 120])), max_size=20, unique_by=lambda row: row[:2]
)


def batch_with(texts: list[bytes]) -> Batch:
    batch = new_batch(START_NS)
    data = b"".join(texts)
    batch.buffer[: len(data)] = np.frombuffer(data, np.uint8)
    return batch


def is_written(column: int, kind: int) -> bool:
    return 0 < kind < len(StampKind) and column + STAMP_WIDTHS[StampKind(kind)] <= LENGTH


def text(kind: int, zone: int, instant_ns: int) -> bytes:
    return stamp_texts(StampKind(kind), zone, np.array([instant_ns])).tobytes()


def event_of(rows: list[tuple[int, int, int, int]], train: int, instant_ns: int) -> bytes:
    """An event whose stamps, those of the rows of its train that lie within it, say an instant."""
    event = bytearray(b"|" * LENGTH)
    for number, column, kind, zone in rows:
        if number == train and is_written(column, kind):
            event[column : column + STAMP_WIDTHS[StampKind(kind)]] = text(kind, zone, instant_ns)
    return bytes(event)


@settings(max_examples=200)
@given(rows=rows, train=st.integers(0, 7), count=st.integers(1, 5), moved=st.booleans())
def test_each_row_of_the_train_is_written_and_no_other(
    rows: list[tuple[int, int, int, int]], train: int, count: int, moved: bool
) -> None:
    """At sending they say that instant; moved, each says what it said, and the time since."""
    zoned = [kind < len(StampKind) and ZONED[kind] for _, _, kind, _ in rows]  # the others are always in UTC
    rows = [(*row[:3], row[3] if has_zone else 0) for row, has_zone in zip(rows, zoned, strict=True)]
    own_ns = [START_NS + place * 10**9 for place in range(count)]
    live = np.array([(number, column, kind, 0, zone, 0) for number, column, kind, zone in sorted(rows)], LIVE)
    lanes, batch = new_lanes(1), batch_with([event_of(rows, train, at_ns) for at_ns in own_ns])
    lanes.rows["train"], lanes.rows["count"], lanes.trains["length"] = train, count, LENGTH
    lanes.runs["moved_ns"] = MOVED_NS
    stored = Stored(np.zeros(1, RECORD), np.zeros(1, np.uint8), live.view(LIVE_RECORD), np.zeros(1, np.uint64))
    for array in stored:
        array.flags.writeable = False
    restamp_further(stored, lanes, 0, batch, Rewrite(MOVED if moved else NOW, 0, START_NS), 0, WALL_NS)

    size = count * LENGTH
    said_ns = [at_ns + MOVED_NS if moved else WALL_NS for at_ns in own_ns]
    assert batch.buffer[:size].tobytes() == b"".join(event_of(rows, train, at_ns) for at_ns in said_ns)
    assert not batch.buffer[size:].any()
