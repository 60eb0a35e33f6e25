"""The tag of one event, against a plain reading with patterns."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from captures.format.tags import BLANK, tag_text
from replay.sink.verify.tag_reading import MALFORMED, MOST_EVENT_BYTES, PARTED, UNTAGGED, digits_of, find_tag, new_head
from tests.replay.sink.events import laid_out
from tests.replay.sink.tagged import NOISE, numbered, plain_tag, trains


def found(event, head=None):
    """By the kernel; behind the event stands what could go on with a tag."""
    head = new_head() if head is None else head
    number = find_tag(*laid_out(event, b"0f-="), 1, len(event), head)
    return (int(head[0].run), int(head[0].port), number) if number >= 0 else number


@settings(max_examples=10 * settings().max_examples)
@given(st.lists(st.one_of(trains(), NOISE), min_size=1, max_size=6))
def test_events_are_read_as_the_plain_way_reads_them(drawn):
    head = new_head()
    for message, segment in drawn:
        for at in range(0, max(len(message), 1), segment):
            event = message[at : at + segment]
            assert found(event, head) == plain_tag(event)


@given(st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 16) - 1), st.integers(0, (1 << 40) - 1))
@example((1 << 32) - 1, (1 << 16) - 1, (1 << 40) - 1)
def test_every_tag_is_read(run, port, number):
    assert found(tag_text(run, port, number)) == (run, port, number)


@given(st.binary(min_size=8, max_size=8))
@example(b"0123cdef")
@example(b"0123CDEF")
def test_eight_digits(text):
    word = np.frombuffer(text, "<u8")[0]
    sound = all(byte in b"0123456789abcdef" for byte in text)
    assert digits_of(word) == (int(text, 16) if sound else -1)


@given(st.integers(0, 7), st.binary(min_size=1, max_size=1))
def test_any_byte_in_place_of_a_digit(place, byte):
    text = bytearray(b"0089adef")
    text[place : place + 1] = byte
    sound = byte in b"0123456789abcdef"
    assert digits_of(np.frombuffer(bytes(text), "<u8")[0]) == (int(text, 16) if sound else -1)


@pytest.mark.parametrize("form", [b"<6>host app: text stampede=%s", b'<6>1 - h app 1 - [stampede@32473 tag="%s'])
def test_an_event_that_was_cut_within_its_tag_is_told_from_one_that_is_damaged(form):
    (whole,) = numbered(7, 1, form=form)
    begins = whole.index(b"stampede") + len(b"stampede")
    events = [whole[:length] for length in range(begins, len(whole))]
    events += [event + b"\n" for event in events]
    assert [found(event) for event in events] == [PARTED] * len(events)
    assert found(whole[: begins - 1]) == UNTAGGED
    assert found(whole[:-5] + b"x" + whole[-4:]) == MALFORMED


def test_a_tag_behind_the_part_that_is_searched_counts_only_at_the_end():
    (tag,) = numbered(7, 1, form=b"stampede=%s")
    long = b"x" * MOST_EVENT_BYTES
    assert found(long + tag) == (0x1F3A9C07, 5514, 7)
    assert found(long + tag + b".") == UNTAGGED
    assert found(long[len(tag) :] + tag + b".") == (0x1F3A9C07, 5514, 7)


def test_zeros_are_no_tag_before_one_was_read():
    assert found(bytes(24)) == UNTAGGED
    assert found(bytes(16) + b"00000000") == UNTAGGED
    assert found(BLANK.encode()) == (0, 0, 0)
