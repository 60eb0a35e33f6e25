"""Profiles for tests, and a plain reading of them that shares nothing with the renderer but the model."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from captures.reader import Capture, open_capture
from precompute.build import build_capture
from precompute.profile import Profile
from precompute.template import Placeholder, parse_template

TAGGED = "t{}"
"""Every template of a drawn profile has a tag of its own, so that a line says where it comes from."""


def template(message: str, **others: Any) -> dict[str, Any]:
    return {"weight": 1, "severity": "info", "host": "h", "tag": "t", "message": message} | others


def profile(fields: dict[str, Any], *templates: dict[str, Any]) -> Profile:
    groups = {"group": {"weight": 1, "templates": list(templates)}}
    return Profile.model_validate({"name": "test", "fields": fields, "groups": groups})


def build(path: Path, made: Profile, **options: Any) -> Capture:
    """A capture, built with the options' defaults."""
    defaults = {"events": None, "size": None, "seed": 1, "train": 128, "jobs": 1, "force": False}
    build_capture(path, made, **(defaults | options), progress=lambda *_: None)
    return open_capture(path)


def names(folder: Path) -> list[str]:
    """The files of a folder."""
    return sorted(path.name for path in folder.iterdir())


def pattern(text: str, fields: dict[str, list[str]]) -> re.Pattern[str]:
    """What a template string can become; a field named twice must repeat its value."""
    parts, seen = [], set()
    for segment in parse_template(text):
        if not isinstance(segment, Placeholder):
            parts.append(re.escape(segment))
        elif segment.field in seen:
            parts.append(f"(?P={segment.field})")
        else:
            seen.add(segment.field)
            values = "|".join(sorted(map(re.escape, fields[segment.field]), key=len, reverse=True))
            parts.append(f"(?P<{segment.field}>{values})")
    return re.compile("".join(parts), re.DOTALL)


VALUES = st.text("abcé", min_size=1, max_size=9)
FIELDS = st.one_of(
    st.lists(VALUES, min_size=1, max_size=12, unique=True).map(lambda values: {"choices": values}),
    st.dictionaries(VALUES, st.integers(1, 9) | st.floats(0.1, 9), min_size=1, max_size=12).map(
        lambda weights: {"choices": weights}
    ),
    st.tuples(st.integers(0, 1200), st.integers(0, 1200)).map(lambda ends: {"integers": sorted(ends)}),
    st.integers(0, 90).map(lambda low: {"pattern": "n{:02d}é", "range": [low, low + 30]}),
)
MESSAGES = st.lists(st.sampled_from(["{a}", "{b}", "{c}", " at ", "{{", "é ", "x"]), min_size=1, max_size=9).map(
    "".join
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Small profiles of every kind of field, weight and facility."""
    fields = draw(st.fixed_dictionaries({"a": FIELDS, "b": FIELDS, "c": FIELDS}))
    numbers = itertools.count()
    templates = st.builds(
        lambda message, weight, facility: template(
            message, weight=weight, facility=facility, tag=TAGGED.format(next(numbers))
        ),
        MESSAGES,
        st.integers(0, 5) | st.floats(0.25, 4),
        st.sampled_from(["kern", "user", "local7"]),
    )
    groups = {
        name: {"weight": draw(st.integers(0, 9)), "templates": [template("x", tag=TAGGED.format(next(numbers)))]}
        for name in ("z", "y")
    }
    groups["x"] = {
        "weight": 2,
        "templates": [*draw(st.lists(templates, min_size=1, max_size=4)), template("last", tag="l")],
    }
    return Profile.model_validate({"name": "drawn", "fields": fields, "groups": groups})


def nasty() -> Profile:
    """Eight fields of twenty lengths each: 25,600,000,000 layouts."""
    fields = {f"f{i}": {"choices": ["x" * length for length in range(1, 21)]} for i in range(8)}
    return profile(fields, template("".join(f"{{f{i}}}" for i in range(8))))


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """How far counts lie from what is expected, in standard deviations of the chi-square distribution."""
    freedom = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / (2 * freedom) ** 0.5)
