"""Events on their way into a capture: where their bytes are, and all that is known of each."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from captures.events.gathering import gathered
from captures.text.finding import Found


@dataclass(frozen=True, eq=False)
class Events:
    """Some events in order. But for `data`, all fields are arrays with a row for each event."""

    data: NDArray[np.uint8]
    """The memory in which their bytes are."""
    place: NDArray[np.int64]
    length: NDArray[np.int64]
    original: NDArray[np.int64]
    """The bytes that each had before it was cut."""
    times: NDArray[np.int64]
    """When it is sent: ns since the first event of all, never descending."""
    back: NDArray[np.int64]
    """By how many ns it really came earlier."""
    flow: NDArray[np.int64]
    host: NDArray[np.int64]
    said: NDArray[Any]
    """EVENT rows of `captures.text.finding`."""
    stamps: NDArray[Any]
    """FIELD rows of `captures.text.finding`, shape (events, FIELDS)."""

    @property
    def found(self) -> Found:
        """What they say."""
        return Found(self.said, self.stamps)

    def chosen(self, which: Any) -> Self:
        """The events that an index of numpy chooses."""
        return replace(self, **{name: getattr(self, name)[which] for name in _COLUMNS})

    def packed(self) -> Self:
        """The same, in memory that holds nothing else."""
        data = gathered(self.data, self.place, self.length)
        return replace(self, data=data, place=np.cumsum(self.length) - self.length)

    def joined(self, behind: Self) -> Self:
        """These and others behind them, in memory that holds nothing else."""
        one, other = self.packed(), behind.packed()
        columns = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in _COLUMNS}
        columns["place"][len(one.place) :] += len(one.data)
        return replace(one, data=np.concatenate([one.data, other.data]), **columns)


_COLUMNS = tuple(field.name for field in fields(Events) if field.name != "data")
