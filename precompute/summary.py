"""An inspection as text for people."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from captures.units import format_size
from precompute.inspection import Inspection
from precompute.text import harmless

_MAX_BINS: Final = 16
_BAR_WIDTH: Final = 40
_MESSAGE_WIDTH: Final = 60


def summary(inspection: Inspection) -> str:
    """All figures of a capture, some thirty lines."""
    return "\n".join([*_totals(inspection), "", *_histogram(inspection.lengths), "", *_mix(inspection)])


def _totals(found: Inspection) -> Iterator[str]:
    shortest, longest = min(found.lengths), max(found.lengths)
    yield f"events   {found.events:,} of {shortest} to {longest} bytes, mean {found.mean_bytes:.1f}"
    yield f"payload  {found.payload_bytes:,} bytes ({format_size(found.payload_bytes)})"
    yield f"trains   {found.trains:,} of {found.mean_train:.1f} events in the mean"
    yield f"recipe   {_recipe(found.recipe)}"
    yield f"digest   {found.digest}"


def _recipe(recipe: dict[str, Any]) -> str:
    """The recipe without its bulk: its numbers and texts, and the profile's name."""
    profile = recipe.get("profile")
    name = profile.get("name") if isinstance(profile, dict) else profile
    shown = {"profile": name} | {key: value for key, value in recipe.items() if key != "profile"}
    parts = [f"{key} {value}" for key, value in shown.items() if isinstance(value, str | int | float)]
    return harmless(", ".join(parts)) or "empty"


def _histogram(lengths: dict[int, int]) -> Iterator[str]:
    """Events by length, in at most `_MAX_BINS` bins of equal width."""
    low, events = min(lengths), sum(lengths.values())
    width = (max(lengths) - low) // _MAX_BINS + 1
    bins = [
        (low + number * width, sum(lengths[length] for length in group))
        for number, group in groupby(sorted(lengths), key=lambda length: (length - low) // width)
    ]
    highest = max(count for _, count in bins)
    yield f"{'bytes':>11}  {'events':>15}  {'share':>6}"
    for start, count in bins:
        bar = "#" * round(count / highest * _BAR_WIDTH)
        yield f"{start:>5}-{start + width - 1:<5}  {count:>15,}  {count / events:6.1%}  {bar}".rstrip()


def _mix(found: Inspection) -> Iterator[str]:
    if found.mix is None:
        yield "mix unknown: the recipe holds no profile of this tool"
        return
    width = max(len(template.place) for template in found.mix)
    yield f"{'template':<{width}}  {'events':>15}  {'share':>8}  {'weight':>8}"
    for template in found.mix:
        message = template.message
        shown = message if len(message) <= _MESSAGE_WIDTH else message[: _MESSAGE_WIDTH - 3] + "..."
        yield (
            f"{template.place:<{width}}  {template.events:>15,}  {template.share:8.3%}  {template.weight:8.3%}  {shown}"
        )
