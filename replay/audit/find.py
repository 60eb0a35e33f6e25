r"""Where tags stand in a stretch of bytes, whatever surrounds them: syslog lines, JSON, CSV, records, packets. Pure.

A tag is found by its shape alone: 24 characters with hyphens at 8 and 13 and hexadecimal digits elsewhere. What stands
beside it says nothing: where records have no line feed between them, a digit may (`...-000000002a2026-12-26`, or an
octet count). No UUID holds one (RFC 9562: its hyphens are at 8, 13, 18 and 23).

Two such texts may overlap: the last digits of a tag and what follows may look like the run of another. Of one run the
first is the tag; texts of different runs are both told, for only one of them is of the run that is asked for.

Files are looked at block by block. A *window* is a block with the LEAD bytes before it; what straddles two blocks is
found in the window where its last byte is new.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.tags import MARK, SD_ID, TAG_BYTES, Tags, parse_tags
from replay.unaligned import texts_at

LEAD: Final = 64
"""Bytes before a block that its window repeats: a tag and the one that it may overlap, or the end of a line that was
cut within what announces a tag."""
_FIRST_HYPHEN, _SECOND_HYPHEN = 8, 13
assert LEAD >= 2 * (TAG_BYTES - 1)

_HYPHEN: Final = ord("-")

_LOWER: Final = 0x20
"""The bit by which small letters differ from capitals."""
_WORD: Final = MARK[:-1].encode()
_TAILS: Final = (b"=", SD_ID.encode()[len(_WORD) :], b"\\u003d")
"""What makes `stampede` a marker: what a tag stands behind, as it was sent and as some JSON has it."""
_PAIR_AT: Final = 3
"""Of the word's pairs of letters, `mp` is rare in text."""


def find_tags(window: NDArray[np.uint8]) -> tuple[NDArray[np.int64], Tags]:
    """The first bytes of the tags whose last byte is new in a window, in order, and what they say. All are sound."""
    looked_at = window[_FIRST_HYPHEN : len(window) - TAG_BYTES + _SECOND_HYPHEN + 1]
    hyphens = looked_at == _HYPHEN
    between = _SECOND_HYPHEN - _FIRST_HYPHEN
    places = np.flatnonzero(hyphens[:-between] & hyphens[between:])
    tags = parse_tags(texts_at(window, places, TAG_BYTES))
    places, tags = _pick(places, tags, tags.sound)
    return _pick(places, tags, (places > LEAD - TAG_BYTES) & ~_within_another(places, tags))


def _pick(places: NDArray[np.int64], tags: Tags, which: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Tags]:
    """Some of them."""
    if which.all():
        return places, tags
    return places[which], Tags(tags.run[which], tags.port[which], tags.sequence[which], tags.sound[which])


def _within_another(places: NDArray[np.int64], tags: Tags) -> NDArray[np.bool_]:
    """Which of the tags begin within the one before them, if that is of the same run."""
    within = np.zeros(len(places), np.bool_)
    within[1:] = (np.diff(places) < TAG_BYTES) & (tags.run[1:] == tags.run[:-1])
    return within


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
