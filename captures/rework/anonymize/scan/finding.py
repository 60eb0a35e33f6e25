"""The scan over events: which bytes say an address, a host, a user, or a file.

An event is read once from left to right, word by word. In doubt a word is taken for a value: what is replaced without
need keeps its length, and what stays may tell of somebody.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.kinds import WIDTHS
from captures.rework.anonymize.scan.forms import is_digit, near_mark
from captures.rework.anonymize.scan.hosts import host_in_header
from captures.rework.anonymize.scan.kinds import AGAIN, DOMAIN, FILE, HOST, USER, Place, enter
from captures.rework.anonymize.scan.marks import address_at, around_at_sign, behind_slashes, dotted_end
from captures.rework.anonymize.scan.users import of_domain, user_behind
from captures.rework.anonymize.scan.vocabulary import Vocabulary
from captures.rework.anonymize.tokens.escapes import PERCENT, at_sign_end, escape_end
from captures.rework.anonymize.tokens.hash_set import ended, grown, hash_of, place_in
from captures.rework.anonymize.tokens.names import LABEL

_COLON, _SLASH, _AT, _POINT, _HYPHEN, _LINE = (ord(letter) for letter in ":/@.-_")
WORD_END: Final = np.array([chr(byte) not in ".@\\" for byte in range(256)])
"""The bytes that end a word, but for those that may tell what it is."""
_MOST_PRIORITY_BYTES: Final = 7
"""`<191>1 ` of RFC 5424."""
MOST_AGAIN_BYTES: Final = 255
"""A longer run of labels is no value that is looked for again."""


@kernel
def find_all(
    buffer: NDArray[np.uint8],
    trains: Any,
    first: int,
    vocabulary: Vocabulary,
    learned: NDArray[np.uint64],
    fixed: NDArray[np.int64],
    place: Place,
) -> tuple[int, int]:
    """Find the values in the events of TRAIN rows from train `first` on, as long as there is room for all of a train.

    The trains' offsets are places of `buffer`. `fixed` has the columns of each train that are live fields, shape
    (trains, fields, 2): what reaches into one is no value. Returns the next train, and how many values were found.
    """
    count = int64(0)
    for train in range(first, len(trains)):
        row = trains[train]
        length, at = int64(row.length), int64(row.offset)
        if count + int64(row.count) * length > len(place.rows):
            return train, count
        for _ in range(int64(row.count)):
            found = find_in(buffer, at, at + length, row, vocabulary, learned, place, count)
            count = without_fixed(place.rows, count, found, at, fixed[train])
            at += length
    return len(trains), count


@kernel
def without_fixed(rows: NDArray[np.int64], first: int, count: int, start: int, fixed: NDArray[np.int64]) -> int:
    """Drop values from row `first` on that reach into a live field of their event; returns how many rows are left."""
    kept = first
    for i in range(first, count):
        apart = True
        for k in range(len(fixed)):
            if rows[i, 0] < start + fixed[k, 1] and rows[i, 1] > start + fixed[k, 0]:
                apart = False
        if apart:
            # A whole row at once would be a view, for which numba's runtime counts references.
            rows[kept, 0], rows[kept, 1], rows[kept, 2] = rows[i, 0], rows[i, 1], rows[i, 2]
            kept += 1
    return kept


@kernel
def find_in(
    buffer: NDArray[np.uint8],
    start: int,
    end: int,
    row: Any,
    vocabulary: Vocabulary,
    learned: NDArray[np.uint64],
    place: Place,
    count: int,
) -> int:
    """Find the values of one event; returns how many rows are filled then."""
    host, host_end = host_in_header(buffer, start, end, row)
    at, taken, first = first_word(start, end, row), start, count
    while at < end:
        byte = buffer[at]
        if near_mark(buffer, at, end):
            behind, kind = address_at(buffer, start, at, end, place)
            if behind > at:
                count = enter(place.rows, count, at, behind, kind, vocabulary.on)
                at = taken = behind
                continue
        if LABEL[byte]:
            number, behind, inside = vocabulary.seed, at, at == host
            while behind < end and LABEL[buffer[behind]]:
                number = grown(number, buffer[behind])
                inside = inside or buffer[behind] == _HYPHEN or buffer[behind] == _LINE
                behind += 1
            number = ended(number)
            plain = not inside and (behind == end or WORD_END[buffer[behind]])
            if plain and place_in(vocabulary.words, number) < 0 and place_in(learned, number) < 0:
                at = behind  # most words: a call for each of them would take longer than all else
            elif at == host:
                count, at = enter(place.rows, count, host, host_end, HOST, vocabulary.on), host_end
            else:
                count, at = word_at(buffer, start, at, behind, end, number, inside, vocabulary, learned, place, count)
        elif byte in (_COLON, _AT, PERCENT):
            taken = max(taken, place.rows[count - 1, 1] if count > first else taken)
            count, at = sign_at(buffer, start, taken, at, end, vocabulary.on, place, count)
        else:
            at += 1
    return count


@kernel
def first_word(start: int, end: int, row: Any) -> int:
    """Where the scan of an event begins: behind the stamp, if nothing but a priority can stand before it."""
    column, kind = int64(row.stamp_column), int64(row.stamp_kind)
    return min(end, start + column + WIDTHS[kind]) if kind and column <= _MOST_PRIORITY_BYTES else start


@kernel
def sign_at(
    buffer: NDArray[np.uint8],
    start: int,
    taken: int,
    at: int,
    end: int,
    on: NDArray[np.bool_],
    place: Place,
    count: int,
) -> tuple[int, int]:
    """Find what stands behind a colon with two slashes, or around an at sign; returns where it goes on.

    An at sign may be written as an escape of URLs; other escapes are passed over.
    """
    if buffer[at] == _AT:
        return around_at_sign(buffer, taken, at, at + 1, end, on, place, count)
    if buffer[at] == PERCENT:
        behind = at_sign_end(buffer, start, at, end)
        if behind > at:
            return around_at_sign(buffer, taken, at, behind, end, on, place, count)
        return count, escape_end(buffer, start, at, end)
    if at + 3 < end and buffer[at + 1] == _SLASH and buffer[at + 2] == _SLASH:
        return behind_slashes(buffer, start, at + 3, end, on, place, count)
    return count, at + 1


@kernel
def word_at(
    buffer: NDArray[np.uint8],
    start: int,
    at: int,
    behind: int,
    end: int,
    number: np.uint64,
    inside: bool,  # noqa: FBT001 - numba knows arguments by place
    vocabulary: Vocabulary,
    learned: NDArray[np.uint64],
    place: Place,
    count: int,
) -> tuple[int, int]:
    """Find what the word from `at` to `behind`, and what stands behind it, says; returns where it goes on.

    `number` is the hash of the word, and `inside` says whether there are words in it.
    """
    if behind < end and not WORD_END[buffer[behind]]:
        count, mark, done = marked_at(buffer, start, at, behind, end, vocabulary, learned, place, count)
        if done:
            return count, mark
        behind, inside = mark, inside or mark > behind
    if inside:
        count = again(buffer, at, behind, vocabulary, learned, place, count)
    elif place_in(learned, number) >= 0:
        count = enter(place.rows, count, at, behind, AGAIN, vocabulary.on)
    meaning = place_in(vocabulary.words, number)
    if meaning < 0:
        return count, behind
    return user_at(buffer, start, at, behind, end, vocabulary, meaning, place, count)


@kernel
def marked_at(
    buffer: NDArray[np.uint8],
    start: int,
    at: int,
    behind: int,
    end: int,
    vocabulary: Vocabulary,
    learned: NDArray[np.uint64],
    place: Place,
    count: int,
) -> tuple[int, int, bool]:
    """Find what a word says by the mark at `behind`; returns also where it ends, and whether that is all."""
    kind = -1
    if buffer[behind] == _POINT:
        mark = address_mark(buffer, start, at, behind, end, place)
        if mark > at:
            return again(buffer, at, mark, vocabulary, learned, place, count), mark, True
        kind, behind = dotted_kind(buffer, behind, end, vocabulary)
    if behind < end and buffer[behind] == _AT:
        return count, behind, True
    first, user = of_domain(buffer, start, at, behind, end)
    if user < 0 and kind < 0:
        return count, behind, False
    count = enter(place.rows, count, at, behind, max(kind, HOST), vocabulary.on)
    if user < 0:
        return count, behind, True
    return enter(place.rows, count, first, user, USER, vocabulary.on), user, True


@kernel
def user_at(
    buffer: NDArray[np.uint8],
    start: int,
    at: int,
    behind: int,
    end: int,
    vocabulary: Vocabulary,
    meaning: int,
    place: Place,
    count: int,
) -> tuple[int, int]:
    """Find the user that the word from `at` to `behind` announces, which is in place `meaning` of the vocabulary."""
    user, user_end = user_behind(buffer, start, at, behind, end, vocabulary.meanings[meaning])
    if user == user_end or address_at(buffer, start, user, end, place)[0] == user_end:
        return count, behind
    if place_in(vocabulary.stop, hash_of(buffer, user, user_end, vocabulary.seed)) >= 0:
        return count, behind
    return enter(place.rows, count, user, user_end, USER, vocabulary.on), user_end


@kernel
def address_mark(buffer: NDArray[np.uint8], start: int, at: int, behind: int, end: int, place: Place) -> int:
    """Where the IPv4 address begins whose first number ends a word (`src_10.0.0.1`); -1: there is none."""
    mark = behind
    while mark > at and behind - mark < 3 and is_digit(buffer[mark - 1]):
        mark -= 1
    return mark if at < mark < behind and address_at(buffer, start, mark, end, place)[0] > 0 else -1


@kernel
def dotted_kind(buffer: NDArray[np.uint8], behind: int, end: int, vocabulary: Vocabulary) -> tuple[int, int]:
    """The kind of a name, whose first point is at `behind`, by its last label, and its end. -1: it is of neither."""
    last, behind = dotted_end(buffer, behind, end)
    if last < 0 or (behind < end and buffer[behind] == _AT):
        return -1, behind
    suffix = hash_of(buffer, last, behind, vocabulary.seed)
    if place_in(vocabulary.suffixes, suffix) >= 0:
        return DOMAIN, behind
    return FILE if place_in(vocabulary.file_suffixes, suffix) >= 0 else -1, behind


@kernel
def again(
    buffer: NDArray[np.uint8],
    at: int,
    end: int,
    vocabulary: Vocabulary,
    learned: NDArray[np.uint64],
    place: Place,
    count: int,
) -> int:
    """Find values that were found before among the labels and words of a name: the whole, a label, a word of it."""
    if end - at <= MOST_AGAIN_BYTES and place_in(learned, hash_of(buffer, at, end, vocabulary.seed)) >= 0:
        return enter(place.rows, count, at, end, AGAIN, vocabulary.on)
    while at < end:
        behind, number = at, vocabulary.seed
        while behind < end and buffer[behind] != _POINT:
            number = grown(number, buffer[behind])
            behind += 1
        if behind > at and place_in(learned, ended(number)) >= 0:
            count = enter(place.rows, count, at, behind, AGAIN, vocabulary.on)
            at = behind
        while at < behind:
            word, number = at, vocabulary.seed
            while word < behind and buffer[word] != _HYPHEN and buffer[word] != _LINE:
                number = grown(number, buffer[word])
                word += 1
            if word > at and place_in(learned, ended(number)) >= 0:
                count = enter(place.rows, count, at, word, AGAIN, vocabulary.on)
            at = word + 1
        at = behind + 1
    return count
