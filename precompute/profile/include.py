"""Profiles made of others: `include: {system: 40, web: 25}`.

Every included profile keeps its fields, its formats and the proportions of its groups; names are made unique by its
own name in front. What comes out is an ordinary profile, so a recipe needs no other file.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from captures.notation.models import MAX_WEIGHT, checked_weight
from precompute.draws.shares import integer_weights
from precompute.notation.findings import Findings
from precompute.notation.template import rename_fields
from precompute.profile.model import Profile

Tree = dict[str, Any]


def composed(tree: Tree, parts: Mapping[str, tuple[Profile, float]], found: Findings) -> Tree:
    """The tree of a profile with the included `parts` (profile and weight, by name) among its fields and groups.

    The weights of groups that stand in `tree` itself are against those of the parts. It is a complaint when two fields
    or two groups would have one name.
    """
    fields, groups = _own(tree, "fields", found), _own(tree, "groups", found)
    shares = {
        name: Fraction(part) * Fraction(group.weight) / sum(Fraction(other.weight) for other in profile.groups.values())
        for profile, part in parts.values()
        for name, group in ((_prefixed(profile, key), group) for key, group in profile.groups.items())
    }
    kept = {name: _weight(group) for name, group in groups.items()}
    shares |= {name: Fraction(own) for name, own in kept.items() if own is not None}
    for name, (profile, _) in parts.items():
        _add(f"include.{name}", "field", fields, _fields(profile), found)
        _add(f"include.{name}", "group", groups, _groups(profile), found)
    for name, share in zip(shares, _weights(list(shares.values())), strict=True):
        groups[name] = groups[name] | {"weight": share}
    return {key: value for key, value in tree.items() if key != "include"} | {"fields": fields, "groups": groups}


def _own(tree: Tree, key: str, found: Findings) -> Tree:
    """The fields or groups that stand in the tree itself."""
    own = tree.get(key, {})
    if isinstance(own, dict):
        return dict(own)
    found.complain(key, "must be a mapping of keys")
    found.unsound.add(key)
    return {}


def _add(place: str, what: str, own: Tree, more: Tree, found: Findings) -> None:
    """Put `more` fields or groups to the others."""
    for name in more:
        if name in own:
            found.complain(place, f"brings the {what} {name}, which is there already; rename one of them")
    own |= more


def _weights(shares: list[Fraction]) -> list[int]:
    """Integers in the proportion of `shares`; where exact ones are too large, rounded to 10^-12 of the largest."""
    exact = integer_weights(shares)
    largest = max(exact, default=0)
    if largest <= MAX_WEIGHT:
        return exact
    return [max(1, weight * MAX_WEIGHT // largest) if weight else 0 for weight in exact]


def _weight(group: Any) -> float | None:
    """The weight in a group's tree; None when it is missing or unsound, of which the model of the group complains."""
    try:
        return checked_weight(group["weight"])
    except (KeyError, TypeError, ValueError):
        return None


def _prefixed(profile: Profile, name: str) -> str:
    return re.sub(r"\W", "_", f"{profile.name}_{name}", flags=re.ASCII)


def _fields(profile: Profile) -> Tree:
    rename = _renaming(profile)
    fields = {}
    for name, field in profile.fields.items():
        dumped = field.model_dump(mode="json", by_alias=True, exclude_none=True)
        if "optional" in dumped:
            dumped["optional"] = rename_fields(dumped["optional"], rename)
        fields[rename(name)] = dumped
    return fields


def _groups(profile: Profile) -> Tree:
    rename = _renaming(profile)

    def renamed(value: Any) -> Any:
        return rename_fields(value, rename) if isinstance(value, str) else value

    groups = {}
    for name, group in profile.groups.items():
        style = profile.style(group)
        templates = [
            {
                key: renamed(value) if key in ("host", "tag", "pid", "msgid", "message") else value
                for key, value in dumped.items()
            }
            | {"data": {i: {k: renamed(v) for k, v in params.items()} for i, params in dumped["data"].items()}}
            for dumped in (template.model_dump(mode="json") for template in group.templates)
        ]
        groups[_prefixed(profile, name)] = {
            "weight": group.weight,
            "format": str(style.format),
            "zone": style.zone,
            "bom": style.bom,
            "templates": templates,
        }
    return groups


def _renaming(profile: Profile) -> Callable[[str], str]:
    return lambda name: _prefixed(profile, name)
