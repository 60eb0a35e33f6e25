"""When are the tables and the recipe of a capture sound? When all that they say fits together, and lies in the file.

Each condition has its own complaint, in the order of the format's description (`captures.format.layout`).
"""

import json
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import (
    MAX_TRAIN_BYTES,
    MAX_TRAIN_EVENTS,
    TAG_WIDTHS,
    Table,
)
from captures.format.stamps.kinds import LOCAL_ZONE, VERSION_1_KINDS, WIDTHS, ZONED

MAX_RECIPE_DEPTH: Final = 64
"""Objects and arrays of a recipe may be nested so deep, since code that prints or checks a recipe recurses as deep."""
_BLOCK_ROWS: Final = 1 << 17
_DAY_MINUTES: Final = 24 * 60
_TAG_WIDTH_BY_KIND: Final = np.array([TAG_WIDTHS[kind] for kind in sorted(TAG_WIDTHS)], np.int64)


class Unsound(Exception):
    """What is wrong with the file, without its name."""


def require(condition: object, complaint: str) -> None:
    """Raise Unsound with the complaint, unless the condition is true."""
    if not condition:
        raise Unsound(complaint)


def parse_object(raw: bytes, name: str) -> dict[str, Any]:
    """A recipe or a note, whose text is JSON; `name` says which. Raises Unsound."""
    try:
        found = json.loads(raw, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        found = None
    require(isinstance(found, dict), f"the {name} is not a JSON object")
    require(_depth(found) <= MAX_RECIPE_DEPTH, f"the {name} is nested more than {MAX_RECIPE_DEPTH} deep")
    return found  # type: ignore[no-any-return]


def _finite(text: str) -> float:
    """Read a number of the recipe. NaN, Infinity, which are not JSON, and what no float can hold are refused."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number


def _depth(tree: Any) -> int:
    """How deep objects and arrays are nested; counting ends at the limit."""
    depth, level = 0, [tree]
    while level := [value for value in level if isinstance(value, dict | list)]:
        depth += 1
        if depth > MAX_RECIPE_DEPTH:
            break
        level = [inner for value in level for inner in (value.values() if isinstance(value, dict) else value)]
    return depth


def are_zones(kind: NDArray[Any], zone_minutes: NDArray[Any]) -> bool:
    """Whether each zone is one that a stamp of that kind can have."""
    written = (abs(zone_minutes) < _DAY_MINUTES) | (zone_minutes == LOCAL_ZONE)
    return bool(np.where(ZONED[kind], written, zone_minutes == 0).all())


def check_trains(
    trains: Table, payload_bytes: int, events: int, lengths: tuple[int, int], sources: int, version: int
) -> None:
    """Check that trains lie back to back, hold the events that they say, and keep stamps inside their event.

    `lengths` is the header's shortest and longest event. The rows are checked in blocks, so that memory stays flat.
    Version 2 allows empty events, each in a train of its own, and trains without a tag beside others that have one.
    """
    require(len(trains), "it holds no trains")
    offset, first_event, shortest, longest = 0, 0, 1 << 16, -1
    for start in range(0, len(trains), _BLOCK_ROWS):
        block = trains[start : start + _BLOCK_ROWS]
        count, length = block["count"].astype(np.int64), block["length"].astype(np.int64)
        size = count * length
        require(
            count.min() >= 1 and count.max() <= MAX_TRAIN_EVENTS,
            f"a train has fewer than 1 or more than {MAX_TRAIN_EVENTS} events",
        )
        filled = (length > 0) | ((count == 1) & (version > 1))
        require(filled.all(), "a train's events are empty")
        require(size.max() <= MAX_TRAIN_BYTES, f"a train is longer than {MAX_TRAIN_BYTES} bytes")
        starts, firsts = offset + np.cumsum(size) - size, first_event + np.cumsum(count) - count
        require((block["offset"] == starts.astype(np.uint64)).all(), "the trains do not lie back to back")
        require((block["first_event"] == firsts.astype(np.uint64)).all(), "the trains' events have a gap")
        kind = block["stamp_kind"]
        require(kind.max() < (VERSION_1_KINDS if version == 1 else len(WIDTHS)), "a train's kind of stamp is not known")
        stamp_end = block["stamp_column"].astype(np.int64) + WIDTHS[kind]
        require((stamp_end <= length).all(), "a stamp lies outside its event")
        require(are_zones(kind, block["zone_minutes"]), "a train's zone is none")
        _check_tags(block, int(trains["tag_kind"][0]) if version == 1 else None, stamp_end)
        require(block["source"].max() < max(sources, 1), f"a train's source is not one of the header's {sources}")
        offset, first_event = offset + int(size.sum()), first_event + int(count.sum())
        shortest, longest = min(shortest, int(length.min())), max(longest, int(length.max()))
    require(offset == payload_bytes, f"the trains hold {offset} bytes, the payload {payload_bytes}")
    require(first_event == events, f"the trains hold {first_event} events, the header says {events}")
    require(lengths == (shortest, longest), "the header's shortest and longest event are not the trains'")


def _check_tags(block: Table, only_kind: int | None, stamp_end: NDArray[np.int64]) -> None:
    """Check that tags lie inside the event and beside the stamp, which ends at `stamp_end`, and are all `only_kind`."""
    kind, column = block["tag_kind"], block["tag_column"].astype(np.int64)
    require(kind.max() < len(_TAG_WIDTH_BY_KIND), "a train's kind of tag is not known")
    require(only_kind is None or (kind == only_kind).all(), "some trains have a tag and some have none")
    tag_end = column + _TAG_WIDTH_BY_KIND[kind]
    require((tag_end <= block["length"]).all(), "a tag lies outside its event")
    apart = (column >= stamp_end) | (tag_end <= block["stamp_column"])
    require((apart | (kind == 0) | (block["stamp_kind"] == 0)).all(), "a tag lies across its event's stamp")


def check_mix(mix: NDArray[np.uint64], events: int) -> None:
    """Check that the events of all templates, if the capture tells of them, sum to all events."""
    require(not len(mix) or (mix.max() <= events and _total(mix) == events), "the mix does not sum to the events")


def _total(numbers: NDArray[np.uint64]) -> int:
    """The sum of numbers; 64 bits may be too few for it."""
    high, low = numbers >> np.uint64(32), numbers & np.uint64((1 << 32) - 1)
    return (int(high.sum()) << 32) + int(low.sum())


def check_windows(windows: Table, trains: Table, events: int) -> None:
    """Check that windows follow each other in time and in trains, and hold every train and its events.

    A sum of two of the file's numbers may wrap round at 2^64; it is less than the first of them then.
    """
    require(len(windows), "it holds no windows")
    start_ns, duration_ns, first, count = (
        windows[name] for name in ("start_ns", "duration_ns", "first_train", "trains")
    )
    end_ns, end = start_ns + duration_ns, first + count
    require(start_ns[0] == 0 and (start_ns[1:] == end_ns[:-1]).all(), "the windows leave a gap in time")
    require((end_ns >= start_ns).all() and end_ns[-1] < 1 << 63, "the windows last too long")
    require(duration_ns.all() or len(windows) == 1, "a window lasts no time")
    require(first[0] == 0 and (first[1:] == end[:-1]).all(), "the windows leave out a train")
    require((end >= first).all() and end[-1] <= len(trains), "a window ends after the last train")
    require(end[-1] == len(trains), "the windows do not hold every train")
    last = len(trains) - 1
    first_event = np.where(first > last, np.uint64(events), trains["first_event"][np.minimum(first, last)])
    held = np.diff(first_event, append=np.uint64(events))
    require((windows["events"] == held).all(), "a window's events are not those of its trains")
