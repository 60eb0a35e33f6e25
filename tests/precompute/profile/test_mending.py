"""Whatever is wrong with a profile, and wherever: it ends in complaints, and what is sound is judged."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.notation.findings import Findings, ProfileError
from precompute.profile.checks import look_into
from precompute.profile.mending import sound_part

SOUND = """
name: web
format: rfc5424
zone: Z
bom: false
source: host
timeline: {curve: [[0s, 0.5], [1h, 1]]}
fields:
  host: {pattern: "web{:02d}", range: [1, 40]}
  user: {choices: {root: 1, deploy: 9}}
  maybe: {optional: " {user}", share: 0.5}
groups:
  sshd:
    weight: 20
    zone: Z
    templates:
      - {weight: 15, severity: info, host: "{host}", tag: sshd, pid: "7", msgid: m, message: "hello {user}{maybe}"}
      - {weight: 1, severity: err, tag: sshd, data: {meta: {user: "{user}"}}, message: failed}
"""
JUNK = st.sampled_from([None, True, 7, -1, 0, "", "{", "{nobody}", "a b", [], [7], {}, {"x": 1}, float("inf")])


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All keys and items of a tree."""
    found = [path] if path else []
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        found += places(value, (*path, key))
    return found


def spoilt(faults: dict[tuple[Any, ...], Any]) -> Any:
    """The sound profile with other values at some places; None: the key is gone."""
    tree = yaml.safe_load(SOUND)
    for path, junk in faults.items():
        holder = tree
        try:
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = copy.deepcopy(junk)
            if junk is None and isinstance(holder, dict):
                del holder[path[-1]]
        except (KeyError, IndexError, TypeError):  # another fault has taken its place away
            continue
    return tree


def told(tree: Any) -> ProfileError | None:
    found = Findings()
    made = sound_part(tree, found)
    if made is not None:
        look_into(made, found)
    try:
        found.end()
    except ProfileError as error:
        return error
    assert made is not None
    return None


FAULTS = st.dictionaries(st.sampled_from(places(yaml.safe_load(SOUND))), JUNK, min_size=1, max_size=4)


@settings(max_examples=200)
@given(FAULTS)
def test_any_faults_end_in_complaints_and_leave_a_profile_to_judge(faults):
    error = told(spoilt(faults))
    assert error is None or not any(line.startswith("not checked: all else") for line in error.unchecked)


INDEPENDENT = {
    ("name",): (7, "name: must be text"),
    ("zone",): ("utc", "zone: 'utc' is not a zone"),
    ("timeline", "curve", 1, 1): (-1, "timeline.curve[1][1]: must be a number from 0 to 1000"),
    ("fields", "user"): ({"hex": 99}, "fields.user.hex: must be 64 or less"),
    ("groups", "sshd", "weight"): ("x", "groups.sshd.weight: must be a number from 0"),
    ("groups", "sshd", "templates", 0, "severity"): ("bad", "groups.sshd.templates[0].severity: 'bad' is none of"),
    ("groups", "sshd", "templates", 0, "tag"): ("a b", "groups.sshd.templates[0].tag: ' ' is not allowed here"),
    ("groups", "sshd", "templates", 0, "pid"): ("{x}", "groups.sshd.templates[0].pid: field 'x' is not defined"),
    ("groups", "sshd", "templates", 0, "msgid"): ("}", "groups.sshd.templates[0].msgid: the '}' at character 1"),
    ("groups", "sshd", "templates", 1, "message"): ("m" * 1001, "groups.sshd.templates[1].message: can have 1001 "),
    ("groups", "sshd", "templates", 1, "host"): ("h", "groups.sshd.templates[1]: does not name 'host', the source"),
    ("groups", "sshd", "templates", 1, "data", "meta", "user"): (7, "groups.sshd.templates[1].data.meta.user: must be"),
}  # fmt: skip


@given(st.sets(st.sampled_from(sorted(INDEPENDENT, key=str)), min_size=1))
def test_each_of_several_faults_is_told_as_if_it_were_alone(paths):
    error = told(spoilt({path: INDEPENDENT[path][0] for path in paths}))
    assert error is not None
    lines = [*error.complaints, *error.unchecked]
    for path in paths:
        assert any(line.startswith(INDEPENDENT[path][1]) for line in lines) or (
            # A template of which a part is unsound may name its source there.
            INDEPENDENT[path][1].endswith("the source")
            and "groups.sshd.templates[1]: not checked: whether each event names 'host', the source" in str(lines)
        ), path


@pytest.mark.parametrize("tree", [7, [], None, "text"])
def test_what_is_no_mapping_leaves_nothing_to_judge(tree):
    error = told(tree)
    assert error is not None
    assert error.complaints == ["must be a mapping of keys"]
    assert error.unchecked == ["not checked: all else, since nothing can be made of the rest"]
