"""Tokens in the place of values: what was found is written over in place, and often from memory.

The memory of tokens is bounded. When it is full it is forgotten: a token follows from its value and the key, so it is
the same when it is made again.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.compiled.memory import copy_bytes
from captures.rework.anonymize.scan.forms import address_6_at, read_4, read_mac, write_4, write_6, write_mac
from captures.rework.anonymize.scan.kinds import IPV4, IPV6, MAC, PATTERN
from captures.rework.anonymize.tokens.addresses import Zones, map_address
from captures.rework.anonymize.tokens.hash_set import FREE
from captures.rework.anonymize.tokens.keyed import Key
from captures.rework.anonymize.tokens.macs import map_mac
from captures.rework.anonymize.tokens.names import map_name, new_scratch

_SLOTS: Final = 1 << 17
_ARENA_BYTES: Final = 1 << 23
_MOST_PROBES: Final = 8
_POINT = ord(".")


class Mapping(NamedTuple):
    """All that a token depends on."""

    addresses_4: Key
    addresses_6: Key
    macs: Key
    names: Key
    zones_4: Zones
    zones_6: Zones
    keep_vendor: bool
    stop: NDArray[np.uint64]
    """Labels that stay: a table of `hash_set`."""
    seed: np.uint64


class Memory(NamedTuple):
    """Tokens that were made before, and what is needed to make one."""

    hashes: NDArray[np.uint64]
    """Open addressing: the hash of a value; FREE: nothing."""
    places: NDArray[np.int64]
    """Where in the arena a value stands, and its token behind it: the place, its length, its kind; shape (slots, 3)."""
    arena: NDArray[np.uint8]
    used: NDArray[np.int64]
    """Bytes of the arena, and slots, that are used: shape (2,)."""
    units: NDArray[np.int64]
    numbers: NDArray[np.int64]
    scratch: NDArray[np.int64]


def new_memory() -> Memory:
    """An empty memory."""
    return Memory(
        np.zeros(_SLOTS, np.uint64),
        np.zeros((_SLOTS, 3), np.int64),
        np.zeros(_ARENA_BYTES, np.uint8),
        np.zeros(2, np.int64),
        np.zeros(32, np.int64),
        np.zeros(4, np.int64),
        new_scratch(),
    )


@kernel
def replace(buffer: NDArray[np.uint8], at: int, end: int, kind: int, mapping: Mapping, memory: Memory) -> None:
    """Put the token of a value, which stands from `at` to `end`, in its place."""
    if kind == IPV4:
        read_4(buffer, at, end, _POINT, memory.numbers)
        map_address(memory.numbers, mapping.zones_4, mapping.addresses_4)
        write_4(buffer, at, memory.numbers)
    elif kind == IPV6:
        _, tail = address_6_at(buffer, at, end, memory.units, memory.numbers)
        if tail >= 0:  # the token of the IPv4 address is the same everywhere, whatever stands before it
            map_address(memory.numbers, mapping.zones_4, mapping.addresses_4)
            write_4(buffer, tail, memory.numbers)
        else:
            map_address(memory.units, mapping.zones_6, mapping.addresses_6)
            write_6(buffer, at, end, memory.units)
    elif kind == MAC:
        write_mac(buffer, at, end, map_mac(read_mac(buffer, at, end), mapping.macs, mapping.keep_vendor))
    else:
        map_name(buffer, at, end, mapping.names, mapping.stop, mapping.seed, memory.scratch)


@kernel
def replace_all(
    source: NDArray[np.uint8],
    rows: NDArray[np.int64],
    mapping: Mapping,
    memory: Memory,
    target: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> None:
    """Write the tokens of values, rows of (place, end, kind) that ascend, over those in `target`, a copy of `source`.

    `counts` is told how many of each kind were changed: shape (kinds,).
    """
    done = int64(0)
    for i in range(len(rows)):
        at, end, kind = rows[i, 0], rows[i, 1], rows[i, 2]
        if at < done:  # a pattern of the rules and the scan found parts of each other
            at, kind = done, PATTERN
        if at >= end:
            continue
        done = end
        counts[kind] += replace_one(source, at, end, kind, mapping, memory, target)


@kernel
def replace_one(
    source: NDArray[np.uint8],
    at: int,
    end: int,
    kind: int,
    mapping: Mapping,
    memory: Memory,
    target: NDArray[np.uint8],
) -> bool:
    """Write the token of one value, from memory if it is there; whether it is another text than the value."""
    form, length = min(kind, MAC + 1), end - at
    number = exact_hash(source, at, end, mapping.seed ^ np.uint64(form))
    slot = int64(number) & _SLOTS - 1
    for _ in range(_MOST_PROBES):
        if memory.hashes[slot] == FREE:
            break
        place = memory.places[slot, 0]
        known = memory.hashes[slot] == number and memory.places[slot, 1] == length and memory.places[slot, 2] == form
        if known and equal(memory.arena, place, source, at, length):
            copy_bytes(target, at, memory.arena, place + length, length)
            return not equal(memory.arena, place, memory.arena, place + length, length)
        slot = slot + 1 & _SLOTS - 1
    replace(target, at, end, kind, mapping, memory)
    remember(source, target, at, length, form, number, slot, memory)
    return not equal(source, at, target, at, length)


@kernel
def remember(
    source: NDArray[np.uint8],
    target: NDArray[np.uint8],
    at: int,
    length: int,
    form: int,
    number: np.uint64,
    slot: int,
    memory: Memory,
) -> None:
    """Keep a value and its token; a full memory is emptied before."""
    place = memory.used[0]
    if place + 2 * length > len(memory.arena) or 2 * memory.used[1] > _SLOTS:
        memory.hashes[:] = FREE
        memory.used[:] = 0
        return
    if memory.hashes[slot] != FREE:
        return
    copy_bytes(memory.arena, place, source, at, length)
    copy_bytes(memory.arena, place + length, target, at, length)
    memory.hashes[slot] = number
    memory.places[slot, 0], memory.places[slot, 1], memory.places[slot, 2] = place, length, form
    memory.used[0] += 2 * length
    memory.used[1] += 1


@kernel
def exact_hash(buffer: NDArray[np.uint8], at: int, end: int, seed: np.uint64) -> np.uint64:
    """A hash of some bytes that is not FREE; unlike that of a set it tells small letters from capitals."""
    number = seed
    for i in range(at, end):
        number = (number ^ np.uint64(buffer[i])) * np.uint64(0x100000001B3)
    number = number ^ number >> np.uint64(32)
    return number if number != FREE else np.uint64(1)


@kernel
def equal(one: NDArray[np.uint8], at: int, other: NDArray[np.uint8], there: int, length: int) -> bool:
    """Whether two stretches of bytes are equal."""
    i = 0
    while i < length and one[at + i] == other[there + i]:
        i += 1
    return i == length
