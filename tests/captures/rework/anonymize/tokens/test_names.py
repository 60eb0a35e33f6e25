"""Names keep their shape, and no two have the same token."""

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.rework.anonymize.tokens.hash_set import new_table
from captures.rework.anonymize.tokens.names import map_name, new_scratch
from captures.rework.anonymize.tokens.secret import secret_of

SECRET = secret_of(bytes(range(32)))
SEED = SECRET.hashes.low
STOP = new_table([b"root", b"com", b"abc"], SEED)
LABELS = st.from_regex(re.compile(r"[a-zA-Z0-9_-]{1,12}|[a-c]{1,3}|[0-9]{1,2}|[a-zäöü€😀]{1,6}"), fullmatch=True)


def token(name, stop=STOP):
    data = np.frombuffer(name.encode(), np.uint8).copy()
    map_name(data, 0, len(data), SECRET.names, stop, SEED, new_scratch())
    return data.tobytes()


def shape(data):
    return re.sub(rb"[0-9]", b"0", re.sub(rb"[A-Z]", b"A", re.sub(rb"[a-z]", b"a", data)))


@given(LABELS, LABELS)
def test_shape_stays_and_two_names_have_two_tokens(one, other):
    assert len(token(one).decode()) == len(one)
    if one.isascii():
        assert shape(token(one)) == shape(one.encode())
    assert (token(one) == token(other)) == (one == other)


@given(st.lists(LABELS, min_size=1, max_size=4))
def test_a_label_has_the_same_token_alone(labels):
    assert token(".".join(labels)) == b".".join(token(label) for label in labels)


@given(LABELS.filter(str.isascii))
def test_capitals_only_change_capitals(label):
    assert token(label).lower() == token(label.lower())


def test_all_short_names_are_permuted_and_stop_words_stay():
    names = [a + b + c for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz" for c in "abc"]
    tokens = [token(name) for name in names]
    assert len(set(tokens)) == len(names)
    assert token("abc") == b"abc"
    assert token("ROOT.com") == b"ROOT.com"
    assert b"abc" not in {text for name, text in zip(names, tokens, strict=True) if name != "abc"}


def test_long_names_are_enciphered_too():
    name = "a" * 300
    assert len(token(name)) == 300
    assert token(name) != name.encode()


def test_escapes_of_urls_stay():
    assert token("bob%40acme") == token("bob") + b"%40" + token("acme")
    assert token("M%C3%BCller%2540x1") == token("M") + b"%C3%BC" + token("ller") + b"%2540" + token("x1")
    assert token("bob%acme") == token("bob") + b"%" + token("acme")
    assert token("a%4") == token("a") + b"%" + token("4")
