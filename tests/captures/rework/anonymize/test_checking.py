"""What the leak check finds of names, against the slow and obvious way."""

import re
from ipaddress import IPv6Address

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


def check(names, before, after, addresses=()):
    """The first and last columns of what is left."""
    text, originals = " ".join(names).encode(), Originals()
    originals.learn_names(np.frombuffer(text, np.uint8), WORK.vocabulary.stop, WORK.vocabulary.seed)
    for address in addresses:
        originals.add_rows(np.frombuffer(address, np.uint8)[None], WORK.vocabulary.seed)
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
    assert not addresses or not counts[1]
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


# Those of fewer forms may be their own tokens by chance.
FOURS = st.tuples(st.integers(11, 99), *[st.integers(100, 255)] * 3).map(bytes)
SIXES = st.tuples(*[st.integers(16, 255)] * 7, st.integers(0, 8)).map(
    lambda held: bytes([0x2A, *held[:3], *bytes(held[7]), *held[3:7], *bytes(8 - held[7])])
)
MACS = st.binary(min_size=6, max_size=6).filter(lambda mac: len(set(mac)) > 1)
WRITTEN = st.one_of(
    st.tuples(FOURS, st.sampled_from(".-_")).map(lambda pair: (pair[0], pair[1].join(map(str, pair[0])))),
    st.tuples(SIXES, st.booleans()).map(
        lambda pair: (pair[0], IPv6Address(pair[0]).exploded if pair[1] else str(IPv6Address(pair[0])).upper())
    ),
    st.tuples(MACS, st.sampled_from([":", "-", ""])).map(
        lambda pair: (pair[0], pair[0].hex(pair[1]) if pair[1] else pair[0].hex())
    ),
    MACS.map(lambda mac: (mac, ".".join(mac.hex()[i : i + 4] for i in (0, 4, 8)))),
)


@given(st.lists(st.tuples(WRITTEN, st.sampled_from([" ", "=", "[", "/", " face "])), min_size=1, max_size=5))
def test_each_address_that_stays_is_found_in_each_form(values):
    text, places = "", set()
    for (_, written), glue in values:
        text += glue
        places.add((len(text), len(text) + len(written)))
        text += written
    addresses = [address for (address, _), _ in values]
    assert set(check([], text.encode(), text.encode(), addresses)) == places
    assert not check([], b"#" * len(text), text.encode(), addresses)
