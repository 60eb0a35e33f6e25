"""An inspection as text for people."""

from collections.abc import Iterator
from itertools import groupby
from math import ceil, log10
from typing import Any, Final

import numpy as np

from captures.console.harmless import harmless
from captures.console.units import counted, fitted, format_duration, format_size, shortened
from precompute.inspection.figures import Inspection
from precompute.inspection.origin import origin_rows
from precompute.profile.lines import TagPlace

_MAX_BINS: Final = 16
_BAR_WIDTH: Final = 40


def summary(inspection: Inspection) -> str:
    """All figures of a capture, some fifty lines."""
    parts = (_totals, _rate, _histogram, _mix, _payload, _fields)
    return "\n\n".join(text for part in parts if (text := "\n".join(fitted(row, 9) for row in part(inspection))))


def _totals(found: Inspection) -> Iterator[str]:
    shortest, longest = min(found.lengths), max(found.lengths)
    yield f"events   {found.events:,} of {shortest} to {longest} bytes, mean {found.mean_bytes:.1f}"
    if found.length_test is not None:
        test = found.length_test
        yield (
            f"lengths  mean {test.asked_mean_bytes:.1f} asked; "
            f"{test.misplaced:.2%} of the events would need another length for all shares to be as asked"
        )
    yield f"payload  {counted(found.payload_bytes, 'byte')} ({format_size(found.payload_bytes)})"
    yield f"trains   {found.trains:,} of {found.mean_train:.1f} events in the mean"
    if found.tagged:
        yield f"tags     room for one in each event{' before its message' * (found.tag_place == TagPlace.FRONT)}"
    yield f"recipe   {recipe_line(found.recipe)}"
    yield f"digest   {found.digest}"
    for about, text in () if found.origin is None else origin_rows(found.origin):
        yield f"{about:<8} {text}"


def recipe_line(recipe: dict[str, Any] | None) -> str:
    """The recipe without its bulk: its numbers and texts, and the profile's name."""
    if recipe is None:
        return "none: it was not rendered from a profile"
    profile = recipe.get("profile")
    name = profile.get("name") if isinstance(profile, dict) else profile
    shown = {"profile": name} | {key: value for key, value in recipe.items() if key != "profile"}
    parts = [f"{key} {value}" for key, value in shown.items() if isinstance(value, str | int | float)]
    return harmless(", ".join(parts)) or "empty"


def _rate(found: Inspection) -> Iterator[str]:
    """The time axis, in at most `_MAX_BINS` stretches."""
    rate = found.rate
    if rate is None:
        return
    yield (
        f"time     {format_duration(round(rate.duration_s * 1e9))} in {counted(rate.windows, 'window')}; "
        f"{_eps(rate.mean_eps)} EPS in the mean, {_eps(rate.lowest_eps)} to {_eps(rate.peak_eps)}"
    )
    bins = max(min(round(rate.duration_s * 1e9), _MAX_BINS), 1)
    width_s = rate.duration_s / bins
    places = 0 if width_s >= 1 else min(ceil(-log10(width_s)), 9)
    for start_s in (number * width_s for number in range(bins)):
        end_s = start_s + width_s
        eps = sum(
            max(0.0, min(end_s, begun + lasting) - max(start_s, begun)) * part for begun, lasting, part in rate.points
        )
        bar = "#" * round(eps / width_s / max(rate.peak_eps, 1e-9) * _BAR_WIDTH)
        start = format_duration(round(round(start_s, places) * 1e9))
        yield f"{start:>11}  {_eps(eps / width_s):>15}  {bar}".rstrip()


def _eps(rate: float) -> str:
    """A rate for people, of which two digits stay if it is below 1."""
    return f"{rate:,.0f}" if rate >= 1 or not rate else np.format_float_positional(rate, 2, fractional=False, trim="-")


def _histogram(found: Inspection) -> Iterator[str]:
    """Events by length, in at most `_MAX_BINS` bins of equal width."""
    lengths = found.lengths
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
        upto = f"-{start + width - 1}" if width > 1 else ""
        yield f"{start:>5}{upto:<6}  {count:>15,}  {count / events:6.1%}  {bar}".rstrip()


def _mix(found: Inspection) -> Iterator[str]:
    if found.recipe is None:
        return
    if found.mix is None:
        yield "mix unknown: the recipe holds no profile of this tool"
        return
    width = max(len(template.place) for template in found.mix)
    yield f"{'template':<{width}}  {'events':>15}  {'share':>8}  {'weight':>8}"
    for template in found.mix:
        row = f"{template.place:<{width}}  {template.events:>15,}  {template.share:8.3%}  {template.weight:8.3%}  "
        yield row + shortened(template.message, len(row))
    if found.mix_test is not None:
        test = found.mix_test
        yield (
            f"chi-square {test.statistic:.3f} with {test.freedom} degrees of freedom, p {test.p:.4f}; "
            "templates are dealt by their weights, not drawn, so p is near 1"
        )


def _payload(found: Inspection) -> Iterator[str]:
    payload = found.payload
    yield f"of a sample of {counted(payload.events, 'event')}:"
    yield f"entropy  {payload.entropy_bits:.2f} bits a byte, {payload.body_entropy_bits:.2f} behind the stamps"
    yield f"zstd     {payload.zstd_ratio:.2f} to 1"
    yield f"bodies   {payload.distinct_bodies:.2%} are the first of their kind"


def _fields(found: Inspection) -> Iterator[str]:
    if found.fields is None:
        return
    width = max([len("field"), *(len(field.field) for field in found.fields)])
    head = "values seen", "possible", "share", "error", "asked"
    yield f"{'field':<{width}}  {_columns(head)}  likeliest"
    for field in found.fields:
        first = field.top[0]
        possible = "new" if field.possible is None else f"{field.possible:,}"
        asked = "" if first.expected is None else f"{first.expected:.2%}"
        figures = f"{field.distinct:,}", possible, f"{first.share:.2%}", f"±{first.error:.2%}", asked
        row = f"{field.field:<{width}}  {_columns(figures)}  "
        yield row + shortened(harmless(first.value), len(row))
    yield "shares are estimated from the sample, and are off by no more than the error in 19 of 20 cases"
    if found.unrecognised:
        yield f"{counted(found.unrecognised, 'sampled event')} of no template of the profile"


def _columns(cells: tuple[str, ...]) -> str:
    """The figures of a field, to the right of their columns."""
    return "  ".join(f"{cell:>{wide}}" for cell, wide in zip(cells, (11, 9, 7, 7, 7), strict=True))
