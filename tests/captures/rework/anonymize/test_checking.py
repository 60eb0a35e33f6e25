"""What the leak check finds of names, against the slow and obvious way."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.compiled.words import WORD_BYTES, words_of
from captures.rework.anonymize.blocks import ROW
from captures.rework.anonymize.checking import check_all
from captures.rework.anonymize.originals import Originals
from captures.rework.anonymize.rules import Rules
from captures.rework.anonymize.tokens.secret import secret_of
from captures.rework.anonymize.work import work_of

WORK = work_of(Rules(), secret_of(bytes(range(32))))
NAMES = st.text("zyxZ7", min_size=3, max_size=10).filter(lambda name: not name.isdigit())
GLUE = st.sampled_from([" ", ".", "-", "x", "=", "\xff", ""])


def check(names, before, after):
    """The first and last columns of what is left."""
    originals = Originals()
    text = " ".join(names).encode()
    originals.learn_names(np.frombuffer(text, np.uint8), WORK.vocabulary.stop, WORK.vocabulary.seed)
    padded = np.frombuffer(after + bytes(WORD_BYTES), np.uint8).copy()
    trains = np.zeros(1, ROW)
    trains["count"], trains["length"] = 1, len(after)
    counts = np.zeros(2, np.int64)
    check_all(
        np.frombuffer(before, np.uint8),
        padded,
        words_of(padded),
        trains,
        originals.tables,
        WORK.mapping,
        WORK.place,
        counts,
    )
    return [(at, end) for at, end, _ in WORK.place.rows[: counts[0]].tolist()]


def plain(names, before, after):
    """All places at which a name of `names` is left."""
    word = re.compile(rb"[A-Za-z0-9\x80-\xff]")
    places = set()
    for name in names:
        for match in re.finditer(rb"(?i)(?=(" + name.encode() + rb"))", after):
            at, end = match.span(1)
            bounded = (at == 0 or not word.match(after, at - 1)) and (end == len(after) or not word.match(after, end))
            if (bounded or len(name) >= 8) and after[at:end] == before[at:end]:
                places.add((at, end))
    return places


@given(st.data())
def test_equals_the_plain_search(data):
    names = data.draw(st.lists(NAMES, min_size=1, max_size=3))
    pieces = data.draw(
        st.lists(st.one_of(st.sampled_from(names), st.sampled_from(names).map(str.upper), GLUE), max_size=12)
    )
    after = "".join(pieces).encode("latin-1")
    before = bytearray(after)
    for at in data.draw(st.lists(st.integers(0, max(0, len(after) - 1)), max_size=3)) if after else []:
        before[at] = ord("#")
    found, expected = check(names, bytes(before), after), plain(names, bytes(before), after)
    assert set(found) <= expected
    for at, end in expected:  # each is found, or a longer one, or one before it that reaches into it
        assert any(first < end and last > at for first, last in found)
