"""Lines are those that `split` of the standard library gives, however the file is cut into pieces."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import captures.text.lines as lines_module
from captures.format.layout import MAX_TRAIN_BYTES
from captures.text.lines import Lines
from captures.text.messages import NO_FLOW, NO_INSTANT


def texts(batches):
    return [batch.data[row.place : row.place + row.length].tobytes() for batch in batches for row in batch.messages]


def plain_lines(raw):
    """Lines without their ends; empty ones and those that are too long; the last one may lack its end."""
    lines = [line.removesuffix(b"\r") for line in raw.split(b"\n")]
    if raw.endswith(b"\n") or not raw:
        lines.pop()
    kept = [line for line in lines if 0 < len(line) <= MAX_TRAIN_BYTES]
    return kept, sum(not line for line in lines), sum(len(line) > MAX_TRAIN_BYTES for line in lines)


PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([b"\n", b"\r\n", b"\r", b"\0", b"\n\n", b"some line of text\n", b"\xff\xfe"]),
    st.sampled_from([MAX_TRAIN_BYTES - 1, MAX_TRAIN_BYTES, MAX_TRAIN_BYTES + 1, 200_000]).map(lambda size: b"x" * size),
)


@settings(max_examples=300, deadline=None)
@given(raw=st.lists(PIECES, max_size=12).map(b"".join), batch_bytes=st.sampled_from([66_000, 70_001, 1 << 20]))
def test_lines_are_the_plain_ones(raw, batch_bytes):
    lines = Lines(io.BytesIO(raw), batch_bytes)
    assert (texts(lines), lines.empty_lines, lines.long_lines) == plain_lines(raw)


def test_a_batch_has_an_end(monkeypatch):
    monkeypatch.setattr(lines_module, "MOST_LINES", 3)
    batches = list(Lines(io.BytesIO(b"a\nb\nc\nd\n")))
    assert [len(batch.messages) for batch in batches] == [3, 1]
    assert texts(batches) == [b"a", b"b", b"c", b"d"]


def test_a_line_is_a_whole_event_without_instant_and_flow():
    (batch,) = Lines(io.BytesIO(b"line\n"))
    assert batch.messages[["length", "original", "instant_ns", "flow"]].tolist() == [(4, 4, NO_INSTANT, NO_FLOW)]
    assert batch.data.dtype == np.uint8


@pytest.mark.parametrize(("rest", "cut"), [(b"par", 1), (b"", 0), (b"x" * 200_000, 0)])
def test_what_is_left_of_a_line_that_can_not_be_read_to_its_end_is_no_event(rest, cut):
    lines = Lines(io.BytesIO(b"whole\n" + rest), is_whole=lambda: False)
    assert (texts(lines), lines.cut_lines, lines.long_lines) == ([b"whole"], cut, int(len(rest) > MAX_TRAIN_BYTES))


def test_how_long_a_line_may_be_can_be_chosen():
    lines = Lines(io.BytesIO(b"abc\nabcd\nabc\r\n"), longest=3)
    assert (texts(lines), lines.long_lines) == ([b"abc", b"abc"], 1)
