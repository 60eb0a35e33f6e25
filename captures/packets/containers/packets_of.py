"""The packets of an input, whichever container it is: batches of PACKET rows, up to its end or to its first fault."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from captures.compiled.words import words_of
from captures.console.errors import InputError
from captures.packets.containers.fault import Fault
from captures.packets.containers.links import Links
from captures.packets.containers.pcap import is_pcap, pcap_batches
from captures.packets.containers.pcap_records import RECORD_BYTES, scan_records
from captures.packets.containers.pcapng import is_pcapng, pcapng_batches
from captures.packets.containers.pcapng_blocks import INTERFACE, scan_blocks
from captures.packets.rows import PACKET, Batch
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import Input
from captures.packets.sources.packing import HEAD_BYTES, packing_of
from captures.packets.sources.window import BLOCK_BYTES, Window

MOST_ROWS: Final = 1 << 16
"""In a batch."""
_MAGIC_BYTES: Final = 12
_LOOK_BYTES: Final = 1 << 16
"""So much is read at once to find the first instant."""

_FOREIGN: Final = {
    b"\x89RCAP": "this is a capture already, and needs no import",
    b"snoop\0\0\0": "this is a snoop file; make it pcapng first: editcap FILE NEW.pcapng",
    b"GMBU": "this is a file of Network Monitor; make it pcapng first: editcap FILE NEW.pcapng",
    b"\xa1\xe2\xcb\x12": "this is pcap of NAVTEL, which is not known here",
    b"PK\x03\x04": "this is a zip archive; unpack it on the way: unzip -p FILE | captures import -",
    b"BZh": "this is bzip2; unpack it on the way: bzip2 -dc FILE | captures import -",
    b"\x02\x21\x4c\x18": "this is LZ4 of the old format; unpack it on the way: lz4 -dc FILE | captures import -",
}


class NotPackets(InputError):
    """An input that is neither pcap nor pcapng. `why` is the message without the name of the input."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.why = why


def read_batches(
    source: Input, links: Links, progress: Callable[[int], object] = int, block_bytes: int = BLOCK_BYTES
) -> Iterator[Batch]:
    """The packets of an input. A batch is valid until the next one is asked for, since both share their memory.

    The interfaces are added to `links`, before the batches that are of them. `progress` gets the number of bytes of
    each read, before unpacking. A file without a single byte has no packets. Raises NotPackets for any other that is no
    pcap or pcapng, InputError if it can't be opened, and BrokenInput when all good packets were handed on and the rest
    can't be read: it is damaged or cut, or an instant is not within 1970 to 2262.
    """
    with source.opened(progress) as stream:
        window, rows = Window(stream, block_bytes), np.zeros(MOST_ROWS, PACKET)
        window.have(_MAGIC_BYTES)
        head = window.bytes(0, _MAGIC_BYTES)
        if not head:
            return
        if not (is_pcap(head) or is_pcapng(head)):
            raise NotPackets(source.name, _what_it_is(head))
        batches = pcap_batches if is_pcap(head) else pcapng_batches
        try:
            yield from batches(window, links, rows)
        except Fault as fault:
            raise BrokenInput(source.name, f"byte {window.where:,}", str(fault)) from None


def first_instant(source: Input) -> int | None:
    """The first instant of an input in ns, for `in_time_order`; None: its first packets have none, or are broken."""
    try:
        for batch in read_batches(source, Links(), block_bytes=_LOOK_BYTES):
            instants_ns = batch.packets["instant_ns"]
            known = instants_ns[instants_ns >= 0]
            return int(known[0]) if len(known) else None
    except (InputError, BrokenInput):
        pass  # reading it says what is wrong
    return None


def _what_it_is(head: bytes) -> str:
    """Why an input can't be read, and what to do."""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            return what
    packing = packing_of(head[:HEAD_BYTES])
    if packing is not None:
        return f"what is unpacked is packed again ({packing.name}); unpack it once before"
    return "this is neither pcap nor pcapng"


def compilations() -> list[Callable[[], object]]:
    """Calls that have the kernels of this folder compiled, for `make_ready`."""
    words, rows, interfaces = words_of(np.zeros(RECORD_BYTES, np.uint8)), np.zeros(1, PACKET), np.zeros(1, INTERFACE)
    return [
        lambda: scan_records(words, 0, 0, rows, RECORD_BYTES, 0, 1, 0),
        lambda: scan_blocks(words, 0, 0, rows, interfaces, 0),
    ]
