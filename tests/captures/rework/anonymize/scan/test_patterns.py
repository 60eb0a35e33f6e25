"""The scan before a regular expression rules no match out."""

import re
from collections import Counter
from re import _parser as parser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.rework.anonymize.blocks import ROW
from captures.rework.anonymize.scan.ambiguity import ambiguous
from captures.rework.anonymize.scan.byte_sets import bytes_of
from captures.rework.anonymize.scan.patterns import holds, matches, pattern_of

EXPRESSIONS = [
    r"acct=(\d+)",
    r"\b\d{4,6}\b",
    r"(?i)card (?:no )?([a-f0-9]{3})",
    r"[^a-z]x?y+",
    r"(?:ab|cd)e",
    r"a(?=b)b|c",
    r"id-(?P<id>\w{2,})",
    r"\S+-\d",
]
TEXTS = st.one_of(
    st.text("acdtexyboirn=-0123 ", max_size=60), st.sampled_from(["acct=12 acct=9", "CARD NO ab1", "id-xy9", "Zxyy"])
).map(str.encode)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@given(texts=st.lists(TEXTS.filter(bool), min_size=1, max_size=6))
def test_all_matches_are_found(expression, texts):
    pattern = pattern_of("x", expression)
    trains = np.zeros(len(texts), ROW)
    trains["count"], trains["length"] = 1, [len(text) for text in texts]
    starts = np.cumsum(trains["length"].astype(np.int64)) - trains["length"]
    trains["offset"] = starts
    data = np.frombuffer(b"".join(texts), np.uint8)
    plain = [
        (number, int(starts[number]) + match.span(min(match.re.groups, 1))[0])
        for number, text in enumerate(texts)
        for match in re.finditer(expression.encode(), text)
        if match.group(min(match.re.groups, 1))
    ]
    assert [(event, at) for event, at, _ in matches(pattern, data, trains, starts)] == plain


def test_most_texts_are_ruled_out():
    for expression, text in ((r"acct=(\d+)", b"account 12"), (r"\b\d{10}\b", b"1234 56789")):
        assert not holds(np.frombuffer(text, np.uint8), 0, len(text), pattern_of("x", expression).row)


AMBIGUOUS = [
    r"(a+)+b",
    "(a{1,999}){1,999}",
    r"(?:o|oo)+Z",
    r"(?:oo?)+Z",
    r"(?:a{0,60}){0,60}Z",
    r"(a|b|ab)*c",
    r"(?:\w+\s?)*x",
    r"(?=(.*)*x)x",
    r"(?:(x)?\1)+",
]
CLEAR = [r"(?:\w+,)*x", r"(?:\d{1,3}\.){3}\d{1,3}", "(?:foo|foobar)+x", r"\S+@\S+", r"(?:[a-z]+\d+)+!", r"(?:a{2}|b)+c"]


@pytest.mark.parametrize("expression", ["(", "\ud800", "a*", *AMBIGUOUS])
def test_what_is_wrong_or_takes_for_ever_is_refused(expression):
    with pytest.raises(InputError, match="pattern x"):
        pattern_of("x", expression)


@pytest.mark.parametrize("expression", CLEAR)
def test_what_can_be_read_in_one_way_is_taken(expression):
    assert not pattern_of("x", expression).expression.search(b"a1o," * 300)


PARTS = st.recursive(
    st.sampled_from(["a", "b", "ab", "[ab]", "."]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,3}"])).map("(?:{0[0]}){0[1]}".format),
    ),
    max_leaves=5,
)


def readings(parsed, text):
    """In how many ways `parsed` reads each beginning of a text: by where it ends."""
    ends = {0: 1}
    for op, argument in parsed:
        after = Counter()
        for at, ways in ends.items():
            for width, times in part_readings(op, argument, text[at:]).items():
                after[at + width] += ways * times
        ends = after
    return ends


def part_readings(op, argument, text):
    if (held := bytes_of(op, argument, fold=False)) is not None:
        return {1: 1} if text and held >> text[0] & 1 else {}
    if str(op) == "SUBPATTERN":
        return readings(argument[3], text)
    if str(op) == "BRANCH":
        return sum((Counter(readings(part, text)) for part in argument[1]), Counter())
    return repeated_readings(*argument, text)


def repeated_readings(least, most, inner, text):
    total, ends = Counter(), Counter({0: 1})
    for times in range(min(int(most), len(text) + least) + 1):
        if times >= least:
            total.update(ends)
        after = Counter()
        for at, ways in ends.items():
            for width, more in readings(inner, text[at:]).items():
                if width or times < least:
                    after[at + width] += ways * more
        ends = after
    return total


@given(PARTS, st.text("ab", max_size=7).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_what_is_repeated_is_read_in_one_way(part, text):
    parsed = parser.parse(f"(?:{part})+".encode())
    if not ambiguous(parsed):
        assert max(readings(parsed, text).values(), default=1) == 1
