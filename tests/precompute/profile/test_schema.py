"""The JSON Schema of profiles: it takes what the tool takes, and refuses what people get wrong."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from jsonschema import Draft202012Validator

from captures.notation.strict_yaml import parse_yaml
from precompute.fields.kinds import KINDS
from precompute.profile.loading import built_in_names, built_in_text
from precompute.profile.schema import profile_schema
from tests.precompute.fields.test_kinds import ONE_OF_EACH
from tests.precompute.profiles import profiles, sourced

SCHEMA = profile_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
DOCS = Path(__file__).parents[3] / "docs"
WHOLE = {
    "name": "web",
    "fields": {"f": {"choices": ["a"]}},
    "groups": {
        "g": {"weight": 1, "templates": [{"weight": 1, "severity": "info", "host": "h", "tag": "t", "message": "m"}]}
    },
}


def documented() -> list[Any]:
    """The profiles of the documentation."""
    blocks = [
        block
        for page in sorted(DOCS.glob("*.md"))
        for block in re.findall(r"(?ms)^```yaml\n(.*?)^```$", page.read_text())
    ]
    return [tree for tree in map(parse_yaml, blocks) if isinstance(tree, dict) and "name" in tree]


def with_field(field: Any) -> dict[str, Any]:
    return WHOLE | {"fields": {"f": field}}


def with_template(**parts: Any) -> dict[str, Any]:
    template = WHOLE["groups"]["g"]["templates"][0] | parts
    return WHOLE | {"groups": {"g": {"weight": 1, "templates": [template]}}}


def test_it_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_profile_is_valid(name):
    VALIDATOR.validate(parse_yaml(built_in_text(name)))


@pytest.mark.parametrize("tree", [pytest.param(tree, id=tree["name"]) for tree in documented()])
def test_every_profile_of_the_documentation_is_valid(tree):
    VALIDATOR.validate(tree)


@given(profiles() | sourced())
def test_every_profile_is_valid(made):
    VALIDATOR.validate(made.model_dump(mode="json", by_alias=True, exclude_none=True))


def test_every_kind_of_field_is_valid():
    assert ONE_OF_EACH.keys() == KINDS.keys()
    for field in ONE_OF_EACH.values():
        VALIDATOR.validate(with_field(field))


@pytest.mark.parametrize(
    "tree",
    [
        WHOLE,
        with_field({"file": "x.txt"}),
        with_field({"list": "user_agents", "zipf": 1.1}),
        with_field({"choices": ["a"], "zipf": 2}),
        with_field({"columns": {"a": {"file": "x.txt"}, "b": {"mac": "00", "count": 1}}}),
        with_field({"rows": [{"a": "x", "weight": 0.5}, {"a": "y"}]}),
        with_template(data={"request@32473": {"id": "{f}"}}, msgid="x", pid="7", facility="local0"),
        WHOLE | {"format": "rfc5424", "zone": "+02:00", "bom": True, "start": "2026-01-01T00:00:00.000Z"},
        WHOLE
        | {"timeline": {"curve": [["0s", 0.5], ["1h", 1]], "bursts": [{"at": "1s", "length": "1s", "factor": 2}]}},
        WHOLE | {"timeline": {"diurnal": {"low": 0.1, "peak": "14:00"}}},
        WHOLE | {"source": "f"},
        {"name": "all", "include": {"system": 1}, "source": "system_host"},
        {"name": "all", "include": {"system": 40, "./own.yaml": 0.5}},
        WHOLE | {"include": {"system": 40}},
    ],
)
def test_what_is_valid(tree):
    VALIDATOR.validate(tree)


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {},
        {"name": "web"},
        {"groups": WHOLE["groups"]},
        WHOLE | {"colour": "red"},
        WHOLE | {"name": "a b"},
        WHOLE | {"name": 7},
        WHOLE | {"format": "rfc3165"},
        WHOLE | {"bom": "yes"},
        WHOLE | {"source": "a b"},
        WHOLE | {"source": ["f"]},
        WHOLE | {"groups": []},
        WHOLE | {"groups": {"a-b": WHOLE["groups"]["g"]}},
        WHOLE | {"groups": {"g": {"weight": 1}}},
        WHOLE | {"groups": {"g": WHOLE["groups"]["g"] | {"weight": -1}}},
        WHOLE | {"groups": {"g": WHOLE["groups"]["g"] | {"weigth": 1}}},
        WHOLE | {"include": {}},
        WHOLE | {"include": {"system": 0}},
        WHOLE | {"include": ["system"]},
        WHOLE | {"timeline": {"curves": []}},
        WHOLE | {"timeline": {"curve": [["0s"]]}},
        WHOLE | {"timeline": {"bursts": [{"every": "1s"}]}},
        with_template(severity="error"),
        with_template(facility="kernel"),
        with_template(pid=7),
        with_template(messages="x"),
        with_template(data={"a b": {"c": "d"}}),
        with_template(data={"a": {"c=": "d"}}),
        with_template(data={"a": {"c": 7}}),
        with_field({}),
        with_field([]),
        with_field({"choice": ["a"]}),
        with_field({"choices": [8]}),
        with_field({"choices": {"a": -1}}),
        with_field({"choices": ["a"], "zipf": 0}),
        with_field({"file": "x", "zipf": 9}),
        with_field({"file": "x", "range": 1}),
        with_field({"pattern": "a{}"}),
        with_field({"integers": [1]}),
        with_field({"integers": [1, 2, 3]}),
        with_field({"integers": ["1", "2"]}),
        with_field({"network": "10.0.0.0/8", "count": 0}),
        with_field({"mac": "00"}),
        with_field({"hex": 65}),
        with_field({"uuid": 7}),
        with_field({"counter": 1}),
        with_field({"optional": "x", "share": 1}),
        with_field({"columns": {"a": {"hex": 3}}}),
        with_field({"rows": [{"a": 7}]}),
    ],
)
def test_what_is_not_valid(tree):
    assert not VALIDATOR.is_valid(tree), yaml.dump(tree)
