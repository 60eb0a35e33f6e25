"""The bytes of an `.rcap` file of version 2: named sections, in any order. Little-endian; each starts on a page.

Version 2 is for captures that were not rendered from a recipe: imported ones, slices, merges. They have addresses,
exact instants, and events whose original order or length is another one. A capture that needs nothing of this is
written as version 1 (`captures.format.layout`), whose sections keep their rows here.

The header:

    0     44  as in version 1; `version` is 2, and `seed` is 0 where there is no recipe
    44    2   sections       how many there are, 62 at most
    46    2   entry bytes    64
    48    4   features       bits of what must be understood; none is defined
    52    12  reserved       zero
    64    64  entry          one for each section, in any order:
              0   4   kind       four letters
              4   4   flags      bit 0: who does not know this kind must refuse the file; the others are reserved
              8   8   offset     from the start of the file
              16  8   size       bytes
              24  8   rows       entries of the table; bytes of recipe, note and payload
              32  32  digest     BLAKE3 of the section; of the payload: of the digests section
    ...       reserved       zero
    4064  32  digest         BLAKE3 of the 4064 bytes before: the digest of the whole capture

The **original order** is the one in which events were captured. `TIME` has an instant for each event in this order.
`ORDR` says for each event of the order of replay which one it is; without it both orders are the same. So the events of
a capture that was grouped for trains are sent at the instants of the original, though a train's events change places.
"""

from typing import Final, NamedTuple

import numpy as np

from captures.format.layout import DIGEST_BYTES, MAGIC, PAGE_BYTES, TRAIN, WINDOW

VERSION_2: Final = 2
MUST_BE_KNOWN: Final = 1
"""The bit of an entry's flags by which who does not know its kind must refuse the file."""
MOST_SECTIONS: Final = 62

ENTRY: Final = np.dtype(
    [("kind", "S4"), ("flags", "<u4"), ("offset", "<u8"), ("size", "<u8"), ("rows", "<u8"), ("digest", "V32")]
)
HEADER_2: Final = np.dtype(
    [
        ("magic", f"V{len(MAGIC)}"),
        ("version", "<u4"),
        ("shortest", "<u2"),
        ("longest", "<u2"),
        ("events", "<u8"),
        ("seed", "<u8"),
        ("start_ns", "<u8"),
        ("sources", "<u4"),
        ("sections", "<u2"),
        ("entry_bytes", "<u2"),
        ("features", "<u4"),
        ("reserved", "V12"),
        ("entries", ENTRY, (MOST_SECTIONS,)),
        ("padding", "V32"),
        ("digest", "V32"),
    ]
)

FLOW: Final = np.dtype(
    [
        ("family", "u1"),  # 4 or 6: of the addresses
        ("protocol", "u1"),  # 17: UDP, 6: TCP (of IP's protocol numbers)
        ("tos", "u1"),  # the type of service of IPv4, the traffic class of IPv6
        ("ttl", "u1"),  # the time to live, the hop limit
        ("source_port", "<u2"),
        ("target_port", "<u2"),
        ("vlans", "<u2", (2,)),  # the TCI of the outer and of the inner VLAN tag (IEEE 802.1Q)
        ("vlan_count", "u1"),  # 0 to 2: how many of them there are
        ("service_vlans", "u1"),  # bit i: VLAN tag i has the TPID 0x88a8 (IEEE 802.1ad), and not 0x8100
        ("link", "<u2"),  # the row of LINK: the interface of the origin
        ("label", "<u4"),  # the flow label of IPv6
        ("source_mac", "V6"),
        ("target_mac", "V6"),
        ("source", "V16"),  # an address of IPv4 is in the first four bytes, and the others are zero
        ("target", "V16"),
    ]
)
"""From where to where an event went, and what the headers of its packet said."""
LINK: Final = np.dtype(
    [
        ("link_type", "<u2"),  # LINKTYPE_ of https://www.tcpdump.org/linktypes.html
        ("reserved", "<u2"),
        ("snaplen", "<u4"),  # 0: no limit
        ("resolution", "<u8"),  # ticks of its clock in a second
        ("name", "S48"),
    ]
)
"""An interface on which packets were captured."""
BACK: Final = np.dtype([("event", "<u8"), ("by_ns", "<u8")])
"""An event, by its number in the original order, that was captured so much earlier than TIME says.

The instants of TIME never descend, and the clock of the origin may have stepped back.
"""
LIVE: Final = np.dtype(
    [
        ("train", "<u8"),
        ("column", "<u2"),
        ("kind", "u1"),  # a StampKind
        ("reserved", "u1"),
        ("zone_minutes", "<i2"),
        ("reserved_2", "<u2"),
    ]
)
"""A stamp in each event of a train, besides the one that the TRAIN row tells of."""


class Kind(NamedTuple):
    """A kind of section."""

    kind: bytes
    row_bytes: int
    must_be_known: bool = False
    """Whether who does not know it would send other bytes, or could not send at all."""
    checked_at_once: bool = False
    """Whether its digest is compared when the capture is opened. The others are read whole only to verify."""


SECTIONS: Final = {
    "recipe": Kind(b"RECP", 1, checked_at_once=True),
    "note": Kind(b"NOTE", 1, checked_at_once=True),
    "windows": Kind(b"WIND", WINDOW.itemsize, must_be_known=True, checked_at_once=True),
    "mix": Kind(b"MIXC", 8, checked_at_once=True),
    "digests": Kind(b"DGST", DIGEST_BYTES, must_be_known=True, checked_at_once=True),
    "trains": Kind(b"TRNS", TRAIN.itemsize, must_be_known=True),
    "payload": Kind(b"PAYL", 1, must_be_known=True),
    "links": Kind(b"LINK", LINK.itemsize, checked_at_once=True),
    "flows": Kind(b"FLOW", FLOW.itemsize),
    "flow_of": Kind(b"EVFL", 4),
    "times": Kind(b"TIME", 8),
    "back": Kind(b"BACK", BACK.itemsize),
    "order": Kind(b"ORDR", 8),
    "live": Kind(b"LIVE", LIVE.itemsize, must_be_known=True),
    "templates": Kind(b"TMPL", 2),
    "original": Kind(b"OLEN", 4),
}
"""The sections that version 2 knows, by the names of this program."""
NAMES: Final = {kind.kind: name for name, kind in SECTIONS.items()}

assert ENTRY.itemsize == 64
assert HEADER_2.itemsize == PAGE_BYTES
assert HEADER_2.fields is not None
assert HEADER_2.fields["entries"][1] == 64
assert HEADER_2.fields["digest"][1] == 4064
assert FLOW.itemsize == 64
assert LINK.itemsize == 64
assert LIVE.itemsize == 16
