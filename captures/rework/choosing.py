"""Which events of a capture are meant? Those that meet each condition of a `Choice`."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import InputError
from captures.events.axis import Axis
from captures.events.scratch import scratch
from captures.events.stretches import Stretch
from captures.format.capture import Capture
from captures.format.layout import Table

Network = IPv4Network | IPv6Network
_BLOCK_ROWS: Final = 1 << 16


class Moment(NamedTuple):
    """An instant of a capture's time axis."""

    ns: int
    absolute: bool
    """Whether it counts from 1970 UTC, and not from the start of the capture."""


@dataclass(frozen=True)
class Choice:
    """The conditions. What is None or empty is no condition; of several values of one, any will do."""

    start: Moment | None = None
    """The instant from which on events are meant."""
    end: Moment | None = None
    """The instant before which they are meant."""
    first: int = 0
    """The first event, counted from 0 in the order of replay."""
    last: int | None = None
    """The last event, which is meant too."""
    ports: frozenset[int] | None = None
    """Ports to which they went."""
    sources: Sequence[Network] = ()
    targets: Sequence[Network] = ()
    networks: Sequence[Network] = ()
    """From or to which they went."""
    hosts: Sequence[str] = ()
    """Names of hosts that sent them, as the note of the capture has them."""
    templates: Sequence[int] = ()
    match: bytes | None = None
    """A regular expression that is found in the bytes of an event."""
    unlike: bytes | None = None
    """A regular expression that is not found there."""

    def asked(self) -> dict[str, Any]:
        """The conditions that there are, ready for JSON."""
        told = {
            "from": self.start and _told(self.start),
            "to": self.end and _told(self.end),
            "range": [self.first, self.last] if self.first or self.last is not None else None,
            "ports": sorted(self.ports) if self.ports is not None else None,
            "source": [str(network) for network in self.sources],
            "target": [str(network) for network in self.targets],
            "host": [str(network) for network in self.networks],
            "hostname": list(self.hosts),
            "template": list(self.templates),
            "match": self.match and self.match.decode("utf-8", "backslashreplace"),
            "not_match": self.unlike and self.unlike.decode("utf-8", "backslashreplace"),
        }
        return {name: value for name, value in told.items() if value not in (None, [])}


def _told(moment: Moment) -> dict[str, int]:
    return {"instant_ns" if moment.absolute else "offset_ns": moment.ns}


class Chooser:
    """Says which events of one capture meet the conditions."""

    def __init__(self, capture: Capture, choice: Choice) -> None:
        """Raise InputError for a condition of which the capture says nothing, or that is no regular expression."""
        self._capture, self._choice, self._axis = capture, choice, Axis(capture)
        self.first = choice.first
        """The first event of the order of replay that may be meant."""
        self.end = capture.events if choice.last is None else min(choice.last + 1, capture.events)
        """The event behind the last one that may be meant."""
        self._numbers = self._within(choice.start, 0), self._within(choice.end, capture.events)
        if not len(capture.order):
            self.first, self.end = max(self.first, self._numbers[0]), min(self.end, self._numbers[1])
        self._host_is_meant = self._meant_hosts()
        self._flow_is_meant = self._meant_flows()
        if choice.templates and not len(capture.templates):
            raise InputError(f"--template: {capture.path} does not tell of which template its events are")
        self._match, self._unlike = _compiled("--match", choice.match), _compiled("--not-match", choice.unlike)

    def _within(self, moment: Moment | None, otherwise: int) -> int:
        """How many events of the original order are before a moment. Raises InputError where they have no instants."""
        if moment is None:
            return otherwise
        if not self._axis.exists:
            raise InputError(f"--from and --to: {self._capture.path} has no time axis")
        since_ns = moment.ns - (self._capture.start_ns if moment.absolute else 0)
        return bisect_left(
            range(self._capture.events), since_ns, key=lambda i: int(self._axis.since_start_ns(np.array([i]))[0])
        )

    def _meant_hosts(self) -> NDArray[np.bool_] | None:
        """Whether the events of each host are meant; None: whatever their host is."""
        choice, capture = self._choice, self._capture
        if not choice.hosts:
            return None
        names = capture.note.get("hosts")
        if not isinstance(names, list) or not names:
            raise InputError(f"--hostname: {capture.path} names no hosts")
        if missing := [host for host in choice.hosts if host not in names]:
            raise InputError(f"--hostname {missing[0]}: is none of the hosts that {capture.path} names")
        meant = np.zeros(max(capture.sources, len(names), 1), np.bool_)
        meant[: len(names)] = [name in choice.hosts for name in names]
        return meant

    def _meant_flows(self) -> NDArray[np.bool_] | None:
        """Whether the events of each flow are meant; None: whatever their flow is."""
        choice, capture = self._choice, self._capture
        if choice.ports is None and not choice.sources and not choice.targets and not choice.networks:
            return None
        if not len(capture.flow_of):
            raise InputError(f"--port, --source, --target and --host: {capture.path} has no addresses")
        meant = scratch(len(capture.flows), np.bool_)
        ports = np.array(sorted(choice.ports or ()), np.uint16)
        for start in range(0, len(meant), _BLOCK_ROWS):
            rows = capture.flows[start : start + _BLOCK_ROWS]
            good = np.ones(len(rows), np.bool_)
            if choice.ports is not None:
                good &= np.isin(rows["target_port"], ports)
            if choice.sources:
                good &= _inside(rows, "source", choice.sources)
            if choice.targets:
                good &= _inside(rows, "target", choice.targets)
            if choice.networks:
                good &= _inside(rows, "source", choice.networks) | _inside(rows, "target", choice.networks)
            meant[start : start + len(rows)] = good
        return meant

    def meant(self, stretch: Stretch) -> NDArray[np.bool_]:
        """Whether each event of a stretch is meant, shape (events,)."""
        capture, choice = self._capture, self._choice
        place = np.arange(stretch.first, stretch.end)
        good: NDArray[np.bool_] = (place >= self.first) & (place < self.end)
        if len(capture.order):
            numbers = stretch.numbers(capture)
            good &= (numbers >= self._numbers[0]) & (numbers < self._numbers[1])
        if self._host_is_meant is not None:
            good &= self._host_is_meant[stretch.trains["source"]][stretch.train_of]
        if self._flow_is_meant is not None:
            good &= self._flow_is_meant[capture.flow_of[stretch.first : stretch.end]]
        if choice.templates:
            good &= np.isin(capture.templates[stretch.first : stretch.end], choice.templates)
        if self._match or self._unlike:
            self._read(stretch, good)
        return good

    def _read(self, stretch: Stretch, good: NDArray[np.bool_]) -> None:
        """Take out of `good` the events whose bytes are not meant."""
        payload = self._capture.payload
        for i in np.flatnonzero(good).tolist():
            text = payload[stretch.place[i] : stretch.place[i] + stretch.length[i]].tobytes()
            wrong = self._match is not None and not self._match.search(text)
            good[i] = not (wrong or (self._unlike is not None and self._unlike.search(text)))


def _compiled(flag: str, pattern: bytes | None) -> re.Pattern[bytes] | None:
    try:
        return None if pattern is None else re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputError(f"{flag}: is no regular expression: {error}") from None


def _inside(rows: Table, side: str, networks: Sequence[Network]) -> NDArray[np.bool_]:
    """Whether the address of each FLOW row lies in any of the networks."""
    addresses = np.ascontiguousarray(rows[side]).view(np.uint8).reshape(len(rows), 16)
    good = np.zeros(len(rows), np.bool_)
    for network in networks:
        mask = np.frombuffer(network.netmask.packed, np.uint8)
        wanted = np.frombuffer(network.network_address.packed, np.uint8)
        same = ((addresses[:, : len(mask)] & mask) == wanted).all(axis=1)
        good |= same & (rows["family"] == network.version)
    return good
