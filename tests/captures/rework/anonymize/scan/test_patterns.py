"""The scan before a regular expression rules no match out."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.rework.anonymize.blocks import ROW
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


@pytest.mark.parametrize("expression", ["(", "\ud800", r"(a+)+b", r"(?:\w*,)*x", "a*", "(a{1,999}){1,999}"])
def test_what_is_wrong_or_takes_for_ever_is_refused(expression):
    with pytest.raises(InputError, match="pattern x"):
        pattern_of("x", expression)
