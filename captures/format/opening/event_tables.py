"""When are the tables of version 2 sound, which have a row for each event or train? When they fit the trains.

The tables are checked in blocks, so that memory stays flat.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.format.capture import Capture
from captures.format.layout import TAG_WIDTHS, TagKind
from captures.format.opening.soundness import are_zones, require
from captures.format.stamps.kinds import WIDTHS

_BLOCK_ROWS: Final = 1 << 18
_TAG_BYTES: Final = TAG_WIDTHS[TagKind.HEX]
_END_NS: Final = 1 << 63


def check_event_tables(capture: Capture) -> None:
    """Check the tables of version 2 that have a row for each event or train, where they are there. Raises Unsound."""
    events = capture.events
    for name, table, rows in (
        ("times", capture.times, events),
        ("order", capture.order, events),
        ("flow_of", capture.flow_of, events),
        ("templates", capture.templates, events),
        ("original", capture.original, events),
    ):
        require(not len(table) or len(table) == rows, f"section {name} has {len(table)} rows, not {rows}")
    _check_times(capture.times, capture.start_ns)
    _check_back(capture.back, capture.times, capture.start_ns)
    for block in _blocks(capture.order):
        require(block.max() < events, "its order names an event that is not there")
    require(len(capture.flow_of) or not len(capture.flows), "it has flows, and does not say of which events")
    for block in _blocks(capture.flow_of):
        require(block.max() < len(capture.flows), "an event's flow is not there")
    for block in _blocks(capture.flows):
        require((block["vlan_count"] <= 2).all(), "a flow has more than two VLAN tags")
        require(np.isin(block["family"], (4, 6)).all(), "a flow's addresses are neither of IPv4 nor of IPv6")
        require(not len(capture.links) or block["link"].max() < len(capture.links), "a flow's link is not there")
    for block in _blocks(capture.templates):
        require(not len(capture.mix) or block.max() < len(capture.mix), "an event's template is not one of the mix")
    _check_live(capture.live, capture.trains)


def _blocks(table: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for start in range(0, len(table), _BLOCK_ROWS):
        yield table[start : start + _BLOCK_ROWS]


def _check_times(times: NDArray[np.uint64], start_ns: int) -> None:
    last = np.uint64(0)
    for block in _blocks(times):
        require(block[0] >= last and (block[1:] >= block[:-1]).all(), "its instants descend")
        last = block[-1]
    require(start_ns + int(last) < _END_NS, "it ends after the year 2262")


def _check_back(back: NDArray[Any], times: NDArray[np.uint64], start_ns: int) -> None:
    last = -1
    for block in _blocks(back):
        event = block["event"]
        require(event.max() < len(times), "an earlier instant is of an event that is not there")
        require(int(event[0]) > last and (event[1:] > event[:-1]).all(), "the earlier instants are not in order")
        last = int(event[-1])
        require((block["by_ns"] <= times[event] + np.uint64(start_ns)).all(), "an event is from before 1970")


def _check_live(live: NDArray[Any], trains: NDArray[Any]) -> None:
    """Check that further stamps lie in their event, one behind the other, and across neither tag nor first stamp."""
    last_train, last_end = -1, 0
    for block in _blocks(live):
        train, column, kind = (block[name].astype(np.int64) for name in ("train", "column", "kind"))
        require(block["train"].max() < len(trains), "a stamp is of a train that is not there")
        require(kind.min() > 0 and kind.max() < len(WIDTHS), "the kind of a further stamp is not known")
        end, rows = column + WIDTHS[kind], trains[train]
        require((end <= rows["length"]).all(), "a further stamp lies outside its event")
        require(are_zones(kind, block["zone_minutes"]), "the zone of a further stamp is none")
        before_train, before_end = np.append(last_train, train[:-1]), np.append(last_end, end[:-1])
        behind = (train > before_train) | ((train == before_train) & (column >= before_end))
        require(behind.all(), "further stamps are not in order, or lie across each other")
        last_train, last_end = int(train[-1]), int(end[-1])
        for start, width in (
            (rows["stamp_column"].astype(np.int64), WIDTHS[rows["stamp_kind"]]),
            (rows["tag_column"].astype(np.int64), _TAG_BYTES * (rows["tag_kind"] > 0)),
        ):
            apart = (column >= start + width) | (end <= start) | (width == 0)
            require(apart.all(), "a further stamp lies across its event's tag or first stamp")
