"""Template strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.notation.template import Placeholder, parse_template, rename_fields

PLACEHOLDERS = st.builds(Placeholder, st.sampled_from(["name", "a_1", "_"]), st.sampled_from(["", "x", "y_2"]))
SEGMENTS = st.lists(PLACEHOLDERS | st.text("ab {}.é", min_size=1), max_size=9)


def written(segments) -> str:
    return "".join(
        f"{{{segment.field}{'.' if segment.column else ''}{segment.column}}}"
        if isinstance(segment, Placeholder)
        else segment.replace("{", "{{").replace("}", "}}")
        for segment in segments
    )


@given(SEGMENTS)
def test_what_is_written_is_read(segments):
    merged: list[str | Placeholder] = []
    for segment in segments:
        if isinstance(segment, str) and merged and isinstance(merged[-1], str):
            merged[-1] += segment
        else:
            merged.append(segment)
    assert parse_template(written(segments)) == tuple(merged)


@given(SEGMENTS)
def test_renaming_touches_the_fields_and_nothing_else(segments):
    renamed = [
        Placeholder(f"web_{segment.field}", segment.column) if isinstance(segment, Placeholder) else segment
        for segment in segments
    ]
    assert rename_fields(written(segments), lambda name: f"web_{name}") == written(renamed)


def test_a_placeholder_is_shown_as_it_is_written():
    assert [str(segment) for segment in parse_template("{a}{b.c}")] == ["{a}", "{b.c}"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a {", 3),
        ("}", 1),
        ("{a b}", 1),
        ("{}", 1),
        ("{a!r}", 1),
        ("{a:>9}", 1),
        ("{{{", 3),
        ("{1a}", 1),
        ("{a.}", 1),
        ("{.b}", 1),
        ("{a.b.c}", 1),
        ("{a.1}", 1),
        ("{é}", 1),
    ],
)
def test_a_brace_that_stands_alone_is_named(text, place):
    with pytest.raises(ValueError, match=f"at character {place} belongs to no"):
        parse_template(text)
