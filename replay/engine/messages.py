"""The kernels that make messages for sendmmsg(2) of a batch: one for each train, or without GSO one for each event.

A train of one event is sent as any datagram is, since the kernel cuts no empty one.

The `udp` backend completes a message with an address, and with a control message that says where to cut the train;
the `packet` backend with the headers of a frame.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from replay.board.journal import STAGED_TRAINS, Journal, load
from replay.path.headers import Headers, write_header
from replay.path.sources import pick


class Messages(NamedTuple):
    """What messages are made of."""

    parts: NDArray[Any]
    """IOVEC rows, shape (MESSAGES, 2); the `udp` backend uses the second ones only."""
    buffer: NDArray[np.uint8]
    """The memory in which trains are staged."""
    framed: bool
    """Whether a message begins with the headers of a frame."""
    names: NDArray[np.int64]
    """The memory address of each lane's sockaddr, shape (lanes,); for `udp`."""
    controls: NDArray[Any]
    """SEGMENT_CONTROL rows, shape (TRAINS,); for `udp`."""
    headers: Headers
    """For `packet`."""
    flows: NDArray[Any]
    """FLOWS, shape (1,); for `packet`."""


@kernel
def describe(journal: Journal, messages: Messages, first_train: int, singly: bool) -> None:
    """Make messages of the staged trains from `first_train` on, and load them: `singly` one for each event."""
    made = 0
    for train in range(first_train, journal.state[STAGED_TRAINS]):
        note = journal.staged[train]
        size, cut = note.count * note.length, not singly and note.count > 1
        if messages.framed:
            pick(messages.flows, note.source)
            flow = messages.flows[0]
            frame = note.length if singly else size
            write_header(messages.headers, train, note.lane, frame, note.length, flow.word, flow.port, cut)
        else:
            messages.controls[train].segment_bytes = note.length if cut else 0
        if not singly:
            describe_one(journal, messages, train, made, note.place, size)
            made += 1
            continue
        for event in range(note.count):
            describe_one(journal, messages, train, made, note.place + event * note.length, note.length)
            made += 1
    load(journal, first_train, made, singly)


@kernel
def describe_one(journal: Journal, messages: Messages, train: int, message: int, place: int, size: int) -> None:
    """Make one message of `size` bytes at `place` of the buffer, for the lane of `train`."""
    part = messages.parts[message, 1]
    part.base = messages.buffer.ctypes.data + place
    part.len = size
    if messages.framed:
        headers = messages.headers.table
        messages.parts[message, 0].base = headers.ctypes.data + train * headers.shape[1]
    else:
        journal.messages[message].name = messages.names[journal.staged[train].lane]
