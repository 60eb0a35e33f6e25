"""What a comparison tells: as a value, as JSON, and as lines for people."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from captures.console.harmless import harmless
from captures.console.units import SECOND_NS, counted, format_duration, shortened


class Fate(StrEnum):
    """What became of an event."""

    LOST = "lost"
    """It is in the first capture alone."""
    EXTRA = "extra"
    """It is in the second capture alone."""
    CHANGED = "changed"
    """It is in both, at the same place among those around it, and half of its bytes at least are the same."""
    MOVED = "moved"
    """It is in both, and comes in the second one behind an event that it preceded in the first (RFC 4737)."""


@dataclass(frozen=True)
class Difference:
    """An event that differs; a number is one of the order of replay, from 0, and None where there is no such event."""

    fate: Fate
    first: int | None
    second: int | None
    text: str
    """The first one's text, or else the second one's."""
    columns: tuple[tuple[int, int], ...] = ()
    """Of a changed one: the first and the last column of each stretch of bytes that differ."""


@dataclass(frozen=True)
class Delays:
    """How much later events are in the second capture than in the first, each from its capture's start on; ns."""

    events: int
    least_ns: int
    median_ns: int
    p99_ns: int
    most_ns: int


@dataclass
class Differences:
    """All that was found."""

    first: str
    second: str
    first_events: int
    second_events: int
    same: int = 0
    """Events that are the same but for what is live, moved ones too."""
    lost: int = 0
    extra: int = 0
    changed: int = 0
    other_length: int = 0
    """Those of the changed ones that have another length."""
    moved: int = 0
    other_flow: int | None = None
    """Events that are the same and have other addresses, ports or protocol; None: one of the captures has none."""
    delays: Delays | None = None
    """None: one of the captures has no time axis, or no event is the same."""
    other_recipe: list[str] | None = None
    """The keys by which the recipes differ; None: one of the captures has no recipe."""
    shown: list[Difference] = field(default_factory=list)

    @property
    def alike(self) -> bool:
        """Whether both have the same events in the same order, but for what is live."""
        return not (self.lost or self.extra or self.changed or self.moved)

    def figures(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"schema": 1, "alike": self.alike, **asdict(self)}

    def text(self) -> str:
        """The same for people."""
        rows = [f"{'alike' if self.alike else 'different'} but for stamps and tags"]
        rows.append(f"events     {self.first_events:,} and {self.second_events:,}; {self.same:,} are the same")
        if not self.alike:
            lengths = f" ({self.other_length:,} of other length)" if self.other_length else ""
            rows.append(f"of them    {self.lost:,} lost, {self.extra:,} extra, {self.changed:,} changed{lengths}")
            rows.append(f"order      {counted(self.moved, 'event')} moved")
        if self.other_flow is not None:
            rows.append(f"flows      {counted(self.other_flow, 'event')} with other addresses, ports or protocol")
        if delays := self.delays:
            values = (delays.least_ns, delays.median_ns, delays.p99_ns, delays.most_ns)
            rows.append(_later(values))
        if self.other_recipe is not None:
            rows.append(
                f"recipe     {'differs in ' + ', '.join(self.other_recipe) if self.other_recipe else 'the same'}"
            )
        rows += [_line(difference) for difference in self.shown]
        return "\n".join(rows)


def _later(values: tuple[int, ...]) -> str:
    least, median, p99, most = (_signed(value) for value in values)
    return f"later by   {least} to {most}; half by {median} at most, 99% by {p99}"


def _signed(duration_ns: int) -> str:
    """A duration of either sign, to three digits where it is shorter than a second."""
    size_ns = abs(duration_ns)
    if size_ns < SECOND_NS:
        size_ns = round(size_ns, 3 - len(str(size_ns)))
    return f"{'-' if duration_ns < 0 else ''}{format_duration(size_ns)}"


def _line(difference: Difference) -> str:
    numbers = " ".join("-" if number is None else str(number) for number in (difference.first, difference.second))
    columns = ",".join(f"{first}-{last}" if first < last else str(first) for first, last in difference.columns[:8])
    front = f"{difference.fate:<10} {numbers} {f'columns {columns} ' if columns else ''}"
    return front + shortened(harmless(difference.text), len(front))
