"""A profile made ready for rendering: each variant of its templates is a frame, with the values of its fields.

A variant is a template with some of its optional parts, or with none of them. A frame has its text cut into segments:
literals, and slots into which the values of fields go.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import LOCAL_ZONE, StampKind
from captures.format.stamps import stamp_texts
from precompute.draws.shares import integer_weights
from precompute.fields.generated import Generated
from precompute.fields.plain import Pooled
from precompute.notation.template import Placeholder, Segment
from precompute.profile.lines import BlankTag, escaped, zone_minutes
from precompute.profile.model import Profile
from precompute.profile.variants import variants
from precompute.rendering.pools import AliasTables, Hosts, Pool, make_hosts, make_pool

Column = tuple[str, bool]
"""A column of a field by its name, and whether it stands in structured data, with escapes."""


@dataclass(frozen=True, order=True)
class StampField:
    """Where the events of a frame have their stamp, and how it is written."""

    column: int
    kind: StampKind
    zone_minutes: int

    def built(self, instants_ns: NDArray[np.int64]) -> NDArray[np.void]:
        """The text that each instant (since 1970) has in a capture, where a local zone is UTC; shape (instants,)."""
        return stamp_texts(self.kind, 0 if self.zone_minutes == LOCAL_ZONE else self.zone_minutes, instants_ns)


@dataclass(frozen=True)
class Slot:
    """Where a column of a source goes."""

    source: int
    column: int


@dataclass(frozen=True, eq=False)
class Frame:
    """A variant of a template; a field named twice is one source with two slots."""

    template: int
    """The number of the template, in the order of `Profile.templates`."""
    segments: tuple[bytes | Slot, ...]
    sources: tuple[Pool | Generated, ...]
    source_names: tuple[str, ...]
    source_columns: tuple[tuple[Column, ...], ...]
    """What each source's columns are."""
    stamp: StampField
    tag: tuple[int, int] | None
    """The segment that holds the tag, and the bytes before the tag in it; None if the events have no tags."""
    host: int | None
    """The source that says which host the event comes from; None where the profile names no such field."""

    @cached_property
    def literals(self) -> tuple[bytes, ...]:
        """The segments, of which those are empty in which a value stands."""
        return tuple(segment if isinstance(segment, bytes) else b"" for segment in self.segments)

    @cached_property
    def _literal_bytes(self) -> int:
        return sum(map(len, self.literals))

    def _slots(self, source: int) -> list[int]:
        """The columns of a source, once for each place."""
        return [segment.column for segment in self.segments if isinstance(segment, Slot) and segment.source == source]

    @cached_property
    def shown(self) -> tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]:
        """Of each source: the columns that it shows, and the segments in which each of them stands."""
        places: list[dict[int, list[int]]] = [{} for _ in self.sources]
        for number, segment in enumerate(self.segments):
            if isinstance(segment, Slot):
                places[segment.source].setdefault(segment.column, []).append(number)
        return tuple(tuple((column, tuple(at)) for column, at in own.items()) for own in places)

    @property
    def mean_bytes(self) -> Fraction:
        """The mean length of its events."""
        mean = Fraction(self._literal_bytes)
        for number, source in enumerate(self.sources):
            for column in self._slots(number):
                mean += source.mean_bytes[column] if isinstance(source, Pool) else source.length
        return mean

    @cached_property
    def varied(self) -> tuple[int, ...]:
        """The sources whose values have several lengths."""
        return tuple(
            number for number, source in enumerate(self.sources) if isinstance(source, Pool) and len(source.buckets) > 1
        )

    @cached_property
    def widths(self) -> tuple[NDArray[np.int64], ...]:
        """Of each source: the bytes of an event that are its values, by bucket; of one that is no pool, just once."""
        return tuple(
            source.lengths[:, self._slots(number)].sum(axis=1)
            if isinstance(source, Pool)
            else np.array([source.length * len(self._slots(number))])
            for number, source in enumerate(self.sources)
        )

    @cached_property
    def fixed_bytes(self) -> int:
        """The bytes of an event that are not values of the `varied` sources."""
        fixed = (int(widths[0]) for number, widths in enumerate(self.widths) if number not in self.varied)
        return self._literal_bytes + sum(fixed)

    def lengths(self, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Event lengths, shape (n,), of the sources' `buckets`, shape (n, sources)."""
        lengths = np.full(len(buckets), self.fixed_bytes)
        for source in self.varied:
            lengths += self.widths[source][buckets[:, source]]
        return lengths

    def tag_columns(self, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the tag is in events of the sources' `buckets`, shape (n, sources); 0: there is none. Shape (n,)."""
        if self.tag is None:
            return np.zeros(len(buckets), np.int64)
        segment, before = self.tag
        return self._widths(self.segments[:segment], buckets) + before

    def _widths(self, segments: Iterable[bytes | Slot], buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The bytes of some of the segments, shape (n,)."""
        widths = np.zeros(len(buckets), np.int64)
        for segment in segments:
            if isinstance(segment, bytes):
                widths += len(segment)
                continue
            source = self.sources[segment.source]
            if isinstance(source, Pool):
                widths += source.lengths[buckets[:, segment.source], segment.column]
            else:
                widths += source.length
        return widths


@dataclass(frozen=True, eq=False)
class Frames:
    """A profile ready for rendering."""

    frames: tuple[Frame, ...]
    """The frames of all templates; the variants of one template follow each other."""
    weights: tuple[int, ...]
    """The weight of each frame."""
    mean_bytes: Fraction
    """The mean length of an event."""
    templates: int
    stamps: tuple[StampField, ...]
    """All stamp fields of the profile, in ascending order."""
    hosts: Hosts | None
    """The values of the profile's `source`."""
    tables: NDArray[np.uint64]
    """By which the values of all pools are chosen: see `precompute.rendering.pools.AliasTables`."""


def make_frames(profile: Profile) -> Frames:
    """Sort the pools of a checked profile by length, and put them into its templates."""
    planned, shares = [], []
    start = np.array([profile.start_ns])
    templates = list(profile.templates())
    for number, ((_, style, template), share) in enumerate(zip(templates, profile.shares(), strict=True)):
        line = template.line(style)
        stamp = StampField(len(line.head), style.stamp_kind, zone_minutes(style.zone))
        head = line.head + stamp.built(start)[0].tobytes().decode()
        for tail, part in variants(line, profile.fields):
            planned.append((number, stamp, (head, *tail)))
            shares.append(share * part)
    fields = _Fields(profile, [segment for _, _, segments in planned for segment in segments])
    frames = [_frame(fields, *parts) for parts in planned]
    return Frames(
        frames=tuple(frames),
        weights=tuple(integer_weights(shares)),
        mean_bytes=sum((share * frame.mean_bytes for share, frame in zip(shares, frames, strict=True)), Fraction()),
        templates=len(templates),
        stamps=tuple(sorted({frame.stamp for frame in frames})),
        hosts=fields.hosts,
        tables=fields.tables.joined(),
    )


class _Fields:
    """The sources of a profile's fields; pools are made once for the columns that are asked for together."""

    def __init__(self, profile: Profile, segments: Iterable[Segment]) -> None:
        """`segments` are those of all frames."""
        self._fields = profile.fields
        self._pools: dict[tuple[str, tuple[Column, ...]], Pool] = {}
        self._special: dict[Column, bool] = {}
        self.tables = AliasTables()
        self.host = profile.source
        self.hosts: Hosts | None = None
        if self.host is not None:
            named = (part for part in segments if isinstance(part, Placeholder) and part.field == self.host)
            self._host_columns = sorted({self.column(placeholder) for placeholder in named})
            self.hosts = make_hosts(*self._values(self.host, self._host_columns), self.tables)

    def source(self, name: str, columns: tuple[Column, ...]) -> Pool | Generated:
        """A field with these columns."""
        field = self._fields[name]
        if isinstance(field, Generated):
            return field
        if (name, columns) not in self._pools:
            if self.hosts is not None and name == self.host:
                # Frames that share trains have the same buckets, whichever columns they show.
                pool = self.hosts.pool.of_columns([self._host_columns.index(column) for column in columns])
            else:
                pool = make_pool(*self._values(name, columns), self.tables)
            self._pools[name, columns] = pool
        return self._pools[name, columns]

    def _values(self, name: str, columns: Sequence[Column]) -> tuple[list[Sequence[str]], Sequence[int]]:
        """The texts of these columns of a field, and the weight of each value."""
        field = self._fields[name]
        assert isinstance(field, Pooled), "optional parts are expanded before"
        of_name = dict(zip(field.column_names, field.column_texts(), strict=True))
        texts = [list(map(escaped, of_name[name])) if escape else of_name[name] for name, escape in columns]
        return texts, field.weights()

    def column(self, placeholder: Placeholder) -> Column:
        """The column that a placeholder names; escaped only if that makes a difference."""
        field = self._fields[placeholder.field]
        if not placeholder.escaped or not isinstance(field, Pooled):
            return placeholder.column, False
        at, key = field.column_names.index(placeholder.column), (placeholder.field + "." + placeholder.column, True)
        if key not in self._special:
            self._special[key] = any(escaped(text) != text for text in field.column_texts()[at])
        return placeholder.column, self._special[key]


def _frame(fields: _Fields, template: int, stamp: StampField, parts: Iterable[Segment]) -> Frame:
    columns: dict[str, list[Column]] = {}
    places: list[bytes | tuple[str, Column]] = []
    tag = None
    for part in parts:
        if isinstance(part, Placeholder):
            column = fields.column(part)
            own = columns.setdefault(part.field, [])
            if column not in own:
                own.append(column)
            places.append((part.field, column))
            continue
        if not places or not isinstance(places[-1], bytes):
            places.append(b"")
        literal = places[-1]
        assert isinstance(literal, bytes)
        if isinstance(part, BlankTag):
            tag = len(places) - 1, len(literal)
        places[-1] = literal + part.encode()
    names = list(columns)
    return Frame(
        template=template,
        segments=tuple(
            place if isinstance(place, bytes) else Slot(names.index(place[0]), columns[place[0]].index(place[1]))
            for place in places
        ),
        sources=tuple(fields.source(name, tuple(own)) for name, own in columns.items()),
        source_names=tuple(names),
        source_columns=tuple(tuple(own) for own in columns.values()),
        stamp=stamp,
        tag=tag,
        host=None if fields.host is None else names.index(fields.host),
    )
