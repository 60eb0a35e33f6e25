"""How does a whole import go? Its sources are found and put in order, and their messages taken in, batch by batch."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from captures import __version__
from captures.console.errors import InputError
from captures.convert.import_request import ImportRequest
from captures.convert.importing.intake import Figures, Intake
from captures.convert.importing.kernels import make_import_ready
from captures.convert.importing.packets import PacketSource
from captures.convert.importing.remarks import PacketFigures, Span, of_packets, other_ports, overlap, widened
from captures.convert.importing.text_batches import NotText
from captures.convert.importing.text_order import in_text_order
from captures.convert.importing.texts import TextSource
from captures.format.stamps.zones import UTC
from captures.format.writing.stream_writer import StreamWriter
from captures.packets.containers.packets_of import NotPackets, first_instant
from captures.packets.headers.reasons import told
from captures.packets.sources.broken import BrokenInput, Interrupted
from captures.packets.sources.inputs import STDIN, Input, Inputs, find_inputs
from captures.packets.sources.time_order import in_time_order
from captures.text.finding import Finder
from captures.text.hosts import Hosts
from captures.text.messages import Messages

SCHEMA: Final = 1
"""The version of the figures of an import, as JSON."""


class _Source(Protocol):
    """What reads one input after the other: `PacketSource` or `TextSource`."""

    @property
    def left_out(self) -> Counter[str]:
        """What became no event, or not a whole one, by the reason."""

    @property
    def figures(self) -> PacketFigures | None:
        """What else is told of packets; None: it reads text."""

    def messages(self, source: Input, progress: Callable[[int], object]) -> Iterator[Messages]:
        """The messages of an input."""

    def finish(self) -> Iterator[Messages]:
        """What is still held back when all inputs were read."""


@dataclass(frozen=True)
class Imported:
    """What came of an import."""

    output: Path
    digest: str
    start_ns: int
    duration_ns: int
    figures: Figures
    left_out: dict[str, int]
    """How many packets, lines or entries became no event, or not a whole one, by the reason."""
    sources: tuple[str, ...]
    """The inputs in the order in which they were read."""
    source_events: tuple[int, ...]
    """How many events came of each of them; one of several files is of the file that completed it."""
    skipped: tuple[str, ...]
    """Files that were found in a folder, and are neither pcap nor pcapng; or no text, where that is asked for."""
    repeated: tuple[str, ...]
    """Names under which a file was found that had been found already; it was read once."""
    broken: tuple[str, ...]
    """What is wrong with inputs of which only a part was good, a line each."""
    packets: PacketFigures | None
    """What else is told of packets; None: the sources are text."""
    remarks: tuple[str, ...]
    """Where the result may be another than was meant, a line each."""
    interrupted: bool
    """Whether a signal ended a pipe; what came by it until then is in the capture."""

    def as_json(self) -> dict[str, Any]:
        """All figures, for machines."""
        rest = {name: value for name, value in vars(self).items() if name not in ("figures", "output", "packets")}
        packets = asdict(self.packets) if self.packets else None
        return {"schema": SCHEMA, "output": str(self.output), **rest, "packets": packets, **asdict(self.figures)}


def import_capture(request: ImportRequest, progress: Callable[[int, int | None], object] = lambda *_: None) -> Imported:
    """Write a capture of what the request names.

    `progress` is called with the bytes read since its last call, before unpacking, and with how many there are, if that
    is known. A signal ends a pipe, and what came by it is kept. Raises KeyboardInterrupt if that is nothing, InputError
    for what can't be used, BrokenInput with `strict` for a source that is broken (nothing is written then), and
    PreflightError when the disk is full.
    """
    request.check()
    inputs = find_inputs(request.sources)
    make_import_ready(of_text=request.text is not None)
    files = [Path(each.name) for each in inputs.each if each.name != STDIN]
    with StreamWriter(request.output, force=request.force, inputs=files) as writer:
        return _Import(request, inputs, writer).run(lambda count: progress(count, inputs.total_bytes))


class _Import:
    """An import at work."""

    def __init__(self, request: ImportRequest, inputs: Inputs, writer: StreamWriter) -> None:
        self._request, self._writer = request, writer
        self._inputs, self._repeated = _ordered(inputs, request), tuple(inputs.repeated)
        self._source: _Source
        if request.text is None:
            self._source = PacketSource(request, writer)
        else:
            self._source = TextSource(request, request.text, _new_finder(request))
        self._hosts = Hosts() if request.tell_hosts_apart else None
        self._finder = _new_finder(request)
        self._intake = Intake(
            writer,
            self._finder,
            self._hosts,
            flows=request.text is None,
            cut=request.keep_cut,
            window_ns=request.regroup_ns,
        )
        self._broken: list[str] = []
        self._skipped: list[str] = []
        self._spans: list[Span] = []
        self._events_of = [0] * len(self._inputs)
        self._interrupted = False

    def run(self, progress: Callable[[int], object]) -> Imported:
        """Take in all inputs, and finish the capture."""
        last = 0  # what is held back in the end is of the last one that was read
        for number, each in enumerate(self._inputs):
            self._spans.append(Span(each.name, 1 << 63, -1))
            self._finder.begin_file(each.written_ns)
            try:
                self._take(number, self._source.messages(each, progress))
                last = number
            except Interrupted:
                self._interrupted, last = True, number
                break
            except BrokenInput as broken:
                if self._request.strict:
                    raise
                self._broken.append(str(broken))
                last = number
            except (NotPackets, NotText):
                if each.named:
                    raise
                self._skipped.append(each.name)
        self._take(last, self._source.finish())
        self._intake.finish()
        figures, left_out = self._intake.figures, dict(sorted(self._source.left_out.items()))
        if not figures.events:
            if self._interrupted:
                raise KeyboardInterrupt
            raise InputError(f"{self._request.output}: not written: no event was found; {self._why(left_out)}")
        start_ns = self._intake.start_ns
        digest = self._writer.finish(start_ns=start_ns, sources=figures.hosts, note=self._note(left_out))
        return Imported(
            output=self._request.output,
            digest=digest,
            start_ns=start_ns,
            duration_ns=self._intake.last_ns,
            figures=figures,
            left_out=left_out,
            sources=tuple(each.name for each in self._inputs),
            source_events=tuple(self._events_of),
            skipped=tuple(self._skipped),
            repeated=self._repeated,
            broken=tuple(self._broken),
            packets=self._source.figures,
            remarks=tuple(self._remarks()),
            interrupted=self._interrupted,
        )

    def _take(self, number: int, batches: Iterator[Messages]) -> None:
        for batch in batches:
            self._events_of[number] += len(batch.messages)
            self._spans[number] = widened(self._spans[number], batch)
            self._intake.take(batch)

    def _why(self, left_out: dict[str, int]) -> str:
        """Why there is no event."""
        kind = "neither pcap nor pcapng" if self._request.text is None else "no text"
        foreign = [f"{name} is {kind}" for name in self._skipped]
        counts = [told(count, why) for why, count in left_out.items()]
        packets = self._source.figures
        ports = [said] if packets and (said := other_ports(packets, 0)) else []
        return "; ".join([*self._broken, *foreign, *counts, *ports]) or "the sources are empty"

    def _remarks(self) -> Iterator[str]:
        """Where the result may be another than was meant."""
        packets, figures = self._source.figures, self._intake.figures
        if packets:
            bare, all_ports = figures.without_priority_events, self._request.ports is None
            yield from of_packets(packets, events=figures.events, bare_events=bare, all_ports=all_ports)
        if overlapping := overlap(self._spans):
            yield overlapping

    def _note(self, left_out: dict[str, int]) -> dict[str, Any]:
        """Where the capture came from. Names of folders stay at home: they are nobody else's business."""
        request = self._request
        asked = {
            "ports": sorted(request.ports) if request.ports is not None else None,
            "hosts": [str(network) for network in request.hosts] or None,
            "from_ns": request.from_ns,
            "to_ns": request.to_ns,
            "keep_cut": request.keep_cut or None,
            "split_trains": request.split_trains or None,
            "regroup_ns": request.regroup_ns or None,
            "text": request.text.form.value if request.text else None,
            "zone": None if request.zone == UTC else request.zone.name,
        }
        packets = self._source.figures
        return {
            "tool": f"stampede {__version__}",
            "made_by": "captures import",
            "options": {name: value for name, value in asked.items() if value is not None},
            "sources": [Path(each.name).name for each in self._inputs],
            "source_events": self._events_of,
            "interrupted": self._interrupted,
            "broken_sources": len(self._broken),
            "left_out": left_out,
            "packets": asdict(packets) if packets else None,
            "figures": asdict(self._intake.figures),
            "hosts": [name.decode("utf-8", "backslashreplace") for name in self._hosts.names] if self._hosts else [],
        }


def _ordered(inputs: Inputs, request: ImportRequest) -> Sequence[Input]:
    """The inputs in the order in which they are read."""
    if request.text is None:
        return in_time_order(inputs.each, first_instant)
    return in_text_order(inputs.each, request.text, lambda: _new_finder(request), request.zone)


def _new_finder(request: ImportRequest) -> Finder:
    return Finder(request.zone.table, 0)
