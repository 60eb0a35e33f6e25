"""SipHash-2-4, and permutations of small ranges that follow from a key: what all tokens are made of.

SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) is a pseudorandom function: without the key
its values can't be told from random ones. A permutation is the order of such values, so each is as likely as any other.
"""

from typing import Final, NamedTuple

import numpy as np

from captures.compiled.kernel import int64, kernel

_LANES: Final = 4
"""So many numbers of 16 bits are taken from each value."""


class Key(NamedTuple):
    """A key of SipHash: 128 bits."""

    low: np.uint64
    high: np.uint64


def key_of(data: bytes) -> Key:
    """The key that is in 16 bytes."""
    low, high = np.frombuffer(data, "<u8", 2)
    return Key(low, high)


@kernel
def turned(number: np.uint64, by: int) -> np.uint64:
    """The bits of a number, turned to the left."""
    return number << np.uint64(by) | number >> np.uint64(64 - by)


@kernel
def mixed(
    one: np.uint64, two: np.uint64, three: np.uint64, four: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """One round of SipHash."""
    one, three = one + two, three + four
    two, four = turned(two, 13) ^ one, turned(four, 16) ^ three
    one, three = turned(one, 32) + four, three + two
    two, four = turned(two, 17) ^ three, turned(four, 21) ^ one
    return one, two, turned(three, 32), four


@kernel
def keyed(key: Key, first: np.uint64, second: np.uint64) -> np.uint64:
    """SipHash-2-4 of sixteen bytes: two numbers, little-endian."""
    one, two = key.low ^ np.uint64(0x736F6D6570736575), key.high ^ np.uint64(0x646F72616E646F6D)
    three, four = key.low ^ np.uint64(0x6C7967656E657261), key.high ^ np.uint64(0x7465646279746573)
    for word in (first, second, np.uint64(16 << 56)):
        one, two, three, four = mixed(one, two, three, four ^ word)
        one, two, three, four = mixed(one, two, three, four)
        one = one ^ word
    three = three ^ np.uint64(0xFF)
    for _ in range(4):
        one, two, three, four = mixed(one, two, three, four)
    return one ^ two ^ three ^ four


@kernel
def permuted(key: Key, node: np.uint64, value: int, low: int, high: int) -> int:
    """The number from `low` to `high` that takes the place of `value`, one of these; `node` names the permutation.

    Each number of the range has a random number, and the token is the place of the value's one in their order. Of equal
    ones the lower number comes first. The range has fewer than 1024 numbers.
    """
    count, place = high - low + 1, value - low
    if count == 1:
        return value
    bounds = np.uint64(low << 32 | high << 16)
    word = keyed(key, node, bounds | np.uint64(place // _LANES))
    own = int64(word >> np.uint64(place % _LANES * 16) & np.uint64(0xFFFF))
    rank = int64(0)
    for group in range((count + _LANES - 1) // _LANES):
        word = keyed(key, node, bounds | np.uint64(group))
        for lane in range(min(_LANES, count - group * _LANES)):
            other = int64(word & np.uint64(0xFFFF))
            rank += other < own or (other == own and group * _LANES + lane < place)
            word = word >> np.uint64(16)
    return low + rank


_ROUNDS: Final = 10
"""As of FF1 (NIST SP 800-38G), which is a Feistel network, too."""


@kernel
def permuted_bits(key: Key, node: np.uint64, value: int, half_bits: int) -> int:
    """The number that takes the place of `value`, both of two halves of so many bits: a Feistel network."""
    mask = (1 << half_bits) - 1
    left, right = value >> half_bits, value & mask
    for number in range(_ROUNDS):
        other = int64(keyed(key, node ^ np.uint64(number), np.uint64(right)) & np.uint64(mask))
        left, right = right, left ^ other
    return left << half_bits | right
