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
from captures.packets.sources.packing import packing_of
from captures.packets.sources.window import BLOCK_BYTES, Window

MOST_ROWS: Final = 1 << 16
"""In a batch."""
HEAD_BYTES: Final = 12
"""So many bytes tell what a file is."""
_LOOK_BYTES: Final = 1 << 16
"""So much is read at once to find the first instant."""

_FOREIGN: Final = {
    b"\x89RCAP": "this is a capture already, and needs no import",
    b"snoop\0\0\0": "this is a snoop file; make it pcapng first: editcap FILE NEW.pcapng",
    b"GMBU": "this is a file of Network Monitor; make it pcapng first: editcap FILE NEW.pcapng",
    b"\xa1\xe2\xcb\x12": "this is pcap of NAVTEL, which is not known here",
    b"PK\x03\x04": "this is a zip archive; unpack it on the way: unzip -p FILE | captures import -",
    b"LPKSHHRH": "this is a journal of systemd; export it (journalctl -o export -D FOLDER), and say --journal",
    b"BZh91AY&SY": "this is bzip2; unpack it on the way: bzip2 -dc FILE | captures import -",
    b"\x02\x21\x4c\x18": "this is LZ4 of the old format; unpack it on the way: lz4 -dc FILE | captures import -",
}

_SPACES: Final = b"\t\n\r\x1b"


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
        window.have(HEAD_BYTES)
        head = window.bytes(0, HEAD_BYTES)
        if not head:
            return
        if not is_packets(head):
            raise NotPackets(source.name, foreign_kind(head) or _unknown(head))
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


def is_packets(head: bytes) -> bool:
    """Whether a file that begins so is pcap or pcapng; `head`: HEAD_BYTES of it, or all."""
    return is_pcap(head) or is_pcapng(head)


def foreign_kind(head: bytes) -> str | None:
    """Of a file that begins so: why it can't be read, and what to do; None: it is nothing that is known here."""
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            return what
    packing = packing_of(head)
    return f"what is unpacked is packed again ({packing.name}); unpack it once before" if packing else None


def _unknown(head: bytes) -> str:
    is_text = all(byte >= ord(" ") or byte in _SPACES for byte in head)
    hint = "; if it is text, say so by --lines, --json-field or --journal" if is_text else ""
    return f"this is neither pcap nor pcapng{hint}"


def compilations() -> list[Callable[[], object]]:
    """Calls that have the kernels of this folder compiled, for `make_ready`."""
    words, rows, interfaces = words_of(np.zeros(RECORD_BYTES, np.uint8)), np.zeros(1, PACKET), np.zeros(1, INTERFACE)
    return [
        lambda: scan_records(words, 0, 0, rows, RECORD_BYTES, 0, 1, 0),
        lambda: scan_blocks(words, 0, 0, rows, interfaces, 0),
    ]
