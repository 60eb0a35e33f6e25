"""Tags at sending: which run an event is of, to which port it goes, and as which one, written like stamps.

A lane's events are numbered in the order in which it sends them, so those of a train are consecutive: their heads are
one text for the whole train and their tails a slice of a table, two strided assignments whatever the train's length.
The number is that of the lane's events from the start of the run, which the board knows; so a worker that takes
another's place goes on with the number after.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.command import Parsed
from captures.errors import RunError
from captures.tags import HEAD_BYTES, MAX_RUN, MAX_SEQUENCE, TAIL_BYTES, head_text, same_head, tails
from replay.stamps import places
from replay.stripes import Pieces

_HEAD: Final = f"V{HEAD_BYTES}"


class Tagging(NamedTuple):
    """What a run writes into its events."""

    run: int
    """1 to MAX_RUN."""
    ports: Sequence[int]
    """The port of each lane."""


def new_run() -> int:
    """A number for a run that no other is likely to have."""
    return secrets.randbelow(MAX_RUN) + 1


def run_text(run: int) -> str:
    """A run's number as it stands in tags and reports."""
    return f"{run:08x}"


def parse_run(text: str) -> int:
    """The number of a run that is written like `1f3a9c07`. Raises ValueError with an example."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}", text.strip()) or not (run := int(text, 16)):
        raise ValueError(f"{text!r} is no id of a run; write eight hexadecimal digits, not all 0, like 1f3a9c07")
    return run


RUN: Final = Parsed("id", parse_run)
"""The type of a `--run-id` flag."""


class TagWriter:
    """Writes tags into a buffer."""

    def __init__(self, buffer: NDArray[np.uint8], tagging: Tagging) -> None:
        """Write those of `tagging` into `buffer`, where a batch is staged."""
        self._heads = places(buffer, HEAD_BYTES)
        self._tails = places(buffer, TAIL_BYTES)
        self._tagging = tagging
        self._head = [self._make_head(lane, 0) for lane in range(len(tagging.ports))]

    def _make_head(self, lane: int, sequence: int) -> NDArray[np.void]:
        """The head of a lane's events around a number, shape (1,)."""
        return np.frombuffer(head_text(self._tagging.run, self._tagging.ports[lane], sequence), _HEAD)

    def write(self, pieces: Pieces, first: int, end: int, shift: int, lane: int) -> None:
        """Write the tags of the pieces `first` to `end` of `lane`.

        Their bytes lie `shift` from their place in the payload. Raises RunError when a lane's numbers are used up.
        """
        heads, numbers, head = self._heads, self._tails, self._head[lane]
        for start, stop, step, sequence in pieces.tags[first:end]:
            count = (stop - start) // step
            if (sequence + count) >> 32:
                self._write_late(start + shift, step, count, sequence, lane)
                continue
            place = start + shift
            heads[place : stop + shift : step] = head
            numbers[place + HEAD_BYTES : stop + shift + HEAD_BYTES : step] = tails(sequence, count)

    def _write_late(self, place: int, step: int, count: int, sequence: int, lane: int) -> None:
        """The same past 2^32 events of a lane, where the head changes."""
        if sequence + count > MAX_SEQUENCE:
            raise RunError(
                f"a port has been sent {MAX_SEQUENCE:,} events, and tags can't count further; use more ports"
            )
        while count:
            part = same_head(sequence, count)
            end = place + part * step
            self._heads[place:end:step] = self._make_head(lane, sequence)
            self._tails[place + HEAD_BYTES : end + HEAD_BYTES : step] = tails(sequence, part)
            place, sequence, count = end, sequence + part, count - part
