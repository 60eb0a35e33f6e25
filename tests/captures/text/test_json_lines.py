"""The texts of a field are those that `json` of the standard library reads."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.text.json_lines import json_texts
from captures.text.lines import Lines
from tests.captures.text.test_lines import texts


def taken(lines, name="message"):
    (batch,) = Lines(io.BytesIO(b"".join(line + b"\n" for line in lines)))
    events, left_out = json_texts(batch, name)
    return texts([events]), left_out


NAME = st.sampled_from(["message", "messages", "m", "time", "é", ""])
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAME, inner, max_size=3)),
    max_leaves=6,
)
OBJECT = st.dictionaries(NAME, VALUE, max_size=5)


@settings(max_examples=500, deadline=None)
@given(
    objects=st.lists(OBJECT, min_size=1, max_size=4),
    name=st.sampled_from(["message", "é", ""]),
    ascii_only=st.booleans(),
    indent=st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
)
def test_texts_are_those_that_json_reads(objects, name, ascii_only, indent):
    lines = [
        json.dumps(each, ensure_ascii=ascii_only and name.isascii(), separators=indent).encode() for each in objects
    ]
    expected = [each[name].encode() for each in objects if isinstance(each.get(name), str) and each[name]]
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
