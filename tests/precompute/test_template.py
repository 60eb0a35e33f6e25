"""Template strings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.template import Placeholder, parse_template

SEGMENTS = st.lists(st.sampled_from(["name", "a_1", "_"]).map(Placeholder) | st.text("ab {}é", min_size=1), max_size=9)


@given(SEGMENTS)
def test_what_is_written_is_read(segments):
    text = "".join(
        f"{{{segment.field}}}" if isinstance(segment, Placeholder) else segment.replace("{", "{{").replace("}", "}}")
        for segment in segments
    )
    merged: list[str | Placeholder] = []
    for segment in segments:
        if isinstance(segment, str) and merged and isinstance(merged[-1], str):
            merged[-1] += segment
        else:
            merged.append(segment)
    assert parse_template(text) == tuple(merged)


@pytest.mark.parametrize(
    ("text", "place"),
    [("a {", 3), ("}", 1), ("{a b}", 1), ("{}", 1), ("{a!r}", 1), ("{a:>9}", 1), ("{{{", 3), ("{1a}", 1)],
)
def test_a_brace_that_stands_alone_is_named(text, place):
    with pytest.raises(ValueError, match=f"at character {place} belongs to no"):
        parse_template(text)
