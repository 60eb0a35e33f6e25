"""Staging: a batch holds the capture's bytes, stamped with this instant."""

from hypothesis import given
from hypothesis import strategies as st
from replay.engine.batch import Batch

from captures.format.stamp_writing import iso_ms
from replay.board.journal import TRAINS, Journal
from replay.clock import wall_ns
from replay.rewrite.stamps_at_sending import Stamp
from tests.captures.content import content, noise
from tests.replay.pages import page_of, shapes_of


@given(shapes=st.lists(st.tuples(st.integers(1, 128), st.integers(1, 500)), min_size=1, max_size=8), data=st.data())
def test_a_batch_holds_what_the_capture_does(shapes: list[tuple[int, int]], data: st.DataObject) -> None:
    held = content(noise(shapes))
    batch = Batch(held.payload, Stamp.KEEP, Journal())
    pieces = page_of(held)
    expected: list[tuple[int, int, bytes]] = []
    while batch.trains < TRAINS and data.draw(st.booleans()):
        first = data.draw(st.integers(0, len(shapes) - 1))
        end = data.draw(st.integers(first + 1, min(len(shapes), first + TRAINS - batch.trains)))
        lane = data.draw(st.integers(0, 5))
        batch.stage(lane, pieces, first, end)
        for place in range(first, end):
            start, place_size, length = shapes_of(pieces)[place, :3].tolist()
            expected.append((lane, length, held.payload[start : start + place_size].tobytes()))

    batch.end()
    staged = [
        (lane, length, batch.buffer[start : start + size].tobytes())
        for lane, length, start, size in (
            (int(column[train]) for column in (batch.lane, batch.length, batch.start, batch.size))
            for train in range(batch.trains)
        )
    ]
    assert staged == expected
    batch.begin()
    assert batch.trains == 0


def test_live_stamps_take_the_place_of_the_built_ones_and_touch_nothing_else() -> None:
    held = content(noise([(3, 60), (2, 20), (4, 80)]), stamp_columns=[3, 0, 30])
    batch = Batch(held.payload, Stamp.NOW, Journal())
    before_ns = wall_ns()
    batch.begin()
    batch.stage(0, page_of(held), 0, 3)
    after_ns = wall_ns()

    sent, built = batch.buffer[: len(held.payload)].tobytes(), held.payload.tobytes()
    stamps = set()
    for start, length, column, count in ((0, 60, 3, 3), (220, 80, 30, 4)):
        for event in range(count):
            place = start + event * length + column
            stamps.add(sent[place : place + 24].decode())
            built = built[:place] + sent[place : place + 24] + built[place + 24 :]
    assert sent == built
    assert len(stamps) == 1
    assert iso_ms(before_ns) <= stamps.pop() <= iso_ms(after_ns)
