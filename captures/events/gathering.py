"""Events brought together in memory of their own: one behind the other, or with something between them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel, long_kernel
from captures.compiled.memory import copy_bytes

_LINE_END = ord("\n")


def gathered(data: NDArray[np.uint8], place: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Texts one behind the other; they stand at `place` in `data`, and all but `data` has shape (texts,)."""
    out = np.empty(int(length.sum()), np.uint8)
    gather(out, _read_only(data), place, length)
    return out


def as_lines(data: NDArray[np.uint8], place: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The same with a line end behind each text that has none, so that there are as many lines as texts."""
    out = np.empty(int(length.sum()) + len(length), np.uint8)
    return out[: gather_lines(out, _read_only(data), place, length)]


def joined(
    left: NDArray[np.uint8],
    left_place: NDArray[np.int64],
    left_length: NDArray[np.int64],
    between: int,
    right: NDArray[np.uint8],
    right_place: NDArray[np.int64],
    right_length: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """A text of `left`, the byte `between`, and a text of `right`, and so on, one behind the other."""
    out = np.empty(int(left_length.sum()) + len(left_length) + int(right_length.sum()), np.uint8)
    join(out, _read_only(left), left_place, left_length, between, _read_only(right), right_place, right_length)
    return out


def compilations() -> list[Callable[[], object]]:
    """Calls that compile all of it."""
    none, nothing = np.zeros(0, np.int64), np.zeros(0, np.uint8)
    return [
        lambda: gathered(nothing, none, none),
        lambda: as_lines(nothing, none, none),
        lambda: joined(nothing, none, none, _LINE_END, nothing, none, none),
    ]


def _read_only(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A view that can't be written, whether `data` can or not: for numba these are two types, to be compiled each."""
    view = data.view()
    view.flags.writeable = False
    return view


@long_kernel
def gather(
    out: NDArray[np.uint8], data: NDArray[np.uint8], place: NDArray[np.int64], length: NDArray[np.int64]
) -> None:
    """Copy texts one behind the other into `out`."""
    to = int64(0)
    for i in range(len(place)):
        copy_bytes(out, to, data, place[i], length[i])
        to += length[i]


@long_kernel
def gather_lines(
    out: NDArray[np.uint8], data: NDArray[np.uint8], place: NDArray[np.int64], length: NDArray[np.int64]
) -> int:
    """Copy texts into `out` with a line end behind each that has none; returns how many bytes that are."""
    to = int64(0)
    for i in range(len(place)):
        copy_bytes(out, to, data, place[i], length[i])
        to += length[i]
        if length[i] == 0 or out[to - 1] != _LINE_END:
            out[to] = _LINE_END
            to += 1
    return to


@kernel
def join(
    out: NDArray[np.uint8],
    left: NDArray[np.uint8],
    left_place: NDArray[np.int64],
    left_length: NDArray[np.int64],
    between: int,
    right: NDArray[np.uint8],
    right_place: NDArray[np.int64],
    right_length: NDArray[np.int64],
) -> None:
    """Copy a text of `left`, the byte `between`, and a text of `right` into `out`, and so on."""
    to = int64(0)
    for i in range(len(left_place)):
        copy_bytes(out, to, left, left_place[i], left_length[i])
        to += left_length[i]
        out[to] = between
        copy_bytes(out, to + 1, right, right_place[i], right_length[i])
        to += 1 + right_length[i]
