"""The texts of a field are those that `json` of the standard library reads."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.text.json_lines import MOST_LINE_BYTES, json_texts
from captures.text.lines import Lines
from tests.captures.text.test_lines import texts


def taken(lines, name="message"):
    (batch,) = Lines(io.BytesIO(b"".join(line + b"\n" for line in lines)), longest=MOST_LINE_BYTES)
    found = json_texts(batch, name)
    assert found.long == 0
    return texts([found.batch]), found.missing


def plain_text(record, name):
    """The text of a field, or of one in an object within the record; None: there is none."""
    if name not in record and "." in name:
        *path, name = name.split(".")
        for step in path:
            record = record.get(step)
            if not isinstance(record, dict):
                return None
    text = record.get(name)
    return text.encode() if isinstance(text, str) and text else None


NAME = st.sampled_from(["message", "messages", "m", "time", "é", "", ".", "m.m", "m.message", "m.é.m"])
TEXT = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=12),
    st.text(st.sampled_from('a"\\\u0122\u5c00é'), max_size=40),
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAME, inner, max_size=3)),
    max_leaves=6,
)
OBJECT = st.dictionaries(NAME, VALUE, max_size=5)


@settings(max_examples=500, deadline=None)
@given(
    objects=st.lists(OBJECT, min_size=1, max_size=4),
    name=NAME,
    ascii_only=st.booleans(),
    indent=st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
)
def test_texts_are_those_that_json_reads(objects, name, ascii_only, indent):
    lines = [
        json.dumps(each, ensure_ascii=ascii_only and name.isascii(), separators=indent).encode() for each in objects
    ]
    expected = [text for text in (plain_text(each, name) for each in objects) if text is not None]
    assert taken(lines, name) == (expected, len(objects) - len(expected))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (rb'{"message":"a\"b\\c\/d\b\f\n\r\t"}', b'a"b\\c/d\b\f\n\r\t'),
        (rb'{"message":"\u00e9\u20ac\ud83d\ude00"}', "é€😀".encode()),
        (rb'{"message":"\ud83d x \ude00"}', "\ufffd x \ufffd".encode()),
        (rb'{"message":"\ud83d\u0041"}', "\ufffdA".encode()),
        (b'{"message":"\xff\xfe"}', b"\xff\xfe"),
        (b'{"a":{"message":"no"},"b":["}",{"message":"no"}],"message":"yes"}', b"yes"),
        (b' { "message" : "yes" } ', b"yes"),
    ],
)
def test_escapes_and_levels(line, text):
    assert taken([line]) == ([text], 0)


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"n": {"message": "nested"}, "n.message": "literal"}, b"literal"),
        ({"n": {"x": {}, "message": "nested"}, "m": 1}, b"nested"),
        ({"a": {"message": "other"}, "n": {"n": 1, "message": "nested"}}, b"nested"),
    ],
)
def test_a_field_within_an_object_is_named_with_a_point(record, text):
    assert taken([json.dumps(record).encode()], "n.message") == ([text], 0)


@pytest.mark.parametrize(
    "record", [{"n": "text"}, {"n": ["message"]}, {"n": {}}, {"n": {"message": 7}}, {"n.message": 7}, {"n": None}]
)
def test_what_is_no_object_has_no_field_within(record):
    assert taken([json.dumps(record).encode()], "n.message") == ([], 1)


def test_a_long_line_may_have_a_short_text_and_a_long_text_is_counted():
    lines = [
        json.dumps({"trace": "x" * 100_000, "message": "short"}),
        json.dumps({"message": "é" * 20_000}),
        json.dumps({"message": "x" * 65_507}),
        json.dumps({"message": "x" * 65_508}),
    ]
    (batch,) = Lines(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), longest=MOST_LINE_BYTES)
    found = json_texts(batch, "message")
    assert texts([found.batch]) == [b"short", "é".encode() * 20_000, b"x" * 65_507]
    assert (found.missing, found.long) == (0, 1)


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"plain text",
            b"[]",
            b"{",
            b'{"message"',
            b'{"message":',
            b'{"message":7}',
            b'{"message":null}',
            b'{"message":""}',
        ),
        *(
            b'{"message":"no end',
            b'{"message":"no end\\',
            rb'{"message":"\x"}',
            rb'{"message":"\u12g4"}',
            b'{"a":1 "message":"b"}',
        ),
    ],
)
def test_a_line_without_the_text_is_left_out(line):
    assert taken([line, b'{"message":"next"}']) == ([b"next"], 1)


@settings(max_examples=300, deadline=None)
@given(
    line=st.lists(
        st.sampled_from([*(b"%c" % byte for byte in b'{}[]:,"\\ u0d8'), b'"message"', b"\\ud83d", b"\xff"]),
        min_size=1,
        max_size=20,
    )
)
def test_whatever_the_line_is_the_kernel_ends(line):
    found, left_out = taken([b'{"message":' + b"".join(line)])
    assert len(found) + left_out == 1
