"""All kinds of field: which one a field is, and optional parts."""

from collections import Counter

import pytest
from hypothesis import given

from precompute.fields.kinds import KINDS
from tests.precompute.profiles import (
    CORRELATED,
    GENERATED,
    PLAIN,
    Reader,
    build,
    complaint_of_field,
    field,
    profile,
    template,
)

ONE_OF_EACH = {
    "choices": {"choices": ["a"]},
    "pattern": {"pattern": "a{}", "range": [1, 2]},
    "integers": {"integers": [1, 2]},
    "network": {"network": "10.0.0.0/30"},
    "mac": {"mac": "00:00:5e", "count": 2},
    "columns": {"columns": {"a": {"choices": ["a"]}}},
    "rows": {"rows": [{"a": "x"}]},
    "hex": {"hex": 2},
    "uuid": {"uuid": 4},
    "counter": {"counter": 1, "width": 2},
    "optional": {"optional": "x", "share": 0.5},
}


def test_a_field_is_of_the_kind_of_its_first_key():
    assert {kind: type(field(written)) for kind, written in ONE_OF_EACH.items()} == KINDS


@given(PLAIN | CORRELATED | GENERATED)
def test_every_field_is_read_back_as_it_is(written):
    made = field(written)
    assert field(made.model_dump(mode="json", by_alias=True, exclude_none=True)) == made


@pytest.mark.parametrize("share", [0.001, 0.3, 0.5, 0.99])
def test_an_optional_part_is_in_its_share_of_the_events(tmp_path, share):
    fields = {"o": {"optional": " user={u}", "share": share}, "u": {"choices": ["a", "b"]}}
    capture = build(tmp_path / "a.rcap", profile(fields, template("x{o}")), events=20_000)
    found = Counter(line.decode().split(": ")[1] for line in capture.lines())
    assert found["x"] == pytest.approx(20_000 * (1 - share), abs=1)
    assert set(found) == {"x", "x user=a", "x user=b"}


def test_optional_parts_come_and_go_by_themselves_and_repeat_within_an_event(tmp_path):
    fields = {
        name: {"optional": f" {name}", "share": share} for name, share in zip("pqrs", (0.5, 0.1, 0.8, 0.5), strict=True)
    }
    made = profile(fields, template("x{p}{q}{r}{s}{p}"))
    reader, found = Reader(made), Counter[tuple[bool, ...]]()
    for line in build(tmp_path / "a.rcap", made, events=40_000).lines():
        found[tuple(reader.read(line.decode()).values.values())] += 1
    assert len(found) == 16
    for there, count in found.items():
        share = 1.0
        for one, part in zip(there, (0.5, 0.1, 0.8, 0.5), strict=True):
            share *= part if one else 1 - part
        assert abs(count - share * 40_000) <= 1.001


ALL = "choices, pattern, integers, network, mac, columns, rows, hex, uuid, counter, optional, file, list"


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("{}", f": must have one of the keys {ALL}"),
        ("7", f": must have one of the keys {ALL}"),
        ("~", f": must have one of the keys {ALL}"),
        ("[a]", f": must have one of the keys {ALL}"),
        ("{choice: [a]}", f": must have one of the keys {ALL}"),
        ("{zipf: 1}", f": must have one of the keys {ALL}"),
        ("{rows_: [{a: x}]}", f": must have one of the keys {ALL}"),
        ("{choices: [a], hex: 3}", ".hex: is not known; known are choices, zipf"),
        ("{optional: x}", ".share: is missing"),
        ("{optional: x, share: 0}", ".share: must be a number between 0 and 1; write it like 0.3"),
        ("{optional: x, share: 1}", ".share: must be a number between 0 and 1; write it like 0.3"),
        ("{optional: x, share: '0.3'}", ".share: must be a number between 0 and 1; write it like 0.3"),
        ("{optional: 7, share: 0.3}", ".optional: must be text; put quotes around it"),
        ("{optional: '', share: 0.3}", ".optional: must not be empty"),
        ("{optional: '{', share: 0.3}", ".optional: the '{' at character 1 belongs to no {field}; write {{ for"),
        ("{optional: '{f}', share: 0.3}", ".optional: {f} is optional itself; name a field of values"),
        ("{optional: '{g}', share: 0.3}", ".optional: field 'g' is not defined; defined are f"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path, written, line):
    assert complaint_of_field(tmp_path, written).startswith(line)
