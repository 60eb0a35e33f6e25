"""Profiles for people: which are built in, and what is in one."""

from collections.abc import Iterator
from itertools import takewhile

from captures.console.units import counted, fitted, shortened
from precompute.fields.kinds import KINDS, Field
from precompute.profile.lines import TagPlace
from precompute.profile.loading import built_in_names, built_in_text
from precompute.profile.model import Profile
from precompute.rendering.frames import make_frames


def profile_list() -> str:
    """A line for each built-in profile, with the first line of its comment."""
    width = max(map(len, built_in_names()))
    return "\n".join(
        fitted(f"{name:<{width}}  {_comment(built_in_text(name))}", width + 2) for name in built_in_names()
    )


def _comment(text: str) -> str:
    lines = (line.removeprefix("#").strip() for line in takewhile(lambda line: line.startswith("#"), text.splitlines()))
    return next(lines, "")


def profile_table(profile: Profile) -> str:
    """What a profile holds: its style, its templates with their shares, and its fields."""
    frames = make_frames(profile)
    styles = sorted({f"{style.format} in {style.zone}" for _, style, _ in profile.templates()})
    return "\n".join(
        [
            f"profile   {profile.name}",
            f"format    {', '.join(styles)}",
            f"events    {float(frames.mean_bytes):.1f} bytes in the mean",
            f"timeline  {'a constant rate' if profile.timeline is None else 'its own, in builds with --duration'}",
            *([] if frames.hosts is None else [f"source    {profile.source}, {counted(frames.hosts.count, 'value')}"]),
            *_tags(profile),
            "",
            *_templates(profile),
            "",
            *_fields(profile),
        ]
    )


def _tags(profile: Profile) -> Iterator[str]:
    if profile.tag_place is not None:
        yield f"tags      room for one in each event{' before its message' * (profile.tag_place == TagPlace.FRONT)}"


def _templates(profile: Profile) -> Iterator[str]:
    templates = list(profile.templates())
    width = max(len(place) for place, _, _ in templates)
    yield f"{'template':<{width}}  {'share':>8}  {'severity':<8}  message"
    for (place, _, template), share in zip(templates, profile.shares(), strict=True):
        row = f"{place:<{width}}  {float(share):8.3%}  {template.severity:<8}  "
        yield row + shortened(template.message, len(row))


def _fields(profile: Profile) -> Iterator[str]:
    width = max(map(len, profile.fields), default=5)
    yield f"{'field':<{width}}  kind"
    for name, field in profile.fields.items():
        yield f"{name:<{width}}  {_kind(field)}"


def _kind(field: Field) -> str:
    return next(kind for kind, model in KINDS.items() if isinstance(field, model))
