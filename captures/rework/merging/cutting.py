"""The kernel that cuts merged events into trains: events that follow each other and look alike are one."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.layout import MAX_TRAIN_BYTES, MAX_TRAIN_EVENTS, TRAIN, Table
from captures.format.sections import LIVE

_TRAIN: Final = np.dtype((np.record, TRAIN))
_LIVE: Final = np.dtype((np.record, LIVE))


class Looks(NamedTuple):
    """The trains from which events come."""

    trains: Table
    """TRAIN rows."""
    live: Table
    """LIVE rows, sorted by the rows of `trains`."""


def cut(train_of: NDArray[np.int64], looks: Looks) -> Looks:
    """The trains of events in their new order; `train_of` is the row of `looks.trains` for each, shape (events,).

    Events are in one train if they are of one length and host and have the same stamps and tags in the same columns.
    """
    of_live = looks.live["train"].astype(np.int64)
    first = np.searchsorted(of_live, np.arange(len(looks.trains) + 1))
    trains = np.zeros(len(train_of), _TRAIN)
    live = np.zeros(int(np.diff(first)[train_of].sum()), _LIVE)
    made, lives = cut_trains(train_of, looks.trains.view(_TRAIN), first, looks.live.view(_LIVE), trains, live)
    return Looks(trains[:made].view(TRAIN), live[:lives].view(LIVE))


@kernel
def look_alike(a: Any, b: Any) -> bool:
    """Whether events of two TRAIN rows may be in one, as far as these rows tell."""
    return (
        int64(a.length) == int64(b.length)
        and int64(a.source) == int64(b.source)
        and int64(a.stamp_kind) == int64(b.stamp_kind)
        and int64(a.stamp_column) == int64(b.stamp_column)
        and int64(a.zone_minutes) == int64(b.zone_minutes)
        and int64(a.tag_kind) == int64(b.tag_kind)
        and int64(a.tag_column) == int64(b.tag_column)
    )


@kernel
def live_alike(live: NDArray[Any], a: int, b: int, count: int) -> bool:
    """Whether `count` LIVE rows from `a` on and from `b` on are the same."""
    for i in range(count):
        one, other = live[a + i], live[b + i]
        if int64(one.column) != int64(other.column) or int64(one.kind) != int64(other.kind):
            return False
        if int64(one.zone_minutes) != int64(other.zone_minutes):
            return False
    return True


@kernel
def cut_trains(
    train_of: NDArray[np.int64],
    rows: NDArray[Any],
    first_live: NDArray[np.int64],
    live: NDArray[Any],
    trains: NDArray[Any],
    lives: NDArray[Any],
) -> tuple[int, int]:
    """Fill in the TRAIN and LIVE rows of events; returns how many of both.

    `first_live` is the first row of `live` of each row of `rows`, and the end of the last one: shape (rows + 1,).
    """
    made = made_lives = start = 0
    while start < len(train_of):
        own = train_of[start]
        row, size = rows[own], int64(rows[own].length)
        own_live, own_lives = first_live[own], first_live[own + 1] - first_live[own]
        most = min(MAX_TRAIN_EVENTS, MAX_TRAIN_BYTES // size) if size else 1
        end = start + 1
        while end < len(train_of) and end - start < most:
            other = train_of[end]
            if other != own:
                if first_live[other + 1] - first_live[other] != own_lives or not look_alike(row, rows[other]):
                    break
                if not live_alike(live, own_live, first_live[other], own_lives):
                    break
            end += 1
        train = trains[made]
        train.count, train.length, train.source = end - start, size, int64(row.source)
        train.stamp_column, train.stamp_kind = int64(row.stamp_column), int64(row.stamp_kind)
        train.zone_minutes, train.tag_kind = int64(row.zone_minutes), int64(row.tag_kind)
        train.tag_column = int64(row.tag_column)
        for i in range(own_lives):
            to, what = lives[made_lives], live[own_live + i]
            to.train, to.column, to.kind = made, int64(what.column), int64(what.kind)
            to.zone_minutes = int64(what.zone_minutes)
            made_lives += 1
        made += 1
        start = end
    return made, made_lives
