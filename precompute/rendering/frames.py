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
from captures.format.stamp_writing import stamp_texts
from precompute.draws.alias import AliasTables
from precompute.draws.shares import integer_weights
from precompute.fields.generated import Generated
from precompute.fields.plain import Pooled
from precompute.notation.template import Placeholder, Segment
from precompute.profile.lines import BlankTag, escaped, zone_minutes
from precompute.profile.model import Profile
from precompute.profile.variants import variants
from precompute.rendering.pools import Hosts, Pool, make_hosts, make_pool

Column = tuple[str, bool]
"""The name of a field's column, and whether its texts get the escapes of structured data."""


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
    """A place in a frame where one column of one of the frame's fields goes."""

    field: int
    """The field's number in the frame."""
    column: int
    """The column's number among those of this field that the frame shows."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A variant of a template, with the fields that it shows. A field that it shows twice has two slots."""

    template: int
    """The number of the template, in the order of `Profile.templates`."""
    segments: tuple[bytes | Slot, ...]
    """The text of an event, in order: literals, and slots for the values of fields."""
    fields: tuple[Pool | Generated, ...]
    """The fields that the frame shows: the values to choose from, or what makes new ones."""
    field_names: tuple[str, ...]
    """The name that each field has in the profile."""
    field_columns: tuple[tuple[Column, ...], ...]
    """The columns of each field that the frame shows."""
    stamp: StampField
    tag: tuple[int, int] | None
    """The number of the segment that holds the tag, and how many of its bytes come before the tag.

    It is None if the events have no tags.
    """
    host: int | None
    """The number of the field that says which host an event comes from; None where the profile has no `source`."""

    @cached_property
    def literals(self) -> tuple[bytes, ...]:
        """The segments, with an empty text in place of each slot."""
        return tuple(segment if isinstance(segment, bytes) else b"" for segment in self.segments)

    @cached_property
    def _literal_bytes(self) -> int:
        return sum(map(len, self.literals))

    def _slots(self, field: int) -> list[int]:
        """The columns of a field that stand in slots, as often as they do."""
        return [segment.column for segment in self.segments if isinstance(segment, Slot) and segment.field == field]

    @cached_property
    def shown(self) -> tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]:
        """For each field, the columns that are shown, and the numbers of the segments in which each of them stands."""
        places: list[dict[int, list[int]]] = [{} for _ in self.fields]
        for number, segment in enumerate(self.segments):
            if isinstance(segment, Slot):
                places[segment.field].setdefault(segment.column, []).append(number)
        return tuple(tuple((column, tuple(at)) for column, at in own.items()) for own in places)

    @property
    def mean_bytes(self) -> Fraction:
        """The mean length of its events."""
        mean = Fraction(self._literal_bytes)
        for number, field in enumerate(self.fields):
            for column in self._slots(number):
                mean += field.mean_bytes[column] if isinstance(field, Pool) else field.length
        return mean

    @cached_property
    def varied(self) -> tuple[int, ...]:
        """The numbers of the fields whose values have several lengths."""
        return tuple(
            number for number, field in enumerate(self.fields) if isinstance(field, Pool) and len(field.buckets) > 1
        )

    @cached_property
    def widths(self) -> tuple[NDArray[np.int64], ...]:
        """For each field, how many bytes of an event are its values, by bucket: shape (buckets,).

        A field whose values are generated has one length, and counts as one bucket.
        """
        return tuple(
            field.lengths[:, self._slots(number)].sum(axis=1)
            if isinstance(field, Pool)
            else np.array([field.length * len(self._slots(number))])
            for number, field in enumerate(self.fields)
        )

    @cached_property
    def fixed_bytes(self) -> int:
        """The bytes of an event that are not values of the `varied` fields."""
        fixed = (int(widths[0]) for number, widths in enumerate(self.widths) if number not in self.varied)
        return self._literal_bytes + sum(fixed)

    def lengths(self, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lengths of events whose fields take their values from these `buckets`.

        `buckets` has shape (events, fields), and the result has shape (events,).
        """
        lengths = np.full(len(buckets), self.fixed_bytes)
        for field in self.varied:
            lengths += self.widths[field][buckets[:, field]]
        return lengths

    def tag_columns(self, buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The column in which the tag begins in events of these `buckets`, or 0 where events have no tags.

        `buckets` has shape (events, fields), and the result has shape (events,).
        """
        if self.tag is None:
            return np.zeros(len(buckets), np.int64)
        segment, before = self.tag
        return self._widths(self.segments[:segment], buckets) + before

    def _widths(self, segments: Iterable[bytes | Slot], buckets: NDArray[np.int64]) -> NDArray[np.int64]:
        """The bytes that some of the segments have together in events of these `buckets`; shape (events,)."""
        widths = np.zeros(len(buckets), np.int64)
        for segment in segments:
            if isinstance(segment, bytes):
                widths += len(segment)
                continue
            field = self.fields[segment.field]
            if isinstance(field, Pool):
                widths += field.lengths[buckets[:, segment.field], segment.column]
            else:
                widths += field.length
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
    """The values of the field that is the profile's `source`; None where it has none."""
    tables: NDArray[np.uint64]
    """The tables by which the values of all pools are chosen: see `precompute.draws.alias.AliasTables`."""


def make_frames(profile: Profile) -> Frames:
    """Sort the values of a checked profile's fields by length, and put them into its templates."""
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
    pools = _Pools(profile, [segment for _, _, segments in planned for segment in segments])
    frames = [_frame(pools, *parts) for parts in planned]
    return Frames(
        frames=tuple(frames),
        weights=tuple(integer_weights(shares)),
        mean_bytes=sum((share * frame.mean_bytes for share, frame in zip(shares, frames, strict=True)), Fraction()),
        templates=len(templates),
        stamps=tuple(sorted({frame.stamp for frame in frames})),
        hosts=pools.hosts,
        tables=pools.tables.joined(),
    )


class _Pools:
    """Makes the pools of a profile's fields, once for each set of columns that a frame shows together."""

    def __init__(self, profile: Profile, segments: Iterable[Segment]) -> None:
        """Make the hosts, which need all columns that any frame shows; `segments` are those of all frames."""
        self._fields = profile.fields
        self._made: dict[tuple[str, tuple[Column, ...]], Pool] = {}
        self._escaped: dict[Placeholder, bool] = {}
        self.tables = AliasTables()
        self.source = profile.source
        self.hosts: Hosts | None = None
        if self.source is not None:
            named = (part for part in segments if isinstance(part, Placeholder) and part.field == self.source)
            self._host_columns = sorted({self.column(placeholder) for placeholder in named})
            self.hosts = make_hosts(*self._values(self.source, self._host_columns), self.tables)

    def field(self, name: str, columns: tuple[Column, ...]) -> Pool | Generated:
        """What a frame needs of a field of which it shows these columns."""
        field = self._fields[name]
        if isinstance(field, Generated):
            return field
        if (name, columns) not in self._made:
            if self.hosts is not None and name == self.source:
                # Frames that share trains have the same buckets, whichever columns they show.
                pool = self.hosts.pool.of_columns([self._host_columns.index(column) for column in columns])
            else:
                pool = make_pool(*self._values(name, columns), self.tables)
            self._made[name, columns] = pool
        return self._made[name, columns]

    def _values(self, name: str, columns: Sequence[Column]) -> tuple[list[Sequence[str]], Sequence[int]]:
        """The texts of these columns of a field, and the weight of each value."""
        field = self._fields[name]
        assert isinstance(field, Pooled), "optional parts are expanded before"
        of_name = dict(zip(field.column_names, field.column_texts(), strict=True))
        texts = [list(map(escaped, of_name[name])) if escape else of_name[name] for name, escape in columns]
        return texts, field.weights()

    def column(self, placeholder: Placeholder) -> Column:
        """The column that a placeholder names. It only counts as escaped if that changes one of its texts."""
        field = self._fields[placeholder.field]
        if not placeholder.escaped or not isinstance(field, Pooled):
            return placeholder.column, False
        if placeholder not in self._escaped:
            texts = field.column_texts()[field.column_names.index(placeholder.column)]
            self._escaped[placeholder] = any(escaped(text) != text for text in texts)
        return placeholder.column, self._escaped[placeholder]


def _frame(pools: _Pools, template: int, stamp: StampField, parts: Iterable[Segment]) -> Frame:
    """The frame of a variant of a template that consists of these `parts`, from the beginning of its line."""
    columns: dict[str, list[Column]] = {}
    places: list[bytes | tuple[str, Column]] = []
    tag = None
    for part in parts:
        if isinstance(part, Placeholder):
            column = pools.column(part)
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
        fields=tuple(pools.field(name, tuple(own)) for name, own in columns.items()),
        field_names=tuple(names),
        field_columns=tuple(tuple(own) for own in columns.values()),
        stamp=stamp,
        tag=tag,
        host=None if pools.source is None else names.index(pools.source),
    )
