"""Packets become messages and flows: the compiled scan, and what it leaves to Python, in the order of the packets."""

from collections import Counter
from itertools import starmap
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.readiness import make_ready
from captures.events.gathering import gathered
from captures.format.sections import LINK
from captures.packets.headers.filters import PORTS, DissectorOptions, filters_of, is_of_hosts
from captures.packets.headers.flow_table import empty_flow_table, number_flow
from captures.packets.headers.ip_headers import TCP_BYTES, UDP
from captures.packets.headers.key import KEY_WORDS, key_of, rows_of, signed_words_of
from captures.packets.headers.late import HeldBack, among
from captures.packets.headers.link_headers import LINKTYPE_RAW
from captures.packets.headers.reasons import (
    CODES,
    FRAGMENT,
    KEPT_CUT,
    MESSAGE,
    OF_OTHERS,
    OF_PACKETS,
    OTHER_HOST,
    OTHER_PORT,
    SEGMENT,
    SLOW,
)
from captures.packets.headers.reassembly.fragments import Fragments
from captures.packets.headers.reassembly.segments import Completed, Origin, Segment
from captures.packets.headers.reassembly.streams import Streams
from captures.packets.headers.scan import COMPLETING, NO_LINK_TYPE, Frames, Rest, Taken, filtered, room_for, scan
from captures.packets.headers.slow_path import Read, read_slowly, read_whole
from captures.packets.headers.super_packets import cut_pieces, look_at_datagrams
from captures.packets.rows import PACKET, Batch
from captures.text.messages import MESSAGE as MESSAGE_ROW
from captures.text.messages import NO_FLOW, Messages

DISSECTOR: Final = "the reading of packets"
"""What these kernels are called where they are compiled."""
_ACK: Final = 16
_WITH_OPTIONS: Final = bytes((0x46, 0, 0, 32, 0, 0, 0, 0, 1, UDP)) + bytes(22)
"""A packet of IP for the slow path, whose message is empty."""


def prepare() -> None:
    """Compile or load all kernels that read packets."""
    links = np.zeros(1, LINK)
    links["link_type"] = LINKTYPE_RAW
    packets = np.array([(0, len(_WITH_OPTIONS), len(_WITH_OPTIONS), 0, 0)], PACKET)
    batch = Batch(np.frombuffer(_WITH_OPTIONS, np.uint8), packets)
    nothing = np.empty(0, np.int64)
    make_ready(DISSECTOR, [lambda: Dissector().messages(batch, links), lambda: gathered(batch.data, nothing, nothing)])


class Dissector:
    """Finds the messages in packets, batch by batch, and remembers what is not whole yet.

    Each packet is a message, a segment of TCP that is followed, a fragment, or left out for a reason:
    `packets` - `fragments` + `wholes` = `datagrams` + `segments` + what `left_out_packets` counts, once `finish` was
    called.
    """

    def __init__(self, options: DissectorOptions = DissectorOptions()) -> None:  # noqa: B008 - it is frozen
        self._options, self._filters = options, filters_of(options)
        self._table = empty_flow_table()
        self._new_flows: list[NDArray[np.int64]] = []
        self._counts = np.zeros(CODES, np.int64)
        self._of_fragments, self._of_streams = Counter[int](), Counter[str]()
        self._fragments = Fragments(self._of_fragments)
        self._late = Completed()
        self._streams = Streams(self._of_streams, self._late, keep_cut=options.keep_cut)
        self._held = HeldBack()
        self.packets = 0
        self.wholes = 0
        """Packets that were put together of fragments."""
        self.super_packets = 0
        """Datagrams that hold several events."""
        self.long_datagrams = 0
        """Datagrams that are too long for a network, and in which no events can be told apart."""
        self.bare_ports, self.other_ports = np.zeros((2, PORTS), np.int64)
        """By the target's port: datagrams that begin with no priority, and packets with data to other ports."""
        self._room = room_for(0, self._counts, self.other_ports)

    def messages(self, batch: Batch, links: NDArray[Any]) -> Messages:
        """The messages that the packets of `batch` complete; `links` are LINK rows of all interfaces so far.

        They are in the order of their packets. Those behind a segment that is missing yet may be held back for a while.
        Their rows are valid until the next call, as the bytes of `batch` are: both share memory with what comes then.
        """
        frames = _frames(batch, links)
        first_flow = int(self._table.given[0])
        taken = self._emptied_room(len(frames.packets), first_flow)
        scan(frames, self._filters, self._table, taken)
        count = int(taken.scanned["rest"][0])
        for rest, key in zip(starmap(Rest, taken.rest[:count].tolist()), taken.rest_keys, strict=False):
            if rest.outcome == SLOW:
                self._slow_packet(frames, rest.packet, taken)
            elif rest.outcome == SEGMENT or self._streams.has_gaps:
                self._scanned_segment(frames, rest, key)
        if len(frames.packets):
            self._streams.give_up_old(int(frames.packets["instant_ns"][-1]))
        self._new_flows.append(taken.new_flows[: int(self._table.given[0]) - first_flow].copy())
        found = int(taken.scanned["messages"][0])
        numbers = self.packets + taken.packets[:found]
        messages, numbers = self._told_apart(frames, taken.messages[:found], numbers)
        self.packets += len(frames.packets)
        return self._in_order(batch.data, messages, numbers)

    def finish(self) -> Messages:
        """The messages that are whole without what is missing in front of them. What stays in parts is counted."""
        self._streams.end_all()
        self._fragments.give_up_all()
        return self._in_order(np.empty(0, np.uint8), np.empty(0, MESSAGE_ROW), np.empty(0, np.int64))

    def new_flows(self) -> NDArray[Any]:
        """FLOW rows of the flows that were numbered since the last call, by their numbers."""
        keys, self._new_flows = self._new_flows, []
        return rows_of(np.concatenate([np.empty((0, KEY_WORDS), np.int64), *keys]))

    @property
    def datagrams(self) -> int:
        """Messages that were a datagram of UDP."""
        return int(self._counts[MESSAGE])

    @property
    def segments(self) -> int:
        """Segments of TCP whose bytes were taken into a stream."""
        return int(self._counts[SEGMENT])

    @property
    def fragments(self) -> int:
        """Fragments of packets that became whole."""
        return self._fragments.used

    @property
    def left_out_packets(self) -> Counter[str]:
        """Packets that are neither a message nor a part of one, by reason."""
        return Counter(
            {
                text: int(self._counts[code]) + self._of_fragments[code]
                for code, text in OF_PACKETS.items()
                if self._counts[code] or self._of_fragments[code]
            }
        )

    @property
    def left_out(self) -> Counter[str]:
        """All that is left out, by reason: packets, what is missing in streams, and messages that are kept cut."""
        others = {text: int(self._counts[code]) for code, text in OF_OTHERS.items() if self._counts[code]}
        return self.left_out_packets + self._of_streams + Counter(others)

    def _emptied_room(self, packets: int, first_flow: int) -> Taken:
        """Tables for a scan: the same ones again where they suffice, since fresh memory costs a scan a third more."""
        if len(self._room.messages) < packets:
            self._room = room_for(packets, self._counts, self.other_ports)
        self._room.scanned[0] = 0, 0, first_flow
        return self._room

    def _told_apart(
        self, frames: Frames, messages: NDArray[Any], packets: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """MESSAGE rows of the events in datagrams, if super-packets are to be cut, else of the datagrams themselves.

        And the packet of each.
        """
        pieces = np.empty(len(messages), np.int64)
        self.long_datagrams += look_at_datagrams(frames.data, frames.words, messages, pieces, self.bare_ports)
        found = int(np.count_nonzero(pieces))
        self.super_packets += found
        if not found or not self._options.split_trains:
            return messages, packets
        messages, of = cut_pieces(messages, pieces)
        return messages, packets[of]

    def _in_order(self, data: NDArray[np.uint8], messages: NDArray[Any], packets: NDArray[np.int64]) -> Messages:
        """What may go on of MESSAGE rows whose bytes are in `data`, of those packets, and of what came late."""
        passed = self._held.passed(*among(data, messages, packets, self._late), self._streams.first_waiting)
        self._late.clear()
        return passed

    def _slow_packet(self, frames: Frames, number: int, taken: Taken) -> None:
        packet = frames.packets[number]
        place, link = int(packet.place), int(packet.link)
        link_type = int(frames.link_types[link]) if 0 <= link < len(frames.link_types) else NO_LINK_TYPE
        frame = frames.data[place : place + int(packet.captured)].tobytes()
        instant_ns = int(packet.instant_ns)
        read = read_slowly(frame, int(packet.original), instant_ns, link, link_type)
        if read.outcome == FRAGMENT and not is_of_hosts(self._filters.networks, key_of(read.flow)):
            read = read._replace(outcome=OTHER_HOST)
        elif read.fragment:
            whole = self._fragments.add(read.fragment)
            if not whole:
                return
            self.wholes += 1
            read = read_whole(whole, read.flow)
        self._take_slowly(read, self.packets + number, instant_ns, taken)

    def _take_slowly(self, read: Read, packet: int, instant_ns: int, taken: Taken) -> None:
        """What the kernel does with a packet once its headers are read."""
        key = key_of(read.flow)
        outcome = int(filtered(self._filters, key, read.outcome, len(read.payload), read.length))
        if outcome not in (MESSAGE, SEGMENT):
            self._counts[outcome] += 1
            if outcome == OTHER_PORT and read.length:
                self.other_ports[int(read.flow["target_port"][0])] += 1
            if read.outcome == SEGMENT and outcome == OTHER_PORT:
                self._acknowledge(_stream_of(key), read.transport, instant_ns)
            return
        is_numbered = outcome == MESSAGE or read.length > 0 or read.transport[13] & COMPLETING > 0
        first_flow = int(taken.scanned["first_flow"][0])
        flow = int(number_flow(self._table, key, taken.new_flows, first_flow)) if is_numbered else NO_FLOW
        origin = Origin(packet, instant_ns, flow)
        if outcome == MESSAGE:
            self._counts[MESSAGE] += 1
            self._counts[KEPT_CUT] += len(read.payload) < read.length
            self._late.add([read.payload], origin, read.length)
        else:
            self._segment(key, read.transport, read.payload, read.length, origin)

    def _scanned_segment(self, frames: Frames, rest: Rest, key: NDArray[np.int64]) -> None:
        header = frames.data[rest.transport : rest.transport + TCP_BYTES].tobytes()
        instant_ns = int(frames.packets["instant_ns"][rest.packet])
        if rest.outcome == OTHER_PORT:
            self._acknowledge(_stream_of(key), header, instant_ns)
            return
        payload = frames.data[rest.place : rest.place + rest.there].tobytes()
        self._segment(key, header, payload, rest.length, Origin(self.packets + rest.packet, instant_ns, rest.flow))

    def _segment(self, key: NDArray[np.int64], header: bytes, payload: bytes, length: int, origin: Origin) -> None:
        """Give a segment of TCP to its stream, and what it acknowledges to the one that it answers."""
        name = _stream_of(key)
        sequence = int.from_bytes(header[4:8], "big")
        is_named = self._options.ports is not None
        outcome = self._streams.add(Segment(name, sequence, header[13], payload, length, origin, is_named))
        self._counts[outcome] += 1
        if self._streams.has_gaps:
            self._acknowledge(name, header, origin.instant_ns)

    def _acknowledge(self, name: bytes, header: bytes, instant_ns: int) -> None:
        if header[13] & _ACK:
            ports, addresses = name[2:4] + name[:2], name[20:] + name[4:20]
            self._streams.acknowledge(ports + addresses, int.from_bytes(header[8:12], "big"), instant_ns)


def _stream_of(key: NDArray[np.int64]) -> bytes:
    """What names a stream: both ports, and both addresses."""
    return key[0:1].tobytes()[4:] + key[4:].tobytes()


def _frames(batch: Batch, links: NDArray[Any]) -> Frames:
    """A batch as kernels read it: all arrays of the same types, whether they can be written or not."""
    data, packets = batch.data.view(), batch.packets.view()
    data.flags.writeable = packets.flags.writeable = False
    return Frames(data, signed_words_of(data), packets, links["link_type"].astype(np.int64))
