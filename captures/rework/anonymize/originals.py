"""The values that a capture holds: what the scan finds once, and what must stand nowhere in the result.

Each is kept as a hash of 64 bits, so memory is bounded however long they are. Names of at least three bytes with a
letter, or of six digits, are looked for in all texts, in small letters and capitals. Shorter ones stand everywhere by
chance; they are replaced where the scan recognises them, and nowhere else.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import allocating_kernel, int64, kernel
from captures.rework.anonymize.fronts import FRONT_BITS, HEAD_BITS, HEAD_BYTES, LEAST_BYTES, front_of, set_bit, start_of
from captures.rework.anonymize.scan.forms import HEX, WORD, address_6_at, read_4, read_mac
from captures.rework.anonymize.scan.kinds import AGAIN, DOMAIN, HOST, IPV4, IPV6, MAC, MAIL, URL, USER, Place
from captures.rework.anonymize.scan.vocabulary import Vocabulary
from captures.rework.anonymize.tokens.escapes import escape_end
from captures.rework.anonymize.tokens.hash_set import hash_of, insert, move_all, place_in
from captures.rework.anonymize.tokens.keyed import Key, keyed
from captures.rework.anonymize.tokens.names import LABEL

MOST_VALUES: Final = 1 << 24
"""So many names, and so many addresses, are kept: 512 MiB at most."""
_FIRST_SLOTS: Final = 1 << 12
_RECENT: Final = 1 << 12
_LEAST_DIGITS: Final = 6
MOST_BYTES: Final = 255
_POINT, _SPACE, _HYPHEN, _LINE = (ord(letter) for letter in ". -_")


class Tables(NamedTuple):
    """The values as kernels see them."""

    names: NDArray[np.uint64]
    addresses: NDArray[np.uint64]
    heads: NDArray[np.uint8]
    """A bit for each hash of the first HEAD_BYTES of a name; shape (1 << HEAD_BITS - 3,)."""
    fronts: NDArray[np.uint8]
    """The same for the first LEAST_BYTES."""
    counts: NDArray[np.int64]
    """How many names and addresses there are, and how many had no room: shape (3,)."""
    recent: NDArray[np.uint64]
    """Hashes of texts that were taken in lately, each in a place that it says: most values come again and again."""


class Originals:
    """The values of a capture, in tables that grow."""

    def __init__(self) -> None:
        self.tables = Tables(
            np.zeros(_FIRST_SLOTS, np.uint64),
            np.zeros(_FIRST_SLOTS, np.uint64),
            np.zeros(1 << HEAD_BITS - 3, np.uint8),
            np.zeros(1 << FRONT_BITS - 3, np.uint8),
            np.zeros(3, np.int64),
            np.zeros(_RECENT, np.uint64),
        )

    @property
    def names(self) -> int:
        """How many names there are."""
        return int(self.tables.counts[0])

    @property
    def addresses(self) -> int:
        """How many addresses there are, of IP and Ethernet."""
        return int(self.tables.counts[1])

    @property
    def unkept(self) -> int:
        """How many times a value was found for which there was no room."""
        return int(self.tables.counts[2])

    def learn(
        self,
        buffer: NDArray[np.uint8],
        rows: NDArray[np.int64],
        vocabulary: Vocabulary,
        place: Place,
    ) -> None:
        """Take in the values of rows (place, end, kind), as the scan found them."""
        done = 0
        while (done := learn_all(buffer, rows, done, vocabulary, self.tables, place)) < len(rows):
            self._grow(int(rows[done, 1] - rows[done, 0]))

    def add_rows(self, rows: NDArray[np.uint8], seed: np.uint64) -> None:
        """Take in addresses as bytes: shape (addresses, 4), (addresses, 16) or (addresses, 6)."""
        done = 0
        while (done := add_rows(rows, done, seed, self.tables)) < len(rows):
            self._grow()

    def learn_names(self, text: NDArray[np.uint8], stop: NDArray[np.uint64], seed: np.uint64) -> None:
        """Take in names that stand in a text, with spaces between them."""
        done = 0
        while (done := add_names(text, done, stop, seed, self.tables)) < len(text):
            self._grow()

    def _grow(self, size: int = MOST_BYTES) -> None:
        """Make room for a value of `size` bytes: each table that is half full then becomes twice as large."""
        grown_tables = []
        for table, count in zip(self.tables[:2], self.tables.counts.tolist(), strict=False):
            if has_room(table, count, size):
                grown_tables.append(table)
                continue
            larger = np.zeros(2 * len(table), np.uint64)
            move_all(table, larger)
            grown_tables.append(larger)
        self.tables = self.tables._replace(names=grown_tables[0], addresses=grown_tables[1])


@kernel
def has_room(table: NDArray[np.uint64], count: int, size: int) -> bool:
    """Whether a table takes the names in `size` bytes more: there are fewer names than bytes."""
    return bool(2 * (count + size) < len(table))


@kernel
def take_in(table: NDArray[np.uint64], number: np.uint64, counts: NDArray[np.int64], which: int) -> None:
    """Put the hash of a value into its table, and count it if it is new."""
    if counts[which] < MOST_VALUES:
        counts[which] += insert(table, number)
    elif place_in(table, number) < 0:
        counts[2] += 1


@kernel
def learn_all(
    buffer: NDArray[np.uint8],
    rows: NDArray[np.int64],
    first: int,
    vocabulary: Vocabulary,
    tables: Tables,
    place: Place,
) -> int:
    """Take in the values of rows from `first` on; returns the first one for which a table must grow, or their count."""
    for i in range(first, len(rows)):
        at, end, kind, size = rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 1] - rows[i, 0]
        if not has_room(tables.names, tables.counts[0], size) or not has_room(tables.addresses, tables.counts[1], size):
            return i
        number = hash_of(buffer, at, end, vocabulary.seed ^ np.uint64(kind + 1))
        slot = int64(number) & _RECENT - 1
        if tables.recent[slot] == number:
            continue
        tables.recent[slot] = number
        if kind in (IPV4, IPV6, MAC):
            take_in(tables.addresses, address_hash(buffer, at, end, kind, vocabulary.seed, place), tables.counts, 1)
        elif kind != AGAIN:
            learn_names_in(buffer, at, end, kind, vocabulary, tables)
    return len(rows)


@kernel
def address_hash(buffer: NDArray[np.uint8], at: int, end: int, kind: int, seed: np.uint64, place: Place) -> np.uint64:
    """The hash of what the text of an address says, however it is written."""
    if kind == MAC:
        return keyed(Key(seed, np.uint64(MAC)), np.uint64(read_mac(buffer, at, end)), np.uint64(0))
    if kind == IPV4:
        read_4(buffer, at, end, _POINT, place.numbers)
        return units_hash(place.numbers, seed)
    _, tail = address_6_at(buffer, at, end, place.units, place.numbers)
    return units_hash(place.numbers if tail >= 0 else place.units, seed)


@kernel
def units_hash(units: NDArray[np.int64], seed: np.uint64) -> np.uint64:
    """The hash of an address of IP."""
    bits, high, low = 8 if len(units) == 4 else 4, np.uint64(0), np.uint64(0)
    for i in range(len(units)):
        high = high << np.uint64(bits) | low >> np.uint64(64 - bits)
        low = low << np.uint64(bits) | np.uint64(units[i])
    return keyed(Key(seed, np.uint64(len(units))), high, low) | np.uint64(1)


@allocating_kernel
def add_rows(rows: NDArray[np.uint8], first: int, seed: np.uint64, tables: Tables) -> int:
    """Take in addresses as bytes from row `first` on; returns the first one for which the table must grow."""
    width = rows.shape[1]
    units = np.zeros(4 if width == 4 else 32, np.int64)
    for row in range(first, len(rows)):
        if not has_room(tables.addresses, tables.counts[1], 1):
            return row
        if width == 6:
            number = int64(0)
            for i in range(width):
                number = number << 8 | int64(rows[row, i])
            hashed = keyed(Key(seed, np.uint64(MAC)), np.uint64(number), np.uint64(0))
        else:
            for i in range(len(units)):
                units[i] = rows[row, i] if width == 4 else rows[row, i >> 1] >> (4 - 4 * (i & 1)) & 15
            hashed = units_hash(units, seed)
        take_in(tables.addresses, hashed, tables.counts, 1)
    return len(rows)


@kernel
def add_names(text: NDArray[np.uint8], first: int, stop: NDArray[np.uint64], seed: np.uint64, tables: Tables) -> int:
    """Take in names in a text from `first` on; returns the place for which the table must grow, or where it ends."""
    at = first
    while at < len(text):
        if not has_room(tables.names, tables.counts[0], MOST_BYTES):
            return at
        behind = at
        while behind < len(text) and text[behind] != _SPACE:
            behind += 1
        add_name(text, at, behind, stop, seed, tables)
        at = behind + 1
    return len(text)


@kernel
def learn_names_in(
    buffer: NDArray[np.uint8], at: int, end: int, kind: int, vocabulary: Vocabulary, tables: Tables
) -> None:
    """Take in the names in a value: each as a whole, and the labels and words of what names a host or somebody."""
    start, stop, seed = at, vocabulary.stop, vocabulary.seed
    while at < end:
        behind, parts = at, False
        while behind < end and (LABEL[buffer[behind]] or buffer[behind] == _POINT):
            parts = parts or buffer[behind] in (_POINT, _HYPHEN, _LINE)
            behind += 1
        if behind > at:
            add_name(buffer, at, behind, stop, seed, tables)
            if parts and kind in (HOST, USER, MAIL, URL, DOMAIN):
                learn_parts(buffer, at, behind, kind == HOST, vocabulary, tables)
        at = escape_end(buffer, start, behind, end)


@kernel
def learn_parts(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    host: bool,  # noqa: FBT001 - numba knows arguments by place
    vocabulary: Vocabulary,
    tables: Tables,
) -> None:
    """Take in the labels of a name, and the words in them, but for what many names have in common.

    The first label of a `host` in a header is its short name, which is taken in whatever it is.
    """
    while at < end:
        behind = at
        while behind < end and buffer[behind] != _POINT:
            behind += 1
        if host:
            add_name(buffer, at, behind, vocabulary.stop, vocabulary.seed, tables)
        word, host = at, False
        add_part(buffer, at, behind, vocabulary, tables)
        for i in range(at, behind + 1):
            if i == behind or buffer[i] == _HYPHEN or buffer[i] == _LINE:
                if i - word < behind - at:
                    add_part(buffer, word, i, vocabulary, tables)
                word = i + 1
        at = behind + 1


@kernel
def add_part(buffer: NDArray[np.uint8], at: int, end: int, vocabulary: Vocabulary, tables: Tables) -> None:
    """Take in a part of a name, if it has three letters and is no word that many names have in common."""
    letters = 0
    for i in range(at, end):
        letters += WORD[buffer[i]] and HEX[buffer[i]] > 9
    if letters >= LEAST_BYTES and place_in(vocabulary.common, hash_of(buffer, at, end, vocabulary.seed)) < 0:
        add_name(buffer, at, end, vocabulary.stop, vocabulary.seed, tables)


@kernel
def add_name(
    buffer: NDArray[np.uint8], at: int, end: int, stop: NDArray[np.uint64], seed: np.uint64, tables: Tables
) -> None:
    """Take in a name, if it is long enough to be looked for, and if its token is another one."""
    while at < end and not WORD[buffer[at]]:
        at += 1
    while end > at and not WORD[buffer[end - 1]]:
        end -= 1
    digits = True
    for i in range(at, end):
        digits = digits and HEX[buffer[i]] < 10
    if end - at < (_LEAST_DIGITS if digits else LEAST_BYTES) or end - at > MOST_BYTES:
        return
    if all_stop(buffer, at, end, stop, seed):
        return
    take_in(tables.names, hash_of(buffer, at, end, seed), tables.counts, 0)
    if end - at >= HEAD_BYTES:
        set_bit(tables.heads, front_of(start_of(buffer, at, HEAD_BYTES), HEAD_BYTES, HEAD_BITS))
    set_bit(tables.fronts, front_of(start_of(buffer, at, LEAST_BYTES), LEAST_BYTES, FRONT_BITS))


@kernel
def all_stop(buffer: NDArray[np.uint8], at: int, end: int, stop: NDArray[np.uint64], seed: np.uint64) -> bool:
    """Whether each label of a name is a stop word, so that it stays as it is."""
    while at < end:
        behind = at
        while behind < end and LABEL[buffer[behind]]:
            behind += 1
        if behind > at and place_in(stop, hash_of(buffer, at, behind, seed)) < 0:
            return False
        at = behind + 1
    return True
