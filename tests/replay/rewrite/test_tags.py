"""Tags at sending: each event says its run, its port and its number on that port, and nothing else of it changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replay.engine.batch import Batch

from captures.console.errors import RunError
from captures.format.layout import TagKind
from captures.format.tags import MAX_RUN, MAX_SEQUENCE, TAG_BYTES, TAIL_BLOCK, tag_text
from replay.board.journal import Journal
from replay.rewrite.stamps_at_sending import Stamp
from replay.rewrite.tags import Tagging, new_run, parse_run, run_text
from tests.captures.content import Content, content, noise
from tests.replay.pages import page_of

PORTS = (514, 5140, 65535)


def with_tags(shapes: list[tuple[int, int]], columns: list[int]) -> Content:
    """Random events, each with room for a tag at its train's column."""
    held = content(noise(shapes))
    held.trains["tag_kind"], held.trains["tag_column"] = TagKind.HEX, columns
    return held


def tagged_plainly(held: Content, tagging: Tagging, lane: int, before: int) -> bytes:
    """The payload with each event's tag written by the definition."""
    payload, sequence = bytearray(held.payload.tobytes()), before
    for train in held.trains:
        for event in range(train["count"]):
            place = int(train["offset"]) + event * int(train["length"]) + int(train["tag_column"])
            payload[place : place + TAG_BYTES] = tag_text(tagging.run, tagging.ports[lane], sequence)
            sequence += 1
    return bytes(payload)


@given(
    shapes=st.lists(st.tuples(st.integers(1, 128), st.integers(TAG_BYTES, 300)), min_size=1, max_size=8),
    run=st.integers(1, MAX_RUN),
    lane=st.integers(0, len(PORTS) - 1),
    before=st.one_of(
        st.integers(0, MAX_SEQUENCE - TAIL_BLOCK - 1024),  # what is refused above has a test of its own
        st.integers((1 << 32) - 500, (1 << 32) + 5),
        st.integers(0, 1 << 20).map(lambda block: block * 4096 + 4000),
    ),
    data=st.data(),
)
def test_each_event_has_the_tag_that_the_definition_says(
    shapes: list[tuple[int, int]], run: int, lane: int, before: int, data: st.DataObject
) -> None:
    held = with_tags(shapes, [data.draw(st.integers(0, length - TAG_BYTES)) for _, length in shapes])
    tagging = Tagging(run, PORTS)
    batch = Batch(held.payload, Stamp.KEEP, Journal(), tagging)
    batch.stage(lane, page_of(held, before=(before, 0)), 0, len(shapes))

    assert batch.buffer[: len(held.payload)].tobytes() == tagged_plainly(held, tagging, lane, before)


def test_without_tagging_they_stay_as_they_are() -> None:
    held = with_tags([(3, 60)], [10])
    batch = Batch(held.payload, Stamp.KEEP, Journal())
    batch.stage(0, page_of(held), 0, 1)
    assert batch.buffer[: len(held.payload)].tobytes() == held.payload.tobytes()


def test_a_cut_train_goes_on_with_the_next_number() -> None:
    held = with_tags([(100, 60)], [10])
    batch = Batch(held.payload, Stamp.KEEP, Journal(), Tagging(7, PORTS))
    batch.stage(1, page_of(held, 40, 30, before=(1000, 0)), 0, 1)
    events = batch.buffer[: 30 * 60].reshape(30, 60)
    assert [row[10 : 10 + TAG_BYTES].tobytes() for row in events] == [tag_text(7, 5140, 1000 + i) for i in range(30)]
    assert (
        np.delete(events, np.s_[10 : 10 + TAG_BYTES], axis=1)
        == held.payload.reshape(100, 60)[40:70, [*range(10), *range(34, 60)]]
    ).all()


def test_numbers_that_are_used_up_end_the_run() -> None:
    held = with_tags([(2, 60)], [0])
    batch = Batch(held.payload, Stamp.KEEP, Journal(), Tagging(7, PORTS))
    with pytest.raises(RunError, match="tags can't count further"):
        batch.stage(0, page_of(held, before=(MAX_SEQUENCE, 0)), 0, 1)


def test_runs_are_named_by_eight_digits() -> None:
    run = new_run()
    assert 0 < run <= MAX_RUN
    assert parse_run(run_text(run)) == run
    assert parse_run(" 1F3a9c07 ") == 0x1F3A9C07


@pytest.mark.parametrize("text", ["", "00000000", "1f3a9c0", "1f3a9c071", "1f3a9c0g", "-1f3a9c0", "0x1f3a9c"])
def test_what_names_no_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write eight hexadecimal digits"):
        parse_run(text)
