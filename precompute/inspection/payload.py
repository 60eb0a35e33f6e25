"""How much a capture's payload varies, from a sample: identical bodies make a SIEM look too good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import zstandard

from captures.format.capture import Capture
from captures.format.layout import STAMP_WIDTHS, StampKind

SAMPLE_EVENTS: Final = 1 << 16
SAMPLE_BYTES: Final = 32 << 20
_STRIDE: Final = 32
"""Of each train that is read in a large capture, every 32nd event is taken: that is four events at most.

Many short reads of different trains tell more than a few long ones, since the events of a train are alike.
"""
_BYTES_AT_ONCE: Final = 1 << 20
_ZSTD_LEVEL: Final = 3
_ZSTD_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class SampledEvent:
    """One event of the sample."""

    text: bytes
    stamp_column: int
    stamp_kind: int
    train: int
    """The number of the train that the event is of. Events of one train are alike, so together they say less."""

    @property
    def body(self) -> bytes:
        """The body: all bytes behind the stamp."""
        return self.text[self.stamp_column + STAMP_WIDTHS[StampKind(self.stamp_kind)] :]


@dataclass(frozen=True)
class PayloadFigures:
    """The figures of the sampled bytes."""

    events: int
    """The number of events in the sample."""
    entropy_bits: float
    """Shannon's entropy of single bytes, in bits; noise would have 8."""
    body_entropy_bits: float
    """The same entropy, of the bodies alone."""
    distinct_bodies: float
    """The part of the events whose body is the first of its kind."""
    zstd_ratio: float
    """Bytes before and after zstd, level 3."""


def sample(capture: Capture) -> list[SampledEvent]:
    """About `SAMPLE_EVENTS` events, or fewer of about `SAMPLE_BYTES`, evenly spaced over the capture.

    Each event is as likely to be taken. Of a train, whose events are of one length and hence alike, only
    every 32nd is, where there are trains enough: more of it would say little more.
    """
    wanted = max(1, min(SAMPLE_EVENTS, SAMPLE_BYTES * capture.events // max(1, len(capture.payload))))
    trains, stride = len(capture.trains), max(1, min(_STRIDE, capture.events // wanted))
    taken = min(trains, -(-wanted * stride * trains // capture.events))
    sampled: list[SampledEvent] = []
    room = 2 * SAMPLE_BYTES
    for place in range(taken):
        number = place * trains // taken
        train = capture.trains[number]
        column, kind = int(train["stamp_column"]), int(train["stamp_kind"])
        rows = capture.matrix(number)[place % stride :: stride]
        sampled += [SampledEvent(row.tobytes(), column, kind, number) for row in rows]
        room -= rows.size
        if room <= 0:  # the trains that are taken are far longer than the mean
            break
    return sampled


def payload_figures(sampled: Sequence[SampledEvent]) -> PayloadFigures:
    """The figures of a sample, which has one event at least."""
    bodies = [event.body for event in sampled]
    text = b"\n".join(event.text for event in sampled)[:_ZSTD_BYTES]
    return PayloadFigures(
        events=len(sampled),
        entropy_bits=_entropy_bits(b"".join(event.text for event in sampled)),
        body_entropy_bits=_entropy_bits(b"".join(bodies)),
        distinct_bodies=len(set(bodies)) / len(bodies),
        zstd_ratio=len(text) / len(zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(text)),
    )


def _entropy_bits(text: bytes) -> float:
    """Bits of information in each byte, by how often each value comes."""
    counts = np.zeros(256, np.int64)
    for start in range(0, len(text), _BYTES_AT_ONCE):  # since bincount takes eight bytes of memory for each byte
        counts += np.bincount(np.frombuffer(text[start : start + _BYTES_AT_ONCE], np.uint8), minlength=256)
    shares = counts[counts > 0] / max(1, len(text))
    return float(-(shares * np.log2(shares)).sum()) + 0.0
