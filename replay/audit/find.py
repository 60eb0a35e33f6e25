r"""Where in a text are tags, whatever surrounds them: syslog lines, JSON, CSV, records, packets? By their shape. Pure.

A tag is found by its shape alone: 24 characters with hyphens at 8 and 13 and hexadecimal digits elsewhere. The
characters beside it say nothing: a digit may follow if no line feed separates records (`...-000000002a2026-12-26`, or
an octet count). No UUID contains such a text (RFC 9562: its hyphens are at 8, 13, 18 and 23).

Two such texts may overlap: the last digits of a tag and what follows may look like the run of another tag. If both name
one run, the first is the tag. If they name different runs, both are returned: only one can be of the run that is asked
for.

Files are read block by block. A *window* is a block with the LEAD bytes before it. A tag that lies in two blocks is
found in the window where its last byte is new.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.tags import MARK, SD_ID, TAG_BYTES, Tags, parse_tags
from replay.unaligned import texts_at

LEAD: Final = 64
"""How many bytes before its block a window repeats: enough for a tag and another one that it may overlap, or for the
end of a line that was cut within the text that announces a tag."""
_FIRST_HYPHEN, _SECOND_HYPHEN = 8, 13
assert LEAD >= 2 * (TAG_BYTES - 1)

_HYPHEN: Final = ord("-")

_LOWER: Final = 0x20
"""The bit that distinguishes small letters from capitals."""
_WORD: Final = MARK[:-1].encode()
_TAILS: Final = (b"=", SD_ID.encode()[len(_WORD) :], b"\\u003d")
"""What may follow `stampede` in a marker, the text that announces a tag: as it was sent, and as some JSON writes it."""
_PAIR_AT: Final = 3
"""Where the pair `mp` begins in the word: this pair is rare in other text, so it is searched first."""


def find_tags(window: NDArray[np.uint8]) -> tuple[NDArray[np.int64], Tags]:
    """Where the tags begin whose last byte is new in a window, in order, and what they say. All of them are sound."""
    looked_at = window[_FIRST_HYPHEN : len(window) - TAG_BYTES + _SECOND_HYPHEN + 1]
    hyphens = looked_at == _HYPHEN
    between = _SECOND_HYPHEN - _FIRST_HYPHEN
    places = np.flatnonzero(hyphens[:-between] & hyphens[between:])
    tags = parse_tags(texts_at(window, places, TAG_BYTES))
    places, tags = _pick(places, tags, tags.sound)
    return _pick(places, tags, (places > LEAD - TAG_BYTES) & ~_within_another(places, tags))


def _pick(places: NDArray[np.int64], tags: Tags, which: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Tags]:
    """The places and tags that `which` selects."""
    if which.all():
        return places, tags
    return places[which], Tags(tags.run[which], tags.port[which], tags.sequence[which], tags.sound[which])


def _within_another(places: NDArray[np.int64], tags: Tags) -> NDArray[np.bool_]:
    """Which tags begin within the tag before them, both naming the same run."""
    within = np.zeros(len(places), np.bool_)
    within[1:] = (np.diff(places) < TAG_BYTES) & (tags.run[1:] == tags.run[:-1])
    return within


def find_markers(window: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where markers end, in order: `stampede=` or `stampede@32473`, which announce a tag, even if none follows."""
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
    """Where `tail` ends, for each of the `places` at which it stands, if its last byte is new in the window."""
    ends = places + len(tail) - 1
    places = places[(ends >= LEAD) & (ends < len(window))]
    letters = np.frombuffer(tail, np.uint8)
    texts = texts_at(window, places, len(tail))
    capitals = np.frombuffer(tail.upper(), np.uint8)
    same = ((texts == letters) | (texts == capitals)).all(axis=1)
    found: NDArray[np.int64] = places[same] + len(tail) - 1
    return found
