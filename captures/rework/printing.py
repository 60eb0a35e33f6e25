"""Events as text, a line each, with what is asked for in front: a number, an instant, addresses.

From Python, the first ten are printed by

    for lines in printed(capture, PrintRequest(end=10)):
        print(lines.texts())
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.compiled.readiness import make_ready
from captures.console.errors import InputError
from captures.events.axis import Axis
from captures.events.gathering import as_lines, joined
from captures.events.proving import Proof
from captures.events.scratch import scratch
from captures.events.stretches import stretches
from captures.format.capture import Capture
from captures.format.layout import StampKind
from captures.format.stamp_writing import stamp_texts

_AT_ONCE: Final = 1 << 13
_LINE_END, _SPACE, _ZERO = b"\n 0"
_PROTOCOLS: Final = {6: "tcp", 17: "udp"}
_NOTHING: Final = np.zeros(0, np.uint8)


@dataclass(frozen=True)
class PrintRequest:
    """Which events are printed, and what stands in front of each."""

    first: int = 0
    """The first event, counted from 0 in the order that is printed."""
    end: int | None = None
    """The event behind the last one; None: up to the last one of the capture."""
    original_order: bool = False
    """Whether they come in the order in which they were captured, not in that of replay."""
    template: int | None = None
    """Only events of this template."""
    number: bool = False
    """Whether their numbers are shown, in the order that is printed."""
    time: bool = False
    """Whether the instants are shown at which they were captured."""
    flow: bool = False
    """Whether it is shown from where to where they went."""


class Lines(NamedTuple):
    """Some lines, without their ends."""

    data: NDArray[np.uint8]
    place: NDArray[np.int64]
    """Where each begins in `data`, shape (lines,)."""
    length: NDArray[np.int64]
    """Bytes of each, shape (lines,)."""

    def texts(self) -> list[bytes]:
        """One by one."""
        return [self.data[a : a + n].tobytes() for a, n in zip(self.place.tolist(), self.length.tolist(), strict=True)]

    def before(self, behind: "Lines", between: int) -> "Lines":
        """Each line, the byte `between`, and the one of the same number in `behind`."""
        length = self.length + 1 + behind.length
        data = joined(self.data, self.place, self.length, between, behind.data, behind.place, behind.length)
        return Lines(data, np.cumsum(length) - length, length)

    def ended(self) -> NDArray[np.uint8]:
        """All of them, with a line end behind each that has none."""
        return as_lines(self.data, self.place, self.length)


class _Events(NamedTuple):
    """Some events in the order that is printed; all but `lines` has shape (events,)."""

    shown: NDArray[np.int64]
    """Their numbers in this order."""
    place: NDArray[np.int64]
    """Their numbers in the order of replay."""
    number: NDArray[np.int64]
    """Their numbers in the original order."""
    lines: Lines


def prepare() -> None:
    """Compile or load the kernel that prints."""
    one = np.zeros(1, np.int64)
    make_ready("printing", [Lines(_NOTHING, one, one).ended])


def printed(
    capture: Capture, request: PrintRequest, progress: Callable[[int, int], object] = lambda *_: None
) -> Iterator[Lines]:
    """The lines of the events that are asked for.

    `progress` is told the events that were passed since its last call, and how many there are. Raises InputError for
    what the capture does not tell, PreflightError where TMPDIR has no room for the original order, and DamagedError
    where what is printed next differs from its digest.
    """
    _check(capture, request)
    end = capture.events if request.end is None else min(request.end, capture.events)
    front = _Front(capture, request, len(str(end - 1)))
    in_order = _in_original_order if request.original_order and len(capture.order) else _in_replay_order
    with Proof(capture, _sections(request)) as proof:
        for events in in_order(capture, request.first, end):
            meant = events if request.template is None else _of_template(capture, events, request.template)
            proof.require(meant.lines.place, meant.lines.length)
            yield front.before(meant)
            progress(len(events.shown), end - request.first)


def _sections(request: PrintRequest) -> set[str]:
    """The sections that say what is printed, beside the payload."""
    asked = {
        ("times", "back"): request.time,
        ("flows", "flow_of"): request.flow,
        ("order",): request.time or request.original_order,
        ("templates",): request.template is not None,
    }
    return {"trains", *(name for names, shown in asked.items() if shown for name in names)}


def _of_template(capture: Capture, events: _Events, template: int) -> _Events:
    which = np.flatnonzero(capture.templates[events.place] == template)
    lines = Lines(events.lines.data, events.lines.place[which], events.lines.length[which])
    return _Events(events.shown[which], events.place[which], events.number[which], lines)


def _check(capture: Capture, request: PrintRequest) -> None:
    """Refuse what the capture can't answer. Raises InputError."""
    where = capture.path
    if request.first >= capture.events:
        raise InputError(f"{where}: has no event {request.first}; they are numbered from 0 to {capture.events - 1}")
    if request.template is not None and not len(capture.templates):
        raise InputError(f"{where}: does not tell of which template its events are")
    if request.flow and not len(capture.flow_of):
        raise InputError(f"{where}: has no addresses")
    if request.time and not Axis(capture).exists:
        raise InputError(f"{where}: has no time axis")


def _in_replay_order(capture: Capture, first: int, end: int) -> Iterator[_Events]:
    """The events from `first` up to `end` of the order of replay."""
    for stretch in stretches(capture, first, _AT_ONCE):
        if stretch.first >= end:
            return
        part = slice(max(first - stretch.first, 0), end - stretch.first)
        shown = np.arange(stretch.first, stretch.end)[part]
        lines = Lines(capture.payload, stretch.place[part], stretch.length[part])
        yield _Events(shown, shown, stretch.numbers(capture)[part], lines)


def _in_original_order(capture: Capture, first: int, end: int) -> Iterator[_Events]:
    """The events from `first` up to `end` of the original order, by tables that say where each of them is."""
    place, byte, length = (scratch(capture.events, dtype) for dtype in (np.int64, np.int64, np.uint16))
    for stretch in stretches(capture):
        numbers = stretch.numbers(capture)
        place[numbers] = np.arange(stretch.first, stretch.end)
        byte[numbers], length[numbers] = stretch.place, stretch.length
    for start in range(first, end, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, end))
        shown = np.arange(part.start, part.stop)
        lines = Lines(capture.payload, np.array(byte[part]), length[part].astype(np.int64))
        yield _Events(shown, np.array(place[part]), shown, lines)


def _fixed(texts: NDArray[Any]) -> Lines:
    """Lines out of texts of one width, shape (events,)."""
    width, count = texts.dtype.itemsize, len(texts)
    return Lines(np.frombuffer(texts.tobytes(), np.uint8), np.arange(count) * width, np.full(count, width))


def _numbers(numbers: NDArray[np.int64], width: int) -> NDArray[Any]:
    """Numbers in decimal digits, with spaces in front of what is shorter than `width`; shape (numbers,)."""
    digits, rest = np.full((len(numbers), width), _SPACE, np.uint8), numbers
    for column in range(width - 1, -1, -1):
        shown = (rest > 0) | (column == width - 1)
        rest, digit = np.divmod(rest, 10)
        digits[:, column] = np.where(shown, digit + _ZERO, _SPACE)
    return digits.view(f"V{width}").ravel()


def _instants(instants_ns: NDArray[np.int64]) -> NDArray[np.void]:
    if not len(instants_ns):
        return np.zeros(0, "V30")
    return stamp_texts(StampKind.ISO_T_NS_Z, 0, instants_ns)


class _Front:
    """What stands in front of events."""

    def __init__(self, capture: Capture, request: PrintRequest, width: int) -> None:
        """Show numbers with `width` digits."""
        self._capture, self._request, self._width = capture, request, width
        self._axis, self._flows = Axis(capture), _Flows(capture)

    def before(self, events: _Events) -> Lines:
        """The lines of events, with what was asked for in front of each."""
        request, lines = self._request, events.lines
        if request.flow:
            lines = self._flows.lines(self._capture.flow_of[events.place]).before(lines, _SPACE)
        if request.time:
            lines = _fixed(_instants(self._axis.captured_ns(events.number))).before(lines, _SPACE)
        if request.number:
            lines = _fixed(_numbers(events.shown, self._width)).before(lines, _SPACE)
        return lines


class _Flows:
    """The flows of a capture as texts, like `udp 198.18.0.1:40000 > 198.18.0.2:514`."""

    def __init__(self, capture: Capture) -> None:
        self._flows = capture.flows
        self._text = lru_cache(maxsize=1 << 16)(self._new_text)

    def lines(self, flow_of: NDArray[np.uint32]) -> Lines:
        """The text of each flow, shape (events,)."""
        distinct, which = np.unique(flow_of, return_inverse=True)
        texts = [self._text(flow) for flow in distinct.tolist()]
        length = np.array([len(text) for text in texts], np.int64)
        place = np.cumsum(length) - length
        return Lines(np.frombuffer(b"".join(texts), np.uint8), place[which], length[which])

    def _new_text(self, flow: int) -> bytes:
        row = self._flows[flow]
        protocol = int(row["protocol"])
        sides = [
            _side(int(row["family"]), row[side].tobytes(), int(row[f"{side}_port"])) for side in ("source", "target")
        ]
        return f"{_PROTOCOLS.get(protocol, f'protocol-{protocol}')} {sides[0]} > {sides[1]}".encode()


def _side(family: int, address: bytes, port: int) -> str:
    """An address and its port, as RFC 3986 writes them."""
    return f"{IPv4Address(address[:4])}:{port}" if family == 4 else f"[{IPv6Address(address)}]:{port}"
