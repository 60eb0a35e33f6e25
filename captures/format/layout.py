"""The bytes of an `.rcap` file. Little-endian; each section starts on a 4096-byte page.

    0        header    4096 B, drawn below
    4096     recipe    canonical JSON, UTF-8: all that is needed to rebuild the same bytes
    ...      windows   WINDOW rows: the time axis
    ...      mix       u64 for each template of the recipe's profile: events rendered from it
    ...      digests   32 B for each 16 MiB of payload: BLAKE3
    ...      trains    TRAIN rows, in the order of replay
    ...      payload   the trains' events back to back: no header, no separator

The header:

    0     8   magic          89 52 43 41 50 0D 0A 1A  (as PNG's: shows text-mode damage)
    8     4   version        1
    12    2   shortest       length of the shortest event, bytes
    14    2   longest        length of the longest event, bytes
    16    8   events
    24    8   seed
    32    8   start          the capture's first instant, ns since 1970 UTC
    40    4   sources        how many sources the trains can have; 0: they have none
    44    20  reserved       zero
    64    56  section        six of them, in the order above:
              0   8   offset     from the start of the file
              8   8   size       bytes
              16  8   rows       entries of the table; bytes of recipe and payload
              24  32  digest     BLAKE3 of the section; of payload: of the digests section
    400   3664 reserved      zero
    4064  32  digest         BLAKE3 of the 4064 bytes before: the digest of the whole capture

A capture knows no MAC, IP address or port: headers are made by whoever sends it.
"""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.format.stamps.kinds import LOCAL_ZONE, STAMP_WIDTHS, StampKind

__all__ = [
    "DIGEST_BLOCK_BYTES",
    "DIGEST_BYTES",
    "HEADER",
    "LOCAL_ZONE",
    "MAGIC",
    "MAX_TRAIN_BYTES",
    "MAX_TRAIN_EVENTS",
    "PAGE_BYTES",
    "SECTION",
    "SECTION_NAMES",
    "STAMP_WIDTHS",
    "TAG_WIDTHS",
    "TRAIN",
    "VERSION",
    "WINDOW",
    "StampKind",
    "Table",
    "TagKind",
    "header_digest",
    "page_aligned",
]

Table = NDArray[Any]
"""A one-dimensional structured array: WINDOW or TRAIN rows."""

MAGIC: Final = b"\x89RCAP\r\n\x1a"
VERSION: Final = 1
PAGE_BYTES: Final = 4096
DIGEST_BYTES: Final = 32
DIGEST_BLOCK_BYTES: Final = 16 << 20

MAX_TRAIN_EVENTS: Final = 128
"""UDP_MAX_SEGMENTS of include/linux/udp.h since Linux 6.9."""
MAX_TRAIN_BYTES: Final = 65507
"""The largest UDP payload over IPv4; one GSO send is bound by it (RFC 768, RFC 791)."""

SECTION_NAMES: Final = ("recipe", "windows", "mix", "digests", "trains", "payload")

SECTION: Final = np.dtype([("offset", "<u8"), ("size", "<u8"), ("rows", "<u8"), ("digest", "V32")])
HEADER: Final = np.dtype(
    [
        ("magic", "V8"),
        ("version", "<u4"),
        ("shortest", "<u2"),
        ("longest", "<u2"),
        ("events", "<u8"),
        ("seed", "<u8"),
        ("start_ns", "<u8"),
        ("sources", "<u4"),
        ("reserved", "V20"),
        ("sections", SECTION, (len(SECTION_NAMES),)),
        ("padding", "V3664"),
        ("digest", "V32"),
    ]
)

WINDOW: Final = np.dtype(
    [
        ("start_ns", "<u8"),  # from the start of the capture
        ("duration_ns", "<u8"),  # 0: the events have no rate of their own
        ("first_train", "<u8"),
        ("trains", "<u8"),
        ("events", "<u8"),
    ]
)
TRAIN: Final = np.dtype(
    [
        ("offset", "<u8"),  # of the first event, from the start of payload
        ("first_event", "<u8"),  # events before this train
        ("count", "<u2"),  # events
        ("length", "<u2"),  # bytes of each event
        ("stamp_column", "<u2"),  # of the first byte of the stamp in each event
        ("tag_column", "<u2"),  # of the first byte of the tag in each event
        ("stamp_kind", "u1"),
        ("tag_kind", "u1"),
        ("zone_minutes", "<i2"),  # east of UTC, of the stamp; LOCAL_ZONE: where the sender is
        ("source", "<u4"),  # the sending host, below the header's sources; 0 where there are none
    ]
)

assert SECTION.itemsize == 56
assert HEADER.itemsize == PAGE_BYTES
assert HEADER.fields is not None
assert HEADER.fields["sections"][1] == 64
assert HEADER.fields["digest"][1] == 4064
assert WINDOW.itemsize == 40
assert TRAIN.itemsize == 32


class TagKind(IntEnum):
    """How the tag of a train's events is written. In a capture all trains have one, or none has."""

    NONE = 0
    HEX = 1
    """`1f3a9c07-15a6-000000002a`: run, port and sequence, hexadecimal; see `captures.format.tags`."""


TAG_WIDTHS: Final = {TagKind.NONE: 0, TagKind.HEX: 24}
"""Bytes of each kind of tag."""


def page_aligned(size: int) -> int:
    """`size` rounded up to whole pages."""
    return -(-size // PAGE_BYTES) * PAGE_BYTES


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """A recipe or a note as JSON, always in the same bytes: sorted keys, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def header_digest(header: bytes) -> bytes:
    """The digest that the last 32 of the header's 4096 bytes have to hold."""
    return blake3(header[:-DIGEST_BYTES]).digest()
