"""The sound part of an unsound profile, so that `precompute check` can judge it in the same go.

What is unsound is taken away, or replaced by the plainest thing that can stand there, and its place is noted.
"""

import copy
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from captures.notation.complaints import Key, Path, complaints
from precompute.notation.findings import WRITTEN, Findings
from precompute.profile.model import Profile

_MAX_ROUNDS: Final = 8
"""A tree is mended so often at most. Some faults only show when others are mended, but this soon comes to an end."""
_TEMPLATE: Final = {"weight": 1, "severity": "info", "tag": "x", "message": "x"}
_REPLACED: Final = {"top_keys": ("include",), "kind_keys": ("file", "list")}
"""The keys of a profile's file that are replaced before its model sees them."""
_STAND_INS: Final = _TEMPLATE | {"name": "unsound", "host": "x", "pid": "x", "msgid": "x"}
"""What takes the place of an unsound value, by its key.

Texts are as short as they can be, so that a line that is too long with them is too long with any text there.
"""


def sound_part(tree: Any, found: Findings) -> Profile | None:
    """The profile of a tree, without what is unsound in it; None if nothing can be made of it."""
    if isinstance(tree, dict) and not tree.get("groups") and found.unsound & {"include", "groups"}:
        tree = tree | {"groups": _some_groups(found)}
    for _ in range(_MAX_ROUNDS):
        try:
            return Profile.model_validate(tree)
        except ValidationError as error:
            told = list(complaints(Profile, error, written=WRITTEN, **_REPLACED))
        for path, place, complaint in told:
            if (
                path != ("groups",) or "include" not in found.unsound
            ):  # an unsound include may bring the groups that are missed
                found.complain(place, complaint)
        if not isinstance(tree, dict):
            break
        tree = copy.deepcopy(tree)
        for path, _, complaint in told:
            _mend(tree, path, found, unknown=complaint.startswith("is not known"))
    found.skip("", "all else, since nothing can be made of the rest")
    return None


def _some_groups(found: Findings) -> dict[str, Any]:
    """Groups that keep a profile valid, and are not judged."""
    found.unsound |= {"groups", "groups.unsound.templates[0]"}
    return {"unsound": _some_group()}


def _some_group() -> dict[str, Any]:
    return {"weight": 1, "templates": [dict(_TEMPLATE)]}


def _mend(tree: dict[str, Any], path: Path, found: Findings, *, unknown: bool) -> None:
    """Take what is wrong at a path out of the tree."""
    match path:
        case ("fields", name, *deeper):
            if _pop(tree["fields"], name) is not None and deeper:
                found.skip(f"fields.{name}", "whether its parts fit together")
            found.unsound.add(f"fields.{name}")
        case ("groups",):
            _mend_groups(tree, found)
        case ("groups", name):
            _mend_group(tree["groups"], str(name), found)
        case ("groups", name, "templates", *deeper) if name in tree["groups"]:
            _mend_templates(tree["groups"][name], f"groups.{name}", deeper, found, unknown=unknown)
        case ("groups", name, key, *_):
            # A group that is not found here has got another name, and is judged by that name in the next round.
            _replace(tree["groups"].get(name, {}), key, f"groups.{name}", found, unknown=unknown)
        case (key, *_):
            if path[1:]:
                found.skip(str(key), "whether its parts fit together")
            _replace(tree, key, "", found, unknown=unknown)


def _pop(mapping: dict[Any, Any], name: Any) -> Any:
    """Take away what stands at a key, which the path tells as text whatever it is."""
    value = None
    for key in [key for key in mapping if str(key) == str(name)]:
        value = mapping.pop(key)
    return value


def _replace(holder: dict[Any, Any], key: Any, place: str, found: Findings, *, unknown: bool) -> None:
    """Put something plain at a key, or nothing where the key can be left out."""
    _pop(holder, key)
    if not unknown:
        if key in _STAND_INS:
            holder[key] = _STAND_INS[key]
        found.unsound.add(f"{place}.{key}".removeprefix("."))


def _mend_groups(tree: dict[str, Any], found: Findings) -> None:
    """Mend the mapping of groups, which is no mapping or empty, or in which no group has a weight."""
    groups = tree.get("groups")
    if isinstance(groups, dict) and groups:
        for group in groups.values():
            group["weight"] = 1
    else:
        tree["groups"] = _some_groups(found)


def _mend_group(groups: dict[Any, Any], name: str, found: Findings) -> None:
    """Mend a group that is no mapping, or whose name can be no name."""
    group = _pop(groups, name)
    if isinstance(group, dict):
        mended = "_" + re.sub(r"\W", "_", name, flags=re.ASCII)[:32]
        while mended in groups:
            mended += "_"
        found.true_places[f"groups.{mended}"] = f"groups.{name}"
        groups[mended] = group
    else:
        groups[name] = _some_group()
        found.unsound.add(f"groups.{name}.templates[0]")


def _mend_templates(group: dict[str, Any], place: str, path: Sequence[Key], found: Findings, *, unknown: bool) -> None:
    """Mend what is wrong within the templates of the group at `place`."""
    templates = group.get("templates")
    match path:
        case [int(number)] if isinstance(templates, list):
            templates[number] = dict(_TEMPLATE)
            found.unsound.add(f"{place}.templates[{number}]")
        case [int(number), "data", name, *deeper] if isinstance(templates, list):
            data = templates[number]["data"]
            _pop(data[name] if deeper else data, deeper[0] if deeper else name)
            found.skip(".".join([f"{place}.templates[{number}].data.{name}", *map(str, deeper)]), "what it names")
            found.unsound.add(f"{place}.templates[{number}].data")
        case [int(number), key, *_] if isinstance(templates, list):
            _replace(templates[number], key, f"{place}.templates[{number}]", found, unknown=unknown)
        case _ if isinstance(templates, list) and templates:  # none of them has a weight
            for template in templates:
                template["weight"] = 1
        case _:
            group["templates"] = [dict(_TEMPLATE)]
            found.unsound.add(f"{place}.templates[0]")
