"""Compares the lengths of events with the lengths that the shares of the profile ask for.

Templates and the lengths of each field are dealt, so the mean is that of the profile but for a few bytes in the whole
capture. Which lengths of several fields meet in an event is drawn, cell by cell, so the lengths of events only come
near their shares: how near is told as the part of the events that would need another length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from precompute.rendering.frames import Frame, Frames
from precompute.rendering.pools import Pool


@dataclass(frozen=True)
class LengthTest:
    """The lengths of a capture's events against the profile."""

    asked_mean_bytes: float
    misplaced: float
    """The part of the events that would need another length for all shares to be as asked (total variation)."""


def length_test(frames: Frames, lengths: Mapping[int, int]) -> LengthTest:
    """Compare `lengths`, the events of each length in bytes, with what the frames of a profile ask."""
    whole, events = sum(frames.weights), sum(lengths.values())
    size = max(*lengths, *map(_longest, frames.frames)) + 1
    off = np.zeros(size)
    for length, count in lengths.items():
        off[length] = count / events
    for frame, weight in zip(frames.frames, frames.weights, strict=True):
        if weight:
            shares = _shares(frame)
            off[: len(shares)] -= float(Fraction(weight, whole)) * shares
    return LengthTest(asked_mean_bytes=float(frames.mean_bytes), misplaced=float(abs(off).sum() / 2))


def _longest(frame: Frame) -> int:
    return frame.fixed_bytes + sum(int(frame.widths[field].max()) for field in frame.varied)


def _shares(frame: Frame) -> NDArray[np.float64]:
    """The share of each length from 0 on in the events of a frame, whose fields are drawn independently."""
    shares = np.zeros(_longest(frame) + 1)
    shares[frame.fixed_bytes] = 1
    for number in frame.varied:
        pool = frame.fields[number]
        assert isinstance(pool, Pool)
        weights = np.array([float(Fraction(weight, sum(pool.weights))) for weight in pool.weights])
        of_width = np.bincount(frame.widths[number], weights)
        before, shares = shares, np.zeros(len(shares))
        for width in np.flatnonzero(of_width).tolist():
            shares[width:] += of_width[width] * before[: len(before) - width]
    return shares
