"""Which name takes the place of a name: letters for letters, digits for digits, in the same places.

A name is taken apart at dots and other marks into *labels*, and each label has its token; so `web01` is the same in
`web01` and in `web01.example.com`. A label is enciphered as a whole by a Feistel network, as in FF1 of NIST SP 800-38G,
whose keyed function is SipHash: the two halves of its letters and digits are added in turns, each modulo its
alphabet. That is injective among the labels of one shape. Small letters stay small, and capitals capitals, and labels
that differ only in them have the same token but for that. Of a letter in UTF-8 that is not of ASCII the last byte
changes.

A label of the stop list stays. Where a token would be on the list the label is enciphered again ("cycle walking").
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.rework.anonymize.tokens.escapes import escape_end
from captures.rework.anonymize.tokens.hash_set import FOLDED, ended, grown, hash_of, place_in
from captures.rework.anonymize.tokens.keyed import Key, keyed

MOST_LABEL_BYTES: Final = 64
"""A longer label is enciphered in pieces of so many bytes."""
ROUNDS: Final = 10

_HYPHEN, _LINE, _A, _ZERO = (ord(letter) for letter in "-_a0")
LABEL: Final = np.array([(chr(byte).isalnum() and byte < 128) or byte > 127 or byte in b"-_" for byte in range(256)])
"""The bytes of a label."""
_LETTERS, _DIGITS, _LAST = 26, 10, 64
RADIX: Final = np.array(
    [_LETTERS if chr(byte).isalpha() else _DIGITS if chr(byte).isdigit() else 1 for byte in range(128)]
    + [_LAST] * 64
    + [1] * 64,
    np.int64,
)
"""How many bytes can stand in the place of each: of a continuation byte of UTF-8 64, if it is the last one."""
_BASE: Final = np.array([_A if radix == _LETTERS else _ZERO if radix == _DIGITS else 128 for radix in RADIX], np.int64)


def new_scratch() -> NDArray[np.int64]:
    """The memory that enciphering needs: values, alphabets and places of a label's letters and digits."""
    return np.empty((3, MOST_LABEL_BYTES), np.int64)


@kernel
def map_name(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    key: Key,
    stop: NDArray[np.uint64],
    seed: np.uint64,
    scratch: NDArray[np.int64],
) -> None:
    """Put the token of a name in its place, label by label. What an escape says stays."""
    start = at
    while at < end:
        if not LABEL[buffer[at]]:
            at = escape_end(buffer, start, at, end)
            continue
        behind = at
        while behind < end and LABEL[buffer[behind]]:
            behind += 1
        if place_in(stop, hash_of(buffer, at, behind, seed)) < 0:
            while True:
                for piece in range(at, behind, MOST_LABEL_BYTES):
                    map_label(buffer, piece, min(behind, piece + MOST_LABEL_BYTES), key, scratch)
                if place_in(stop, hash_of(buffer, at, behind, seed)) < 0:
                    break
        at = behind


@kernel
def alphabet_at(buffer: NDArray[np.uint8], at: int, end: int) -> int:
    """How many bytes can stand at a place of a label."""
    radix = RADIX[buffer[at]]
    if radix == _LAST and at + 1 < end and RADIX[buffer[at + 1]] == _LAST:
        return 1
    return int64(radix)


@kernel
def map_label(buffer: NDArray[np.uint8], at: int, end: int, key: Key, scratch: NDArray[np.int64]) -> None:
    """Encipher a label of at most MOST_LABEL_BYTES bytes."""
    values, alphabet, place = scratch[0], scratch[1], scratch[2]
    count, shape = 0, np.uint64(0xCBF29CE484222325)
    for i in range(at, end):
        radix = alphabet_at(buffer, i, end)
        shape = grown(shape, buffer[i] if radix == 1 else radix)
        if radix > 1:
            values[count] = int64(FOLDED[buffer[i]]) - _BASE[buffer[i]]
            alphabet[count], place[count] = radix, i
            count += 1
    shape, half = ended(shape), count // 2
    for number in range(ROUNDS):
        node = keyed(key, shape, np.uint64(number))
        if number & 1:
            add_keyed(values, alphabet, (0, half), (half, count), key, node)
        else:
            add_keyed(values, alphabet, (half, count), (0, half), key, node)
    for i in range(count):
        byte = int64(buffer[place[i]])
        capital = int64(FOLDED[byte]) - byte
        buffer[place[i]] = values[i] + _BASE[byte] - capital


@kernel
def add_keyed(
    values: NDArray[np.int64], alphabet: NDArray[np.int64], source: Any, target: Any, key: Key, node: np.uint64
) -> None:
    """Add to the values of one half numbers that follow from those of the other half."""
    word, filled = np.uint64(0), 0
    for i in range(source[0], source[1]):
        word = word << np.uint64(8) | np.uint64(values[i])
        filled += 1
        if filled == 8:
            node, word, filled = keyed(key, node, word), np.uint64(0), 0
    node = keyed(key, node, word)
    for i in range(target[0], target[1]):
        lane = (i - target[0]) % 4
        if lane == 0:
            word = keyed(key, node, np.uint64(i))
        values[i] = (values[i] + int64(word & np.uint64(0xFFFF))) % alphabet[i]
        word = word >> np.uint64(16)
