"""What does a capture tell of where it came from? Version 2 has addresses, an original order, several stamps, a note.

Captures of version 1 were rendered from a recipe, and tell nothing of this.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.console.harmless import harmless
from captures.console.units import counted, shortened
from captures.format.capture import Capture
from captures.format.stamps.kinds import StampKind
from captures.packets.headers.reasons import told

_ROWS_AT_ONCE: Final = 1 << 18
_SHOWN_NAMES: Final = 3
_SHOWN_KINDS: Final = 6


@dataclass(frozen=True)
class Origin:
    """What a capture of version 2 tells besides its events."""

    version: int
    note: dict[str, Any]
    """What the writer wrote of where it came from. It may be anything."""
    hosts: int
    """How many sources the capture tells apart; 0: none."""
    flows: int
    """From where to where events went. An import knows others, too, of packets without an event."""
    links: int
    """How many interfaces the packets were captured on; 0: it does not tell."""
    exact_instants: bool
    """Whether each event has an instant of its own."""
    moved_events: int
    """Events that have another place in the order of replay than in the original one."""
    stepped_back_events: int
    """Events that came, by their instant, before one in front of them."""
    cut_events: int
    """Events that are shorter than they were once."""
    empty_events: int
    tagged_events: int
    stamps: dict[str, int]
    """Stamps of each kind in all events, by the name of the kind."""
    further_stamps: int
    """Those of them that are not the first of their event."""


def origin_of(capture: Capture) -> Origin | None:
    """What an open capture tells of its origin; None for version 1. Memory stays flat."""
    if capture.version == 1:
        return None
    counts = capture.trains["count"]
    stamps = np.zeros(len(StampKind), np.int64)
    empty = tagged = cut = further = 0
    for rows in _blocks(capture.trains):
        events = rows["count"].astype(np.int64)
        np.add.at(stamps, rows["stamp_kind"], events)
        empty += int(events[rows["length"] == 0].sum())
        tagged += int(events[rows["tag_kind"] > 0].sum())
        if len(capture.original):
            first = int(rows["first_event"][0])
            original = capture.original[first : first + int(events.sum())]
            cut += int(np.count_nonzero(original > np.repeat(rows["length"], events)))
    stamps[StampKind.NONE] = 0
    for rows in _blocks(capture.live):
        events = counts[rows["train"].astype(np.int64)].astype(np.int64)
        np.add.at(stamps, rows["kind"], events)
        further += int(events.sum())
    return Origin(
        version=capture.version,
        note=capture.note,
        hosts=capture.sources,
        flows=_flows(capture),
        links=len(capture.links),
        exact_instants=len(capture.times) > 0,
        moved_events=_moved(capture.order),
        stepped_back_events=len(capture.back),
        cut_events=cut,
        empty_events=empty,
        tagged_events=tagged,
        stamps={StampKind(kind).name: int(stamps[kind]) for kind in np.flatnonzero(stamps).tolist()},
        further_stamps=further,
    )


def _blocks(table: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for start in range(0, len(table), _ROWS_AT_ONCE):
        yield table[start : start + _ROWS_AT_ONCE]


def _flows(capture: Capture) -> int:
    """How many flows have events."""
    has_events = np.zeros(len(capture.flows), np.bool_)
    for flow_of in _blocks(capture.flow_of):
        has_events[flow_of] = True
    return int(np.count_nonzero(has_events))


def _moved(order: NDArray[np.uint64]) -> int:
    """How many events have another number in the original order."""
    moved = 0
    for number, part in enumerate(_blocks(order)):
        start = number * _ROWS_AT_ONCE
        moved += int(np.count_nonzero(part != np.arange(start, start + len(part), dtype=np.uint64)))
    return moved


def _told(count: object, reason: object) -> str:
    """How many of what were left out. A note may hold anything."""
    return told(count, str(reason)) if isinstance(count, int) else f"{count} {reason}"


def origin_rows(origin: Origin) -> Iterator[tuple[str, str]]:
    """The same for people: what each line is about, and what it says. It is harmless, whatever the note holds."""
    yield "format", f"version {origin.version}; {_maker(origin.note)}"
    left_out = origin.note.get("left_out")
    if isinstance(left_out, dict) and left_out:
        yield "left out", harmless("; ".join(_told(count, reason) for reason, count in left_out.items()))[:1000]
    hosts = _some(origin.note.get("hosts"))
    yield "hosts", f"{origin.hosts:,}{f': {hosts}' if hosts else ''}" if origin.hosts else "not told apart"
    flows = f"{counted(origin.flows, 'flow')} over {counted(origin.links, 'link')}" if origin.flows else "no addresses"
    yield "flows", flows
    moved = f"{counted(origin.moved_events, 'event')} moved" if origin.moved_events else "as in the original"
    instants = "an instant of its own for each event" if origin.exact_instants else "no instants of events"
    back = f", {counted(origin.stepped_back_events, 'event')} of a clock that stepped back"
    yield "order", f"{moved}; {instants}{back * (origin.stepped_back_events > 0)}"
    odd = (("cut short", origin.cut_events), ("empty", origin.empty_events), ("tagged", origin.tagged_events))
    if any(count for _, count in odd):
        yield "events", ", ".join(f"{count:,} {what}" for what, count in odd if count)
    yield "stamps", _stamps(origin)


def _maker(note: dict[str, Any]) -> str:
    """Who made it, and of what."""
    maker, tool, sources = note.get("made_by"), note.get("tool"), _some(note.get("sources"))
    made = " of ".join(filter(None, (maker if isinstance(maker, str) else "", sources)))
    tool = f"by {tool}" if isinstance(tool, str) else ""
    told = ", ".join(filter(None, (made, tool)))
    return harmless(told)[:1000] or "it does not say where it came from"


def _stamps(origin: Origin) -> str:
    """The commonest kinds of stamp."""
    kinds = sorted(origin.stamps.items(), key=lambda item: -item[1])
    if not kinds:
        return "none are known"
    shown = ", ".join(f"{count:,} {name}" for name, count in kinds[:_SHOWN_KINDS])
    more, further = len(kinds) - _SHOWN_KINDS, f"; {origin.further_stamps:,} are not the first of their event"
    return shown + f" and {counted(more, 'other kind')}" * (more > 0) + further * (origin.further_stamps > 0)


def _some(names: Any) -> str:
    """The first of some names, and how many there are besides."""
    if not isinstance(names, list):
        return ""
    shown = [shortened(harmless(name), 40) for name in names[:_SHOWN_NAMES] if isinstance(name, str)]
    more = len(names) - _SHOWN_NAMES
    return ", ".join(shown) + (f" and {more:,} more" if shown and more > 0 else "")
