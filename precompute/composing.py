"""Profiles made of others: `include: {system: 40, web: 25}`.

Every included profile keeps its fields, its formats and the proportions of its groups; names are made unique by its
own name in front. What comes out is an ordinary profile, so a recipe needs no other file.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from precompute.profile import Profile
from precompute.sampling import integer_weights
from precompute.template import rename_fields

Tree = dict[str, Any]


def composed(tree: Tree, parts: Mapping[str, tuple[Profile, float]]) -> Tree:
    """The tree of a profile with the included `parts` (profile and weight, by name) among its fields and groups.

    The weights of groups that stand in `tree` itself are against those of the parts.
    """
    own_fields, own_groups = dict(tree.get("fields") or {}), dict(tree.get("groups") or {})
    own_fields |= {key: field for profile, _ in parts.values() for key, field in _fields(profile).items()}
    shares = {
        name: Fraction(weight)
        * Fraction(group.weight)
        / sum(Fraction(other.weight) for other in profile.groups.values())
        for profile, weight in parts.values()
        for name, group in ((_prefixed(profile, key), group) for key, group in profile.groups.items())
    }
    kept = {name: _weight(group) for name, group in own_groups.items()}
    whole = shares | {name: Fraction(weight) for name, weight in kept.items() if weight is not None}
    weights = dict(zip(whole, integer_weights(list(whole.values())), strict=True))
    own_groups |= {key: group for profile, _ in parts.values() for key, group in _groups(profile).items()}
    for name, weight in weights.items():
        own_groups[name] = own_groups[name] | {"weight": weight}
    return {key: value for key, value in tree.items() if key != "include"} | {
        "fields": own_fields,
        "groups": own_groups,
    }


def _weight(group: Any) -> float | None:
    """The weight of a group's tree; None when it has none that counts, which is for its model to say."""
    weight = group.get("weight") if isinstance(group, dict) else None
    return weight if type(weight) in (int, float) else None


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
