"""What do tags say, and how are they written? They name an event's run, its port, and its number on that port.

A lane numbers its events in the order in which it sends them, so the numbers of a train are consecutive. The heads of
their tags are one text for the whole train, and the tails are a slice of a table: two strided assignments write both.
The numbers count the lane's events from the start of the run, which the board knows. So a worker that replaces another
one goes on with the next number.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import RunError
from captures.console.units import counted
from captures.format.layout import MAX_TRAIN_EVENTS
from captures.format.tags import (
    HEAD_BYTES,
    MAX_RUN,
    MAX_SEQUENCE,
    TAIL_BLOCK,
    TAIL_BYTES,
    head_text,
    same_head,
    tail_block,
)
from replay.schedule.pieces import Pieces
from replay.unaligned import text_at_each_byte

_HEAD: Final = f"S{HEAD_BYTES}"
_TAIL: Final = f"S{TAIL_BYTES}"
"""The dtypes of heads and tails. They hold no zero bytes, and numpy has special loops for their widths, which take half
the time of those for other widths."""


class Tagging(NamedTuple):
    """The tags that a run writes into its events."""

    run: int
    """The number of the run, from 1 to MAX_RUN."""
    ports: Sequence[int]
    """The port of each lane."""


def new_run() -> int:
    """A random number for a run, which hardly any other run has."""
    return secrets.randbelow(MAX_RUN) + 1


def run_text(run: int) -> str:
    """A run's number as it is written in tags and reports."""
    return f"{run:08x}"


def parse_run(text: str) -> int:
    """The number of a run from a text like `1f3a9c07`. Raises ValueError with an example."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}", text.strip()) or not (run := int(text, 16)):
        raise ValueError(f"{text!r} is no id of a run; write eight hexadecimal digits, not all 0, like 1f3a9c07")
    return run


class _Block:
    """The texts of a block of numbers, among them the one that a lane has reached."""

    __slots__ = ("_port", "_run", "first", "head", "room", "tails")

    def __init__(self, run: int, port: int) -> None:
        self._run, self._port = run, port
        self.turn(0)

    def turn(self, sequence: int) -> None:
        """Go on to the block with the number `sequence`. Raises RunError when the lane's numbers are used up."""
        if sequence + TAIL_BLOCK > MAX_SEQUENCE:
            raise RunError(
                f"port {self._port} got {counted(sequence, 'event')}, and tags can't count further; use more ports"
            )
        block = sequence // TAIL_BLOCK
        self.first = block * TAIL_BLOCK
        self.tails = tail_block(block)
        self.head = np.frombuffer(head_text(self._run, self._port, sequence), _HEAD)
        # A train may reach into the next block, unless the head changes there.
        whole = same_head(self.first, TAIL_BLOCK + MAX_TRAIN_EVENTS) > TAIL_BLOCK
        self.room = TAIL_BLOCK if whole else TAIL_BLOCK - MAX_TRAIN_EVENTS


class TagWriter:
    """Writes tags into a buffer."""

    def __init__(self, buffer: NDArray[np.uint8], tagging: Tagging) -> None:
        """Write the tags of `tagging` into `buffer`, where a batch is staged."""
        self._heads = text_at_each_byte(buffer, HEAD_BYTES).view(_HEAD)
        self._tails = text_at_each_byte(buffer, TAIL_BYTES).view(_TAIL)
        self._blocks = [_Block(tagging.run, port) for port in tagging.ports]

    def write(self, pieces: Pieces, first: int, end: int, shift: int, lane: int) -> None:
        """Write the tags of the pieces `first` to `end` of `lane`.

        Their bytes lie `shift` from their place in the payload. Raises RunError when a lane's numbers are used up.
        """
        block, to_tail = self._blocks[lane], shift + HEAD_BYTES
        for start, stop, step, sequence, after in pieces.tags[first:end]:
            place = sequence - block.first
            if not 0 <= place < block.room:
                block.turn(sequence)
                place = sequence - block.first
                if place >= block.room:
                    self._write_singly(start + shift, step, sequence, after, block)
                    continue
            self._heads[start + shift : stop + shift : step] = block.head
            self._tails[start + to_tail : stop + to_tail : step] = block.tails[place : after - block.first]

    def _write_singly(self, place: int, step: int, sequence: int, after: int, block: _Block) -> None:
        """Write the tags of a train event by event, where the head may change within it: once in 2^32 events."""
        for number in range(sequence, after):
            block.turn(number)
            self._heads[place] = block.head[0]
            self._tails[place + HEAD_BYTES] = block.tails[number - block.first]
            place += step
