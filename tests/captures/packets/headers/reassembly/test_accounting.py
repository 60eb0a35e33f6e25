"""Each byte that is recorded of a stream is in a message, or its loss is counted: as a slow, obvious way has it."""

import random
import re
from collections import Counter
from itertools import groupby, pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.packets.headers.reasons import KEPT_CUT, OF_OTHERS, TCP_CUT, TCP_GAP, TCP_PART
from captures.packets.headers.reassembly.segments import Completed, Origin, Segment
from captures.packets.headers.reassembly.streams import ACKNOWLEDGED_WAIT_NS, Streams

ACK, SYN = 16, 2
FIRST = 2**32 - 50


class Sent(NamedTuple):
    """A message, and where in the stream it and what frames it are."""

    text: bytes
    begin: int
    end: int


class Recorded(NamedTuple):
    """A segment in a recording."""

    begin: int
    there: bytes
    length: int


FRAMINGS = {
    "lf": (b"%b\n", 0),
    "crlf": (b"%b\r\n", 0),
    "nul": (b"%b\0", 0),
    "counted": (b"%d %b", 0),
    "counted, and a line feed behind": (b"%d %b\n", 1),
}
"""How a message is framed, and how many bytes behind it are not needed."""


def sent(framing: str, sizes: list[int]) -> tuple[bytes, list[Sent]]:
    """A stream, and the messages in it."""
    form, spare = FRAMINGS[framing]
    data, messages = b"", []
    for number, size in enumerate(sizes):
        text = b"<13>message %d" % number + b"." * (size + 1)
        framed = form % ((len(text), text) if form.startswith(b"%d") else text)
        messages.append(Sent(text, len(data), len(data) + len(framed) - spare))
        data += framed
    return data, messages


class Message(NamedTuple):
    """A message that was read."""

    text: bytes
    length: int
    origin: Origin


class Reading(NamedTuple):
    """What came of a recording."""

    messages: list[Message]
    counts: Counter[str]


def read(recorded: list[Recorded], *, is_begin: bool, keep_cut: bool = False, acknowledged: bool = False) -> Reading:
    counts = Counter()
    ready = Completed()
    streams = Streams(counts, ready, keep_cut=keep_cut)
    if is_begin:
        streams.add(Segment(b"a", FIRST - 1, SYN, b"", 0, Origin(-1, 0, 0), True))
    for number, (begin, there, length) in enumerate(recorded):
        sequence = (FIRST + begin) % 2**32
        streams.add(Segment(b"a", sequence, ACK, there, length, Origin(number, number, 0), True))
        if acknowledged:
            streams.acknowledge(b"a", (sequence + length) % 2**32, number)
    if acknowledged:
        streams.give_up_old(len(recorded) + ACKNOWLEDGED_WAIT_NS)
        assert not streams.has_gaps
    streams.end_all()
    assert streams._bytes == 0
    origins = [Origin(*origin) for count, *origin in ready.origins for _ in range(count)]
    lengths = list(map(len, ready.texts))
    for place, length in ready.lengths:
        lengths[place] = length
    messages = list(map(Message, ready.texts, lengths, origins))
    return Reading(messages, counts)


def whole(messages: list[Sent], recorded: list[Recorded]) -> list[bytes]:
    """The messages of which each byte is recorded."""
    there = {place for begin, text, _ in recorded for place in range(begin, begin + len(text))}
    return [message.text for message in messages if there.issuperset(range(message.begin, message.end))]


def assert_whole(messages: list[Sent], recorded: list[Recorded], reading: Reading) -> None:
    """All messages of which each byte is recorded were read.

    Where the first one is not recorded, nothing tells how the stream is framed: a line may be taken whose count is
    missing, and none that is cut between two segments.
    """
    texts = [message.text for message in reading.messages]
    first = min(recorded, default=None)
    if messages and first and first.begin == 0 and len(first.there) >= messages[0].end:
        assert texts == whole(messages, recorded)
    else:
        assert {uncounted(text) for text in texts} <= {message.text for message in messages}


def uncounted(text: bytes) -> bytes:
    """A text without a count before it: where the first message has lost its own, all may be taken for lines."""
    return re.sub(rb"^\d+ ", b"", text)


def lost_stretches(messages: list[Sent], recorded: list[Recorded], read_texts: set[bytes]) -> int:
    """How many times messages that follow each other were not read, though something of them is recorded."""
    there = {place for begin, text, _ in recorded for place in range(begin, begin + len(text))}
    runs = groupby(messages, key=lambda message: message.text in read_texts)
    return sum(
        any(there.intersection(range(one.begin, one.begin + len(one.text))) for one in run)
        for is_read, run in runs
        if not is_read
    )


@st.composite
def recordings(draw, *, most_cut: int = 0):
    """A stream, its messages, and what a recorder saw of it, in order."""
    data, messages = sent(draw(st.sampled_from(sorted(FRAMINGS))), draw(st.lists(st.integers(0, 60), max_size=12)))
    places = draw(st.lists(st.integers(0, len(data)), max_size=25))
    # Half a count behind a gap looks like a whole one, and a byte alone like one that keeps a connection alive.
    places = [end for end in places if end % 2 == 0 and not data[end - 1 : end + 1].isdigit()]
    ends = sorted({*places, 0, len(data)})
    segments = [(begin, data[begin:end]) for begin, end in pairwise(ends)]
    lost = draw(st.sets(st.integers(0, len(segments)), max_size=6))
    snaplen = draw(st.integers(0, 60)) if most_cut else 1 << 16
    return messages, [
        Recorded(begin, text[:snaplen], len(text))
        for number, (begin, text) in enumerate(segments)
        if number not in lost
    ]


def assert_accounted(messages: list[Sent], recorded: list[Recorded], reading: Reading) -> None:
    texts = [uncounted(message.text) for message in reading.messages]
    order = [message.text for message in messages if message.text in set(texts)]
    assert texts == order
    counted = reading.counts[TCP_PART] + reading.counts[TCP_CUT]
    assert counted >= lost_stretches(messages, recorded, set(texts))
    assert set(reading.counts) <= {TCP_PART, TCP_CUT, TCP_GAP}


@settings(max_examples=400)
@given(recordings(), st.randoms(use_true_random=False), st.booleans())
def test_what_is_whole_is_read_in_any_order_and_the_rest_is_counted(recording, draw: random.Random, twice):
    messages, recorded = recording
    again = draw.choices(recorded, k=5) if twice and recorded else []
    recorded = [*recorded, *again]
    draw.shuffle(recorded)
    reading = read(recorded, is_begin=True)
    assert_whole(messages, recorded, reading)
    assert_accounted(messages, recorded, reading)
    for message in reading.messages:
        (found,) = (one for one in messages if one.text == message.text)
        first = next(
            number for number, one in enumerate(recorded) if one.begin < found.end <= one.begin + len(one.there)
        )
        assert message.origin.packet == first


@settings(max_examples=400)
@given(recordings(), st.randoms(use_true_random=False), st.integers(0, 20))
def test_of_a_stream_that_is_joined_each_part_is_counted(recording, draw: random.Random, skipped):
    messages, recorded = recording
    recorded = recorded[skipped:]
    reading = read(recorded, is_begin=False)
    assert_accounted(messages, recorded, reading)
    if recorded:
        first, *rest = recorded
        draw.shuffle(rest)
        other = read([first, *rest], is_begin=False)
        assert [message.text for message in other.messages] == [message.text for message in reading.messages]
        assert other.counts == reading.counts
        shuffled = draw.sample(recorded, len(recorded))
        assert_accounted(messages, recorded, read(shuffled, is_begin=False))


@settings(max_examples=400)
@given(recordings())
def test_what_the_receiver_acknowledged_is_not_waited_for(recording):
    messages, recorded = recording
    reading = read(recorded, is_begin=True, acknowledged=True)
    assert_whole(messages, recorded, reading)
    assert_accounted(messages, recorded, reading)


@settings(max_examples=400)
@given(recordings(most_cut=60), st.booleans())
def test_what_a_snaplen_cut_is_counted_so(recording, is_begin):
    messages, recorded = recording
    reading = read(recorded, is_begin=is_begin)
    assert_accounted(messages, recorded, reading)
    if is_begin:
        assert_whole(messages, recorded, reading)
    assert reading.counts[TCP_CUT] == sum(len(one.there) < one.length for one in recorded)


@settings(max_examples=400)
@given(recordings(most_cut=60))
def test_what_a_snaplen_left_of_messages_can_be_kept(recording):
    messages, recorded = recording
    plain, reading = (read(recorded, is_begin=True, keep_cut=keep) for keep in (False, True))
    cut = [message for message in reading.messages if len(message.text) < message.length]
    assert [message for message in reading.messages if message not in cut] == plain.messages
    assert reading.counts[OF_OTHERS[KEPT_CUT]] == len(cut)
    assert reading.counts[TCP_PART] == plain.counts[TCP_PART]
    assert reading.counts[TCP_GAP] == plain.counts[TCP_GAP]
    assert reading.counts[TCP_CUT] <= plain.counts[TCP_CUT] <= reading.counts[TCP_CUT] + len(cut)
    for message in cut:
        assert any(one.text.startswith(message.text) for one in messages)


@pytest.mark.parametrize("framing", ["counted", "counted, and a line feed behind"])
def test_a_count_says_the_true_length_of_what_was_cut_and_where_it_goes_on(framing):
    data, messages = sent(framing, [100, 200, 50])
    segments = [Recorded(at, data[at : at + 40], len(data[at : at + 90])) for at in range(0, len(data), 90)]
    reading = read(segments, is_begin=True, keep_cut=True)
    lengths = [len(message.text) for message in messages]
    assert [message.length for message in reading.messages] == lengths[:2]
    assert [message.text for message in reading.messages] == [data[4:40], data[messages[1].begin + 4 : 130]]
