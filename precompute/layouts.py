"""A profile made ready for rendering: templates, and their layouts.

A layout is a template with the length of each of its fields fixed: its events form a byte matrix in which
every field has constant columns, so a field of a thousand events is one gather and one strided assignment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from precompute.pools import Bucket, Pool, make_pool
from precompute.profile import Profile
from precompute.sampling import cumulative_shares, integer_weights
from precompute.syslog import Line
from precompute.template import Placeholder, parse_template


@dataclass(frozen=True, eq=False)
class Frame:
    """A template whose fields are pools; a field named twice is one pool with two places."""

    segments: tuple[bytes | int, ...]
    """Literals, and indexes into `pools`."""
    pools: tuple[Pool, ...]
    stamp_column: int

    @property
    def literal_bytes(self) -> int:
        """Bytes that no field brings."""
        return sum(len(segment) for segment in self.segments if isinstance(segment, bytes))

    @property
    def mean_bytes(self) -> Fraction:
        """The mean length of its events."""
        return sum(
            (pool.mean_bytes * self.segments.count(field) for field, pool in enumerate(self.pools)),
            Fraction(self.literal_bytes),
        )

    def lengths(self, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Event lengths, shape (n,), of the fields' `buckets`, shape (n, fields)."""
        lengths = np.full(len(buckets), self.literal_bytes)
        for field, pool in enumerate(self.pools):
            lengths += pool.lengths[buckets[:, field]] * self.segments.count(field)
        return lengths


@dataclass(frozen=True, eq=False)
class Frames:
    """A profile ready for rendering."""

    frames: tuple[Frame, ...]
    """One of each template, in the order of `Profile.templates`."""
    shares: NDArray[np.uint64]
    """Cumulative shares of the templates, shape (templates + 1,)."""
    mean_bytes: Fraction
    """The mean length of an event."""


def make_frames(profile: Profile) -> Frames:
    """Sort the pools of a checked profile by length, and put them into its templates."""
    pools = {
        name: make_pool((value.encode(), weight) for value, weight in field.values())
        for name, field in profile.fields.items()
    }
    frames = tuple(_frame(template.line(profile.start), pools) for _, template in profile.templates())
    shares = profile.shares()
    return Frames(
        frames=frames,
        shares=cumulative_shares(integer_weights(shares)),
        mean_bytes=sum((share * frame.mean_bytes for share, frame in zip(shares, frames, strict=True)), Fraction()),
    )


def _frame(line: Line, pools: Mapping[str, Pool]) -> Frame:
    segments = parse_template(line.text)
    names = list(dict.fromkeys(segment.field for segment in segments if isinstance(segment, Placeholder)))
    return Frame(
        segments=tuple(
            names.index(segment.field) if isinstance(segment, Placeholder) else segment.encode() for segment in segments
        ),
        pools=tuple(pools[name] for name in names),
        stamp_column=line.stamp_column,
    )


@dataclass(frozen=True, eq=False)
class Fill:
    """A field of a layout, and where its values go."""

    bucket: Bucket
    columns: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """A matrix of events, but for its rows."""

    base: NDArray[np.void]
    """One event with the literals in place, shape (1,), dtype V{length}."""
    fills: tuple[Fill, ...]
    """The fields that vary."""
    sizes: tuple[int, ...]
    """How many values each of `fills` has."""


def make_layout(frame: Frame, buckets: tuple[int, ...]) -> Layout:
    """The layout of a frame whose fields take the lengths of `buckets`: one for each pool, then padding."""
    chosen = [pool.buckets[bucket] for pool, bucket in zip(frame.pools, buckets, strict=False)]
    base = b""
    columns: list[list[int]] = [[] for _ in chosen]
    for segment in frame.segments:
        if isinstance(segment, bytes):
            base += segment
        else:
            columns[segment].append(len(base))
            base += chosen[segment].values[0].tobytes()
    fills = tuple(
        Fill(bucket, tuple(places))
        for bucket, places in zip(chosen, columns, strict=True)
        if len(bucket.values) > 1  # a single value is in the base already
    )
    return Layout(
        base=np.frombuffer(base, f"V{len(base)}"),
        fills=fills,
        sizes=tuple(len(fill.bucket.values) for fill in fills),
    )
