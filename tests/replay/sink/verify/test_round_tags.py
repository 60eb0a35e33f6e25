"""The tags of a round of messages: the fast ways say what a plain reading of each event says."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format.tags import BLANK, tag_text
from replay.sink.verify.round_tags import MOST_EVENT_BYTES, Messages, tags_of

TAG = rb"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{10})"
SUFFIX = re.compile(b"(?s:.*)" + TAG)
OPENED = re.compile(rb'(?:\[stampede@32473 tag="|stampede=)' + TAG)


def plain_tag(event):
    """By the definition, event by event: run, port and number; "untagged" or "malformed" where there is no tag."""
    match = SUFFIX.fullmatch(event) or OPENED.search(event)
    if match:
        return tuple(int(digits, 16) for digits in match.groups())
    return "malformed" if b"stampede" in event else "untagged"


def numbered(first, count, *, run=0x1F3A9C07, port=5514, form=b"<6>host app: text stampede=%s"):
    return [form % tag_text(run, port, first + i) for i in range(count)]


FORMS = (
    b"<6>host app: text stampede=%s",
    b"%s",
    b'<6>1 - host app 1 - [stampede@32473 tag="%s"][x y="1"] text',
    b'[stampede@32473 tag="%s"',
    b"<6>host app: stampede=%s and more",
    b"<6>host app: stampede=%s0a1b2c",
    b"<6>host app: stampede=%s\n",
    b'<6>host app: other="%s" text',
)


@st.composite
def trains(draw):
    """Events of one length: mostly of consecutive numbers, some of them spoiled, one cut short at times."""
    form = draw(st.sampled_from(FORMS))
    first = draw(st.sampled_from([0, 5, 4090, (1 << 32) - 4, (1 << 33) + 7, (1 << 40) - 40]))
    events = [bytearray(event) for event in numbered(first, draw(st.integers(1, 20)), form=form)]
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        event = draw(st.sampled_from(events))
        event[draw(st.integers(0, len(event) - 1))] = draw(st.sampled_from(b'0f-="AxG \xff'))
    message = b"".join(events)
    return message[: len(message) - draw(st.sampled_from([0, 0, 1, 10]))], len(events[0])


NOISE = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from([b"stampede", b"=", b'[stampede@32473 tag="', BLANK.encode(), b"-", b'"']), max_size=6
    ).map(b"".join),
).map(lambda event: (event, max(1, len(event))))


def laid_out(messages):
    """The messages in one buffer, as `tags_of` takes them."""
    data, starts = b"", []
    for message, _ in messages:
        data += b"="
        starts.append(len(data))
        data += message
    data += bytes(MOST_EVENT_BYTES)
    lengths, segments = [len(message) for message, _ in messages], [segment for _, segment in messages]
    return np.frombuffer(data, np.uint8), Messages(
        *(np.array(column, np.int64) for column in (starts, lengths, segments))
    )


@settings(max_examples=10 * settings().max_examples)
@given(st.lists(st.one_of(trains(), NOISE), min_size=1, max_size=6))
def test_a_round_is_read_as_the_plain_way_reads_its_events(drawn):
    expected, strange = [], {"untagged": [0] * len(drawn), "malformed": [0] * len(drawn)}
    for number, (message, segment) in enumerate(drawn):
        for at in range(0, max(len(message), 1), segment):
            read = plain_tag(message[at : at + segment])
            if isinstance(read, str):
                strange[read][number] += 1
            else:
                expected.append((number, *read))

    rows = tags_of(*laid_out(drawn), thorough=True)
    found = []
    for message, run, port, first, events in zip(*(column.tolist() for column in rows[:5]), strict=True):
        found += [(message, run, port, first + i) for i in range(events)]
    assert found == expected
    assert (rows.untagged.tolist(), rows.malformed.tolist()) == (strange["untagged"], strange["malformed"])


@pytest.mark.parametrize("form", FORMS[:4])
def test_a_train_of_consecutive_numbers_is_one_row(form):
    events = numbered(4000, 128, form=form)
    rows = tags_of(*laid_out([(b"".join(events), len(events[0]))]), thorough=True)
    assert [column.tolist() for column in rows[:7]] == [[0], [0x1F3A9C07], [5514], [4000], [128], [0], [0]]
    assert not rows.tagless


@pytest.mark.parametrize("form", [b"<6>host app: text stampede=%s", b'<6>1 - h app 1 - [stampede@32473 tag="%s'])
def test_an_event_that_was_cut_within_its_tag_is_told_from_one_that_is_damaged(form):
    (whole,) = numbered(7, 1, form=form)
    begins = whole.index(b"stampede") + len(b"stampede")
    events = [whole[:length] for length in range(begins, len(whole))]
    events += [event + b"\n" for event in events] + [whole[: begins - 1], whole[:-5] + b"x" + whole[-4:]]
    rows = tags_of(*laid_out([(event, len(event)) for event in events]), thorough=True)
    (tagless,) = rows.tagless
    assert tagless.parted.tolist() == [True] * (len(events) - 2) + [False]
    assert tagless.length.tolist() == [len(event) for event in events[:-1]]
    assert (rows.untagged[-2:].tolist(), rows.malformed[-2:].tolist()) == ([1, 0], [0, 1])


def test_events_without_a_tag_are_told_by_their_lengths():
    train = [b"<6>host app: text without any".ljust(50, b".")] * 9 + [b"<6>short"]
    lone = numbered(0, 1)[0]
    laid = laid_out([(b"".join(train), 50), (lone, len(lone)), (lone[:40], 40)])
    for thorough in (True, False):
        tagless = tags_of(*laid, thorough=thorough).tagless
        counted = {}
        for part in tagless:
            for _, length, events in zip(*(column.tolist() for column in part[:3]), strict=True):
                counted[length] = counted.get(length, 0) + events
        assert counted == {50: 9, 8: 1, 40: 1}


def test_before_the_first_tag_a_train_without_one_in_front_is_not_looked_through():
    marked = numbered(0, 1)[0][:-4] + b" cut"
    without = b"<6>host app: text without any".ljust(len(marked), b".")
    train = [without, marked]
    laid = laid_out([(b"".join(train), len(without))])
    assert tags_of(*laid, thorough=False).untagged.tolist() == [2]
    assert tags_of(*laid, thorough=True).malformed.tolist() == [1]
