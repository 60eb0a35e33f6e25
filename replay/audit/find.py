r"""Where tags stand in a stretch of bytes, whatever surrounds them: syslog lines, JSON, CSV, key=value. Pure.

A tag is found by its structure alone: 24 characters with hyphens at 8 and 13 and hexadecimal digits elsewhere, next to
no further digit or hyphen. So no UUID is one (RFC 9562: its hyphens are at 8, 13, 18 and 23), and no part of a digest.
Some exports write what stands before a tag, a quote or an equals sign, as an escape that ends in digits itself:
`\u0022`, `\x22`, `%3D`. Behind one of these a tag is a tag.

Files are looked at block by block. A *window* is a block with the LEAD bytes before it; what straddles two blocks is
found in the window where its last byte is new.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.tags import SD_ID, SUFFIX, TAG_BYTES, Tags, parse_tags
from replay.places import texts_at

LEAD: Final = 32
"""Bytes before a block that its window repeats: a tag, and the escape before it."""
_ESCAPE_BYTES: Final = 6
"""Of the longest escape, `\\u0022`."""
_FIRST_HYPHEN, _SECOND_HYPHEN = 8, 13
assert LEAD >= TAG_BYTES + _ESCAPE_BYTES

_HYPHEN: Final = ord("-")
_IS_HEX: Final = np.zeros(256, np.bool_)
_IS_HEX[np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)] = True
_JOINS: Final = _IS_HEX.copy()
"""What may not stand beside a tag."""
_JOINS[_HYPHEN] = True

_LOWER: Final = 0x20
"""The bit by which small letters differ from capitals."""
_SUFFIX: Final = SUFFIX.strip().encode()
_WORD: Final = _SUFFIX[:-1]
_TAILS: Final = (b"=", SD_ID.encode()[len(_WORD) :], b"\\u003d")
"""What makes `stampede` a marker: what a tag stands behind, as it was sent and as some JSON has it."""
_PAIR_AT: Final = 3
"""Of the word's pairs of letters, `mp` is rare in text."""


def find_tags(window: NDArray[np.uint8]) -> tuple[NDArray[np.int64], Tags]:
    """The first bytes of the tags in a window, in order, and what they say.

    A tag is known to be one by the byte behind it, so that is the one that must be new. All that is returned is sound.
    """
    looked_at = window[LEAD - TAG_BYTES + _FIRST_HYPHEN : len(window) - TAG_BYTES + _SECOND_HYPHEN]
    hyphens = looked_at == _HYPHEN
    between = _SECOND_HYPHEN - _FIRST_HYPHEN
    places = np.flatnonzero(hyphens[:-between] & hyphens[between:]) + (LEAD - TAG_BYTES)
    texts = texts_at(window, places - 1, TAG_BYTES + 2)
    tags = parse_tags(texts[:, 1:-1])
    sound = tags.sound & ~_JOINS[texts[:, -1]]
    joined = np.flatnonzero(sound & _JOINS[texts[:, 0]])
    if joined.size:
        sound[joined] = _escaped(texts_at(window, places[joined] - _ESCAPE_BYTES, _ESCAPE_BYTES))
    if sound.all():
        return places, tags
    return places[sound], Tags(tags.run[sound], tags.port[sound], tags.sequence[sound], sound[sound])


def _escaped(before: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether the bytes before a tag, shape (tags, _ESCAPE_BYTES), end in an escape."""
    digits = _IS_HEX[before]
    two = digits[:, -2:].all(axis=1)
    lower = before | _LOWER
    unicode = two & digits[:, 2:4].all(axis=1) & (before[:, 0] == ord("\\")) & (lower[:, 1] == ord("u"))
    byte = two & (before[:, 2] == ord("\\")) & (lower[:, 3] == ord("x"))
    found: NDArray[np.bool_] = unicode | byte | (two & (before[:, 3] == ord("%")))
    return found


def find_markers(window: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The last bytes of what announces a tag, whether there is one or not: `stampede=`, `stampede@32473`; in order."""
    longest = len(_WORD) + max(map(len, _TAILS))
    first = LEAD - longest + 1
    lower = window[first:] | _LOWER
    one, two = _WORD[_PAIR_AT : _PAIR_AT + 2]
    pairs = np.flatnonzero((lower[:-1] == one) & (lower[1:] == two)) + first - _PAIR_AT
    words = pairs[pairs + len(_WORD) < len(window)]
    words = words[(texts_at(window, words, len(_WORD)) | _LOWER == np.frombuffer(_WORD, np.uint8)).all(axis=1)]
    ends = [_tails(window, words + len(_WORD), tail) for tail in _TAILS]
    return np.sort(np.concatenate(ends))


def _tails(window: NDArray[np.uint8], places: NDArray[np.int64], tail: bytes) -> NDArray[np.int64]:
    """The last byte of `tail` for each of the places where it stands, if that byte is new."""
    ends = places + len(tail) - 1
    places = places[(ends >= LEAD) & (ends < len(window))]
    letters = np.frombuffer(tail, np.uint8)
    texts = texts_at(window, places, len(tail))
    capitals = np.frombuffer(tail.upper(), np.uint8)
    same = ((texts == letters) | (texts == capitals)).all(axis=1)
    found: NDArray[np.int64] = places[same] + len(tail) - 1
    return found
