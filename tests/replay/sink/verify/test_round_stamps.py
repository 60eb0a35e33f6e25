"""The stamps of a round of messages: the fast ways say what a plain reading of each event says."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format.stamp_writing import stamp_texts
from replay.sink.verify.round_stamps import stamps_of
from tests.replay.sink.events import EVENT, PRIORITY, plain_stamp_us

NOW_NS = 1_756_548_930_999_900_000
"""Close to the end of a second."""


@st.composite
def fine_trains(draw):
    """Events that differ in their microseconds, some of them spoiled."""
    count, step_ns = draw(st.integers(1, 30)), draw(st.sampled_from([1000, 7_000_000, 3_000_000_000]))
    kind, zone = draw(st.sampled_from([(3, 0), (4, 120), (4, -30)]))
    texts = stamp_texts(kind, zone, NOW_NS + np.arange(count) * step_ns)
    rows = [bytearray(draw(PRIORITY) + text.tobytes() + b" host x") for text in texts]
    for _ in range(draw(st.integers(0, 3))):
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(st.sampled_from(b"0123456789->:T.Z< +\xff"))
    return [*map(bytes, rows)]


@st.composite
def messages(draw):
    """A message as UDP_GRO joins it, often with equal events, sometimes with a short last one."""
    kinds = draw(st.one_of(st.lists(EVENT, min_size=1, max_size=3), fine_trains()))
    segment = max(1, draw(st.sampled_from([len(kinds[0]), 30, 40])))
    rows = draw(st.one_of(st.just(kinds), st.lists(st.sampled_from(kinds), min_size=1, max_size=20)))
    message = b"".join(row[:segment].ljust(segment, b"x") for row in rows)
    return message[: len(message) - draw(st.integers(0, segment - 1))], segment


def counted(stamps):
    """Events by message and instant."""
    counts = Counter()
    for message, instant_us, events in stamps.tolist():
        counts[message, instant_us] += events
    return counts


@settings(max_examples=8 * settings().max_examples)
@given(st.lists(messages(), min_size=1, max_size=6), st.integers(0, 50))
def test_a_round_is_read_as_the_plain_way_reads_its_events(drawn, gap):
    data, starts, expected = b"", [], Counter()
    for number, (message, segment) in enumerate(drawn):
        data += b">" * gap
        starts.append(len(data))
        data += message
        for at in range(0, max(len(message), 1), segment):
            expected[number, plain_stamp_us(message[at : at + segment])] += 1
    lengths, segments = [len(message) for message, _ in drawn], [segment for _, segment in drawn]
    laid = (np.array(column, np.int64) for column in (starts, lengths, segments))

    assert counted(stamps_of(np.frombuffer(data + b">" * 80, np.uint8), *laid)) == expected


def test_a_train_of_one_stamp_is_one_row():
    event = b"<6>2025-08-30T10:15:30.123Z server01 systemd[1234]: Starting nginx.service"
    data = np.frombuffer(event * 130, np.uint8)
    assert stamps_of(data, *np.array([[0], [128 * len(event)], [len(event)]])).tolist() == [[0, 1756548930123000, 128]]


def test_trains_across_many_seconds_are_read():
    """More than the models that the fast way tries."""
    texts = stamp_texts(3, 0, NOW_NS + np.arange(100) * 1_000_000_000)
    data = np.frombuffer(b"".join(b"<13>1 " + text.tobytes() + b" host x" for text in texts), np.uint8)
    instants_us = {(0, NOW_NS // 1000 + second * 1_000_000): 1 for second in range(100)}
    assert counted(stamps_of(data, *np.array([[0], [data.size], [data.size // 100]]))) == instants_us
