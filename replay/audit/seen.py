"""Which event numbers of each lane were seen? Exact, in little memory, and in any order.

A lane's numbers are divided into stretches of STRETCH. A stretch of which nothing was seen needs no memory. A stretch
that was seen as a whole is a key in a dictionary, about 100 bytes. Any other has a page, with a bit for each number.
The pages are in a temporary file without a name, mapped into memory, so that the kernel can write them to the disk. The
file lies in Python's folder for temporary files (TMPDIR), and grows with the pages. A full page is used again for
another stretch.

So a billion events need 3 MB of memory if none is missing, and 125 MB of file as well if each stretch misses some. A
tag with a hostile number can cost a page, so the number of pages is bounded: numbers for which there is no page are
refused.
"""

import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import kernel
from captures.console.errors import RunError
from captures.format.tags import MAX_SEQUENCE

_SHIFT: Final = 15
STRETCH: Final = 1 << _SHIFT
PAGE_BYTES: Final = STRETCH // 8
MAX_PAGES: Final = 1 << 20
"""So many pages are a file of 4 GiB: enough for 34 billion events if every stretch misses some."""
_GROWTH_PAGES: Final = 256
_KEY_BITS: Final = 25
"""How many bits of a key are the stretch's number; the bits above them are the lane's number."""
_FULL: Final = 0
"""The page that all stretches share that were seen as a whole: every bit of it is set."""
_NONE: Final = -1
assert 1 << _KEY_BITS << _SHIFT == MAX_SEQUENCE + 1

Ranges = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The first number of each range, and the number after its last: int64, shape (ranges,) each. Ranges rise, and none
touches the next."""


class Added(NamedTuple):
    """What became of numbers that were added, bool, shape (numbers,) each."""

    new: NDArray[np.bool_]
    """The number was seen for the first time."""
    refused: NDArray[np.bool_]
    """There was no page for the number."""


class Seen:
    """The numbers seen so far, by lane. Close it, or use it as a context manager."""

    def __init__(self, max_pages: int = MAX_PAGES) -> None:
        """Make the file of the pages. Raises RunError if that is not possible."""
        self._max_pages = max_pages
        self._pages_of: dict[int, int] = {}
        self._keys: list[int] = [_NONE]
        self._counts = np.zeros(max_pages, np.int32)
        self._free: list[int] = []
        self._room = 0
        try:
            self._file = tempfile.TemporaryFile(prefix="stampede-audit-")  # noqa: SIM115 - closed by close()
            os.ftruncate(self._file.fileno(), max_pages * PAGE_BYTES)
            self._map = mmap.mmap(self._file.fileno(), max_pages * PAGE_BYTES)
        except OSError as error:
            raise RunError(_no_file(error)) from None
        self._bytes = np.frombuffer(self._map, np.uint8)
        self._grow()
        self._bytes[:PAGE_BYTES] = 0xFF

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; this also deletes it, since it has no name."""
        self._bytes = np.zeros(0, np.uint8)
        self._map.close()
        self._file.close()

    @property
    def pages(self) -> int:
        """How many pages are in use."""
        return len(self._keys) - 1 - len(self._free)

    def add(self, lanes: NDArray[np.int64], numbers: NDArray[np.int64]) -> Added:
        """Add numbers of lanes, int64, shape (numbers,) each. It is fastest if neighbours are in one stretch.

        Raises RunError when the disk is full.
        """
        if not numbers.size:
            return Added(np.zeros(0, np.bool_), np.zeros(0, np.bool_))
        keys = lanes << _KEY_BITS | numbers >> _SHIFT
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        pages = np.array([self._page_of(key) for key in keys[starts].tolist()], np.int64)
        page_of = np.repeat(pages, np.diff(starts, append=len(keys)))
        new = np.zeros(len(numbers), np.bool_)
        _set_bits(self._bytes, self._counts, page_of, numbers, new)
        for page in set(pages[self._counts[pages] == STRETCH].tolist()) - {_NONE}:
            self._retire(page)
        return Added(new, page_of == _NONE)

    def _page_of(self, key: int) -> int:
        page = self._pages_of.get(key)
        if page is None:
            page = self._take_page(key)
            if page != _NONE:
                self._pages_of[key] = page
        return page

    def _take_page(self, key: int) -> int:
        """An empty page for a stretch; _NONE: there is no page left."""
        if self._free:
            page = self._free.pop()
            self._keys[page] = key
            return page
        page = len(self._keys)
        if page >= self._max_pages:
            return _NONE
        if page >= self._room:
            self._grow()
        self._keys.append(key)
        return page

    def _grow(self) -> None:
        """Reserve room on the disk: if a mapped file finds none later, SIGBUS ends the process."""
        room = min(self._room + _GROWTH_PAGES, self._max_pages)
        try:
            os.posix_fallocate(self._file.fileno(), 0, room * PAGE_BYTES)
        except OSError as error:
            raise RunError(_no_file(error)) from None
        self._room = room

    def _retire(self, page: int) -> None:
        """Free a page that is full: its stretch uses the page _FULL from now on."""
        self._pages_of[self._keys[page]] = _FULL
        self._bytes[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = 0
        self._counts[page] = 0
        self._free.append(page)

    def missing(self, lane: int, end: int) -> Iterator[Ranges]:
        """The ranges of a lane's numbers below `end` that were not seen, in order, about one stretch at a time."""
        held: Ranges | None = None
        for starts, ends in self._parts(lane, end):
            if held is not None and held[1][0] == starts[0]:
                starts[0] = held[0][0]
            elif held is not None:
                yield held
            if len(starts) > 1:
                yield starts[:-1], ends[:-1]
            held = starts[-1:], ends[-1:]
        if held is not None:
            yield held

    def _parts(self, lane: int, end: int) -> Iterator[Ranges]:
        """The missing ranges, divided where stretches begin; no part is empty."""
        first_key, reached = lane << _KEY_BITS, 0
        for key in sorted(key for key in self._pages_of if key >> _KEY_BITS == lane):
            begin = (key - first_key) << _SHIFT
            if begin >= end:
                break
            if begin > reached:
                yield np.array([reached]), np.array([begin])
            starts, ends = self._holes(key, begin)
            below = starts < end
            if below.any():
                yield starts[below], np.minimum(ends[below], end)
            reached = begin + STRETCH
        if reached < end:
            yield np.array([reached]), np.array([end])

    def _holes(self, key: int, begin: int) -> Ranges:
        """The missing ranges of a stretch that begins with number `begin`."""
        page = self._pages_of[key]
        if page == _FULL:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        bits = np.unpackbits(self._bytes[page * PAGE_BYTES : (page + 1) * PAGE_BYTES], bitorder="little")
        turns = np.flatnonzero(np.diff(bits, prepend=1, append=1)) + begin
        return turns[::2], turns[1::2]


@kernel
def _set_bits(
    bits: NDArray[np.uint8],
    counts: NDArray[np.int32],
    pages: NDArray[np.int64],
    numbers: NDArray[np.int64],
    new: NDArray[np.bool_],
) -> None:
    """Set the bit of each number in its page, and count it there; `new` says which were not set.

    `pages`, `numbers` and `new` have shape (numbers,), `counts` has an item for each page.
    """
    for i in range(len(numbers)):
        page = pages[i]
        if page == _NONE:
            continue
        place = page << _SHIFT | numbers[i] & (STRETCH - 1)
        bit = 1 << (place & 7)
        if not bits[place >> 3] & bit:
            bits[place >> 3] |= bit
            counts[page] += 1
            new[i] = True


def _no_file(error: OSError) -> str:
    try:
        folder = tempfile.gettempdir()
    except OSError:
        folder = "TMPDIR"
    return f"{folder}: no room for what was seen ({error.strerror}); set TMPDIR to a folder on a disk with space"
