"""How does the line of several captures become a capture? Its events are cut into trains anew, and keep all else.

Hosts, flows and templates are numbered one capture behind the other. What was captured in another order than it is sent
keeps its original order, too: that of the merge is made of the same instants.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from captures import __version__
from captures.compiled.readiness import make_ready
from captures.console.errors import InputError
from captures.events.axis import Axis
from captures.events.gathering import compilations, gathered
from captures.events.scratch import scratch
from captures.files.output_file import OutputFile
from captures.format.capture import Capture
from captures.format.layout import TRAIN
from captures.format.sections import BACK, FLOW, LINK, LIVE
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.history import with_step
from captures.rework.merging.cutting import Looks, cut
from captures.rework.merging.hosts import join_hosts
from captures.rework.merging.line import Part, Round, rounds
from captures.rework.soundness import prove

Align = Literal["clock", "start"]
Progress = Callable[[int, int], object]
"""Is told the bytes that were written since its last call, and all that will be."""
_UNKNOWN: Final = np.zeros(1, LINK)
"""The interface of flows that do not tell theirs, among others that do."""
_BLOCK_ROWS: Final = 1 << 16
_MOST_TEMPLATES: Final = 1 << 16
_END_NS: Final = 1 << 63
_NOTHING: Final = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Merged:
    """What became of a merge."""

    digest: str
    events: int
    payload_bytes: int
    duration_ns: int
    start_ns: int
    hosts: int
    without_addresses: int
    """Events that got the address 0.0.0.0, since their capture has none and another one has."""

    def figures(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"schema": 1, **asdict(self)}


def prepare() -> None:
    """Compile or load the kernels of a merge."""
    looks = Looks(np.zeros(0, TRAIN), np.zeros(0, LIVE))
    make_ready(
        "merging",
        [
            *compilations(),
            lambda: cut(_NOTHING, looks),
        ],
    )


def merge_captures(
    captures: Sequence[Capture],
    output: Path,
    align: Align = "clock",
    *,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> Merged:
    """Write the events of captures, in one line, into the capture `output`.

    Events stand at their own instants, or with `align` "start" as if all captures began together. Captures without a
    time axis alternate in proportion to their events. Raises InputError where some have one and some have none, and
    for an output that may not be there; DamagedError where one is damaged; PreflightError and RunError where the disk
    fills up.
    """
    timed = [Axis(capture).exists for capture in captures]
    if any(timed) and not all(timed):
        without = captures[timed.index(False)].path
        raise InputError(f"{without}: has no time axis, and others have one; build it with --eps, or leave it out")
    prepare()
    inputs = [path for capture in captures for path in capture.files]
    OutputFile(output, force=force, inputs=inputs).close()  # whatever is wrong with it is said at once
    for capture in captures:
        prove(capture, lambda _: None)
    with StreamWriter(output, force=force, inputs=inputs) as writer:
        return _Merge(captures, align, writer, output, timed=timed[0]).write(progress)


class _Merge:
    """A merge being written."""

    def __init__(
        self, captures: Sequence[Capture], align: Align, writer: StreamWriter, output: Path, *, timed: bool
    ) -> None:
        self._captures, self._align, self._writer, self._timed = captures, align, writer, timed
        starts_ns = [capture.start_ns for capture in captures]
        self._start_ns = min(starts_ns) if align == "clock" else starts_ns[0]
        self._later_ns = [start_ns - self._start_ns if align == "clock" else 0 for start_ns in starts_ns]
        self._axes = [Axis(capture) for capture in captures]
        for capture, axis, later_ns in zip(captures, self._axes, self._later_ns, strict=True):
            last_ns = int(axis.since_start_ns(np.array([capture.events - 1]))[0])
            if self._start_ns + later_ns + last_ns >= _END_NS:
                raise InputError(f"{capture.path}: would end after the year 2262 in this merge; align it by clock")
        self._hosts = join_hosts(captures)
        self._ordered = any(len(capture.order) for capture in captures)
        self._cut = any(len(capture.original) for capture in captures)
        self._back = any(len(capture.back) for capture in captures)
        mixes = [len(capture.mix) for capture in captures]
        self._first_template = np.cumsum(mixes) - mixes
        self._mix = np.concatenate([capture.mix for capture in captures]) if all(mixes) else None
        told = all(len(capture.templates) for capture in captures)
        self._templated = told and self._mix is not None and len(self._mix) <= _MOST_TEMPLATES
        self._first_flow = self._write_flows()
        self._places = self._number(output) if self._ordered else []

    def _write_flows(self) -> list[int]:
        """Write the flows of all; the new number of each capture's first one. Empty: no capture has flows."""
        first, links = list[int](), 0
        if not any(len(capture.flow_of) for capture in self._captures):
            return first
        for capture in self._captures:
            flows = capture.flows
            if not len(capture.flow_of):
                flows = np.zeros(1, FLOW)
                flows["family"] = 4
            own = (
                capture.links if len(capture.links) or not any(len(each.links) for each in self._captures) else _UNKNOWN
            )
            self._writer.add_links(own)
            first.append(self._writer.add_flows(flows[:0]))
            for start in range(0, len(flows), _BLOCK_ROWS):
                rows = flows[start : start + _BLOCK_ROWS].copy()
                rows["link"] += np.uint16(min(links, 65535))
                self._writer.add_flows(rows)
            links += len(own)
        return first

    def _rounds(self) -> Any:
        return rounds(self._captures, self._later_ns, timed=self._timed)

    def _number(self, output: Path) -> list[NDArray[np.uint64]]:
        """The place in the line of each event of each capture.

        The instants of the order of replay and of the original order are the same, so the places are, too.
        """
        places = [scratch(capture.events, np.uint64, output) for capture in self._captures]
        for piece in self._rounds():
            place = np.empty(len(piece.which), np.uint64)
            place[piece.which] = np.arange(piece.first, piece.first + len(place), dtype=np.uint64)
            done = 0
            for number, part in enumerate(piece.parts):
                if part is not None:
                    places[number][part.first : part.end] = place[done : done + part.end - part.first]
                    done += part.end - part.first
        return places

    def write(self, progress: Progress) -> Merged:
        """Write all events, and finish the file."""
        captures, last_ns = self._captures, 0
        size = sum(len(capture.payload) for capture in captures)
        for piece in self._rounds():
            progress(self._add(piece), size)
            last_ns = int(piece.instants_ns[-1])
        for capture in captures:
            capture.source.check()
        events = sum(capture.events for capture in captures)
        step = {"parents": [capture.digest for capture in captures], "align": self._align, "events": events}
        note = {"hosts": self._hosts.names} if self._hosts.names else {}
        digest = self._writer.finish(
            start_ns=self._start_ns,
            sources=self._hosts.hosts,
            note=with_step(note, {"what": "merge", "version": __version__, **step}),
            mix=self._mix,
        )
        without = sum(capture.events for capture in captures if not len(capture.flow_of)) if self._first_flow else 0
        return Merged(digest, events, size, last_ns, self._start_ns, self._hosts.hosts, without)

    def _add(self, piece: Round) -> int:
        """Write the events of a round; returns their bytes."""
        parts = [(number, part) for number, part in enumerate(piece.parts) if part is not None]
        which = piece.which
        looks, train_of = self._looks(parts)
        length = np.concatenate([part.stretch.length[_inner(part)] for _, part in parts])[which]
        made = cut(train_of[which], looks)

        def each(column: Callable[[int, Part], NDArray[Any]]) -> NDArray[Any]:
            return np.concatenate([column(number, part) for number, part in parts])[which]

        self._writer.add(
            made.trains,
            self._payload(parts, which, length),
            times=piece.instants_ns.astype(np.uint64) if self._timed else None,
            flow_of=each(self._flows) if self._first_flow else None,
            order=each(self._order) if self._ordered else None,
            templates=each(self._templates) if self._templated else None,
            original=each(self._original) if self._cut else None,
            live=made.live,
            back=self._backs(each, piece.instants_ns) if self._back else None,
        )
        return int(length.sum())

    def _looks(self, parts: list[tuple[int, Part]]) -> tuple[Looks, NDArray[np.int64]]:
        """All trains of a round, and of which one each event is, with the parts one behind the other."""
        trains, lives, train_of, first = [], [], [], 0
        for number, part in parts:
            rows, live = part.stretch.trains.copy(), part.stretch.live(self._captures[number])
            rows["source"] = self._hosts.numberings[number].renumber(rows["source"])
            live["train"] += np.uint64(first)
            trains.append(rows)
            lives.append(live)
            train_of.append(part.stretch.train_of[_inner(part)] + first)
            first += len(rows)
        return Looks(np.concatenate(trains), np.concatenate(lives)), np.concatenate(train_of)

    def _payload(
        self, parts: list[tuple[int, Part]], which: NDArray[np.int64], length: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        pieces, places, size = [], [], 0
        for number, part in parts:
            place, lengths = part.stretch.place[_inner(part)], part.stretch.length[_inner(part)]
            data = self._captures[number].payload[place[0] : place[-1] + lengths[-1]]
            pieces.append(data)
            places.append(place - place[0] + size)
            size += len(data)
        return gathered(np.concatenate(pieces), np.concatenate(places)[which], length)

    def _flows(self, number: int, part: Part) -> NDArray[np.uint32]:
        flow_of, first = self._captures[number].flow_of, np.uint32(self._first_flow[number])
        return flow_of[part.first : part.end] + first if len(flow_of) else np.full(part.end - part.first, first)

    def _order(self, number: int, part: Part) -> NDArray[np.uint64]:
        order, places = self._captures[number].order, self._places[number]
        return places[order[part.first : part.end].astype(np.int64)] if len(order) else places[part.first : part.end]

    def _templates(self, number: int, part: Part) -> NDArray[np.uint16]:
        return self._captures[number].templates[part.first : part.end] + np.uint16(self._first_template[number])

    def _original(self, number: int, part: Part) -> NDArray[np.uint32]:
        original = self._captures[number].original
        whole = part.stretch.length[_inner(part)].astype(np.uint32)
        return original[part.first : part.end] if len(original) else whole

    def _backs(
        self, each: Callable[[Callable[[int, Part], NDArray[Any]]], NDArray[Any]], instants_ns: NDArray[np.int64]
    ) -> NDArray[Any]:
        """The BACK rows of a round. The events of the original order that it holds have the numbers of its places."""
        by_ns = each(lambda number, part: self._axes[number].back_ns(np.arange(part.first, part.end)))
        by_ns = np.minimum(by_ns, instants_ns + self._start_ns)  # none may be from before 1970, where starts were moved
        late = np.flatnonzero(by_ns)
        rows = np.zeros(len(late), BACK)
        rows["event"], rows["by_ns"] = late, by_ns[late]
        return rows


def _inner(part: Part) -> slice:
    """Which events of its stretch a part has."""
    return slice(part.first - part.stretch.first, part.end - part.stretch.first)
