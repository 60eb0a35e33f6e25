"""How much a capture's payload varies, from a sample: identical bodies make a SIEM look too good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import zstandard

from captures.format import STAMP_WIDTHS, StampKind
from captures.reader import Capture

SAMPLE_EVENTS: Final = 1 << 16
_ZSTD_LEVEL: Final = 3
_ZSTD_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class SampledEvent:
    """One event of the sample."""

    text: bytes
    stamp_column: int
    stamp_kind: int

    @property
    def body(self) -> bytes:
        """What stands behind the stamp."""
        return self.text[self.stamp_column + STAMP_WIDTHS[StampKind(self.stamp_kind)] :]


@dataclass(frozen=True)
class PayloadFigures:
    """What the sampled bytes say."""

    events: int
    """Of the sample."""
    entropy_bits: float
    """Shannon's entropy of a byte, by itself: 8 would be noise."""
    body_entropy_bits: float
    """The same of what stands behind the stamps."""
    distinct_bodies: float
    """The part of the events whose body is the first of its kind."""
    zstd_ratio: float
    """Bytes before and after zstd, level 3."""


def sample(capture: Capture, events: int = SAMPLE_EVENTS) -> list[SampledEvent]:
    """About `events` events, in whole trains, evenly spaced over the capture."""
    trains = len(capture.trains)
    taken = min(trains, max(1, events * trains // capture.events))
    return [
        SampledEvent(row.tobytes(), int(train["stamp_column"]), int(train["stamp_kind"]))
        for number in (place * trains // taken for place in range(taken))
        for train in (capture.trains[number],)
        for row in capture.matrix(number)
    ]


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
    counts = np.bincount(np.frombuffer(text, np.uint8), minlength=256)
    shares = counts[counts > 0] / max(1, len(text))
    return float(-(shares * np.log2(shares)).sum()) + 0.0
