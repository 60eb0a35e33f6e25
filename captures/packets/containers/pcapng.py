"""Files of pcapng (draft-ietf-opsawg-pcapng): sections, each with its byte order and its interfaces.

    section header (0x0A0D0D0A)     8 0x1A2B3C4D in its byte order, 12 version u2 u2, 16 length u8, which may be -1
    interface (1)                   8 link type u2, 12 snaplen u4, 16 options
    option                          0 code u2, 2 length u2, 4 value, padded to a multiple of 4

The length of a section is not needed, as blocks follow each other.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.packets.containers.clocks import MICROSECONDS, clock_row, resolution_of
from captures.packets.containers.fault import Fault
from captures.packets.containers.links import Links
from captures.packets.containers.pcapng_blocks import (
    INTERFACE,
    INTERFACE_TYPE,
    LEAST_BLOCK_BYTES,
    MOST_BLOCK_BYTES,
    SECTION_TYPE,
    Stop,
    may_be_length,
    scan_blocks,
)
from captures.packets.rows import Batch
from captures.packets.sources.window import Window

_ORDER_MAGIC: Final = 0x1A2B3C4D
_SECTION_BYTES: Final = 28
_INTERFACE_BYTES: Final = 20
_MOST_INTERFACES: Final = 1 << 20
_MOST_KNOWN, _LONGEST_KNOWN_BYTES = 1 << 10, 1 << 10
_Row = tuple[int, int, tuple[int, int, int, int, int, int]]
"""An INTERFACE row."""
_END, _NAME, _RESOLUTION, _OFFSET = 0, 2, 9, 14

_FAULTS: Final = {
    Stop.BAD_LENGTH: f"the length of a block is no multiple of 4, over {MOST_BLOCK_BYTES:,}, or too short",
    Stop.LENGTHS_DIFFER: "a block says two different lengths",
    Stop.NO_INTERFACE: "a packet is of an interface that was not described before",
    Stop.LONGER_THAN_BLOCK: "a packet says that it is longer than the block in which it is",
    Stop.NO_SUCH_INSTANT: "a packet says an instant that is not within 1970 to 2262",
}


class Section:
    """A section: its byte order, and its interfaces so far."""

    def __init__(self, order: str, known: dict[bytes, _Row]) -> None:
        """`order`: < or >; `known`: interfaces of this byte order by their blocks, of which many files repeat one."""
        self.order, self._known = order, known
        self._interfaces = np.zeros(1, INTERFACE)
        self._count = 0

    @property
    def interfaces(self) -> NDArray[Any]:
        """INTERFACE rows."""
        return self._interfaces[: self._count]

    def add(self, block: bytes, links: Links) -> None:
        """Take the interface that a block describes. Raises Fault."""
        if self._count == _MOST_INTERFACES:
            raise Fault(f"a section has more than {_MOST_INTERFACES:,} interfaces")
        row = self._known.get(block)
        if row is None:
            row = self._read(block, links)
            if len(self._known) < _MOST_KNOWN and len(block) <= _LONGEST_KNOWN_BYTES:
                self._known[block] = row
        if self._count == len(self._interfaces):
            self._interfaces = np.concatenate([self._interfaces, np.zeros_like(self._interfaces)])
        self._interfaces[self._count] = row
        self._count += 1

    def _read(self, block: bytes, links: Links) -> _Row:
        """The INTERFACE row of a block."""
        if len(block) < _INTERFACE_BYTES:
            raise Fault(_FAULTS[Stop.BAD_LENGTH])
        link_type, snaplen = struct.unpack_from(f"{self.order}H2xI", block, 8)
        options = read_options(block[16:-4], self.order)
        value = options.get(_RESOLUTION, b"")[:1]
        resolution = resolution_of(value[0]) if value else MICROSECONDS
        if resolution is None:
            raise Fault("an interface says that its clock has more ticks than any: 10**19 or 2**63 in a second")
        offset = options.get(_OFFSET, b"")
        offset_s = struct.unpack(f"{self.order}q", offset)[0] if len(offset) == 8 else 0
        link = links.number(link_type, snaplen, resolution.per_second, options.get(_NAME, b""))
        return link, snaplen, clock_row(resolution, offset_s)


def read_options(options: bytes, order: str) -> dict[int, bytes]:
    """The options of a block by their codes; of one that is there twice, the first. Raises Fault.

    They may end without an end, and their padding is not looked at.
    """
    found: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(options):
        code, length = struct.unpack_from(f"{order}HH", options, place)
        if code == _END:
            break
        place += 4
        if place + length > len(options):
            raise Fault("an option is longer than the block in which it is")
        found.setdefault(code, options[place : place + length])
        place += -(-length // 4) * 4
    return found


def is_pcapng(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head[:4] == SECTION_TYPE.to_bytes(4, "little") and _order_of(head) is not None


def _order_of(head: bytes) -> str | None:
    for order in "<>":
        if len(head) >= 12 and struct.unpack_from(f"{order}I", head, 8)[0] == _ORDER_MAGIC:
            return order
    return None


def pcapng_batches(window: Window, links: Links, rows: NDArray[Any]) -> Iterator[Batch]:
    """The packets of a pcapng file, of which a section begins at the window's place; `rows`: room for those of a batch.

    Raises Fault, at the window's place, after all good packets were handed on; BrokenInput as the stream does.
    """
    reading = _Reading(window, links, rows)
    while True:
        count, stop = reading.scan()
        if count:
            yield Batch(window.data[: window.stop], rows[:count])
        if stop == Stop.NEEDS_MORE:
            if not window.fill():
                if window.stop > window.place:
                    raise Fault("the file is cut within a block")
                return
        elif stop == Stop.SECTION:
            reading.begin_section()
        elif stop == Stop.INTERFACE:
            reading.pass_interfaces()
        elif stop != Stop.FULL:
            raise Fault(_FAULTS[Stop(stop)])


class _Reading:
    """The sections of a file, of which many may be in memory at once."""

    def __init__(self, window: Window, links: Links, rows: NDArray[Any]) -> None:
        self._window, self._links, self._rows = window, links, rows
        self._known: dict[str, dict[bytes, _Row]] = {"<": {}, ">": {}}
        self.begin_section()

    def begin_section(self) -> None:
        """Pass over the header of a section. Raises Fault and BrokenInput."""
        order = _pass_section(self._window)
        self._section = Section(order, self._known[order])

    def scan(self) -> tuple[int, int]:
        """Make rows of the packets in memory; returns how many, and the Stop at which something is to be done.

        A section of which the header is in memory does not end it, since a file may have one for each packet.
        """
        window, count = self._window, 0
        while True:
            interfaces, swapped = self._section.interfaces, int(self._section.order == ">")
            found, window.place, stop = scan_blocks(
                window.words, window.place, window.stop, self._rows[count:], interfaces, swapped
            )
            count += found
            if not count or stop not in (Stop.SECTION, Stop.INTERFACE):
                return count, stop
            place, section = window.place, self._section
            try:
                if stop == Stop.INTERFACE:
                    self.pass_interfaces()
                elif _is_in_memory(window):
                    self.begin_section()
                    self.pass_interfaces()
                else:
                    return count, stop
            except Fault:  # comes again once the packets were handed on
                window.place, self._section = place, section
                return count, stop

    def pass_interfaces(self) -> None:
        """Take the interfaces whose blocks are next and in memory. Raises Fault."""
        window, order = self._window, self._section.order
        while window.stop - window.place >= LEAST_BLOCK_BYTES:
            kind, total = struct.unpack(f"{order}II", window.bytes(0, 8))
            if kind != INTERFACE_TYPE or not may_be_length(total) or window.stop - window.place < total:
                return
            if window.bytes(total - 4, 4) != window.bytes(4, 4):
                return
            self._section.add(window.bytes(0, total), self._links)
            window.place += total


def _is_in_memory(window: Window) -> bool:
    """Whether the section header that is next is, so that passing over it leaves all as it is in memory."""
    order = _order_of(window.bytes(0, 12))
    return order is not None and window.stop - window.place >= max(
        _SECTION_BYTES, struct.unpack(f"{order}I", window.bytes(4, 4))[0]
    )


def _pass_section(window: Window) -> str:
    """Pass over a section header, which is the next block; returns its byte order. Raises Fault and BrokenInput."""
    if not window.have(_SECTION_BYTES):
        raise Fault("the file is cut within a section header")
    order = _order_of(window.bytes(0, 12))
    if order is None:
        raise Fault("a section header has no magic number of a byte order")
    total, _, major, minor = struct.unpack(f"{order}IIHH", window.bytes(4, 12))
    if total < _SECTION_BYTES or not may_be_length(total):
        raise Fault(_FAULTS[Stop.BAD_LENGTH])
    if major != 1:
        raise Fault(f"this is pcapng {major}.{minor}, of which nothing is known here")
    if not window.have(total):
        raise Fault("the file is cut within a section header")
    if window.bytes(total - 4, 4) != window.bytes(4, 4):
        raise Fault(_FAULTS[Stop.LENGTHS_DIFFER])
    window.place += total
    return order
