"""Super-packets: datagrams of UDP that were recorded before a card cut them, or after a host had joined them.

With segmentation offload (UDP_SEGMENT, GRO; udp(7)) many datagrams of one length travel through a host as one long
datagram, of which only the last piece may be shorter. No header says how long a piece is. It can be told where each
begins like an event of syslog, with its priority.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel, long_kernel
from captures.compiled.words import WORD_BYTES
from captures.packets.headers.key import big_16
from captures.text.headers import NO_PRIORITY, header_at

LONGEST_FRAME_BYTES: Final = 9_216
"""No Ethernet carries a longer packet; such a datagram goes in fragments."""
_TARGET_PORT_BEFORE: Final = 6
"""The payload begins so many bytes behind the target's port."""
_LESS, _GREATER, _ZERO = ord("<"), ord(">"), ord("0")
_LESSES: Final = np.uint64(0x3C3C3C3C3C3C3C3C)
_LOW_7: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_QUOTING: Final = np.array([chr(byte) in " \t\"'`=:([{," for byte in range(256)])
"""Before these a text may quote the beginning of another event."""


@kernel
def _next_less(data: NDArray[np.uint8], words: NDArray[np.int64], at: int, end: int) -> int:
    """The place of the first `<` from `at` on; `end`: there is none before it. Eight bytes are looked at at once."""
    while at + WORD_BYTES <= end:
        # A byte that is `<` is zero here, and only of such one the highest bit stays zero.
        word = np.uint64(words[at]) ^ _LESSES
        if (word & _LOW_7) + _LOW_7 | word | _LOW_7 != _ALL:
            break
        at += WORD_BYTES
    while at < end and data[at] != _LESS:
        at += 1
    return at


@kernel
def _has_priority(data: NDArray[np.uint8], at: int, end: int) -> bool:
    """Whether an event begins there. One with two digits, as nearly all are, is known at once."""
    if at + 4 <= end and data[at] == _LESS and data[at + 3] == _GREATER:
        tens, ones = int64(data[at + 1]) - _ZERO, int64(data[at + 2]) - _ZERO
        if 0 <= tens <= 9 and 0 <= ones <= 9:
            return True
    return bool(header_at(data, at, end)[0] != NO_PRIORITY)


@kernel
def _is_cut(data: NDArray[np.uint8], place: int, end: int, size: int) -> bool:
    """Whether an event begins at each multiple of `size` bytes from `place` on, before `end`."""
    for at in range(place + size, end, size):  # noqa: SIM110 - kernels have no generators
        if not _has_priority(data, at, end):
            return False
    return True


@kernel
def piece_length(data: NDArray[np.uint8], words: NDArray[np.int64], place: int, end: int) -> int:
    """How long the events are of which a super-packet is made, from `place` to `end`; 0: it is one event, or none.

    Of two pieces the first must hold no other beginning of an event, and if the second is shorter, it must not look as
    if it were quoted. `words` is `captures.packets.headers.key.signed_words_of(data)`.
    """
    at, is_first = place, True
    while True:
        at = _next_less(data, words, at + 1, end)
        if at >= end:
            return 0
        if not _has_priority(data, at, end):
            continue
        size = at - place
        is_told = size * 2 < end - place or (is_first and (size * 2 == end - place or not _QUOTING[data[at - 1]]))
        if is_told and _is_cut(data, place, end, size):
            return size
        is_first = False


@long_kernel
def look_at_datagrams(
    data: NDArray[np.uint8],
    words: NDArray[np.int64],
    messages: NDArray[Any],
    pieces: NDArray[np.int64],
    bare_ports: NDArray[np.int64],
) -> int:
    """Look for super-packets among datagrams; returns how many are too long for a network, and can't be told apart.

    `messages` are MESSAGE rows whose headers stand before them in `data`. Each item of `pieces`, shape (messages,),
    becomes the `piece_length`. Of those that do not begin with a priority, `bare_ports`, shape (65536,), counts the
    target's ports.
    """
    long = 0
    for i in range(len(messages)):
        place, length = int64(messages[i].place), int64(messages[i].length)
        size = int64(0)
        if not _has_priority(data, place, place + length):
            bare_ports[big_16(data, place - _TARGET_PORT_BEFORE)] += 1
        elif length == int64(messages[i].original):
            size = piece_length(data, words, place, place + length)
        pieces[i] = size
        long += size == 0 and length > LONGEST_FRAME_BYTES
    return long


def cut_pieces(messages: NDArray[Any], pieces: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """MESSAGE rows of the events in super-packets, and of which old row each is a piece.

    `pieces`, shape (messages,), is the length of the events in each; 0: it stays as it is.
    """
    size = np.where(pieces > 0, pieces, np.maximum(messages["length"], 1))
    counts = np.maximum(-(-messages["length"] // size), 1)
    firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    rows, of = np.repeat(messages, counts), np.repeat(np.arange(len(messages)), counts)
    begin = (np.arange(len(rows)) - firsts[of]) * size[of]
    rows["place"] += begin
    rows["length"] = np.minimum(size[of], rows["length"] - begin)
    is_piece = pieces[of] > 0
    rows["original"][is_piece] = rows["length"][is_piece]
    return rows, of
