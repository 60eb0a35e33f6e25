"""The header of the link, packet by packet: all that the kernel reads, and what it does not.

dpkt reads the headers. What steers from one to the next stands here, since dpkt reads a whole packet at once, and gives
up all of it, or reads something else into it, where a piece is odd.
"""

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

from captures.packets.headers.link_headers import (
    AF_INET,
    AF_INET6_1,
    AF_INET6_2,
    AF_INET6_3,
    AF_INET6_4,
    DLT_RAWS,
    ETHERNET_BYTES,
    IPV4,
    IPV6,
    LEAST_TYPE,
    LINKTYPE_ETHERNET,
    LINKTYPE_IPV4,
    LINKTYPE_IPV6,
    LINKTYPE_LINUX_SLL,
    LINKTYPE_LINUX_SLL2,
    LINKTYPE_LOOP,
    LINKTYPE_NULL,
    LINKTYPE_RAW,
    MAC_BYTES,
    SLL2_BYTES,
    SLL_BYTES,
    TYPE_ARP,
    TYPE_IPV4,
    TYPE_IPV6,
    TYPE_MPLS,
    TYPE_MPLS_UPSTREAM,
    TYPE_OLD_QINQ,
    TYPE_PPPOE,
    TYPE_SERVICE_VLAN,
    TYPE_VLAN,
)
from captures.packets.headers.reasons import ARP, BROKEN, CUT, NOT_IP, UNKNOWN_LINK

LINKTYPE_PPP: Final = 9
LINKTYPE_PPP_HDLC: Final = 50
LINKTYPE_C_HDLC: Final = 104

_ETHERTYPES: Final = {TYPE_IPV4: IPV4, TYPE_IPV6: IPV6, TYPE_ARP: ARP}
MOST_LAYERS: Final = 32
"""So many tags, labels, SNAP or extension headers may follow each other. A network has a handful; more is an attack."""
_PPP_TYPES: Final = {0x21: IPV4, 0x57: IPV6}  # RFC 1332, RFC 5072
_PPP_MPLS: Final = (0x281, 0x283)  # RFC 3032, section 4.3
_FAMILIES: Final = {AF_INET: IPV4} | dict.fromkeys((AF_INET6_1, AF_INET6_2, AF_INET6_3, AF_INET6_4), IPV6)
_LLC_IP: Final = b"\x06\x06\x03"
_LLC_SNAP: Final = b"\xaa\xaa\x03"
_HDLC: Final = b"\xff\x03"


class Network(NamedTuple):
    """What follows the header of the link."""

    kind: int
    """IPV4, IPV6 or the reason why neither follows."""
    rest: bytes
    """From the header of IP on."""
    source_mac: bytes = bytes(MAC_BYTES)
    target_mac: bytes = bytes(MAC_BYTES)
    tags: tuple[tuple[int, bool], ...] = ()
    """TCI of each VLAN tag, and whether its TPID is that of IEEE 802.1ad."""


NOTHING: Final = Network(NOT_IP, b"")
ORDERS: Final[tuple[Literal["little", "big"], ...]] = ("little", "big")


def network_of(frame: bytes, link_type: int) -> Network:
    """What a packet holds behind the header of its link."""
    import dpkt  # noqa: PLC0415 - it takes a while to load, and not each import needs it

    read = _READERS.get(link_type)
    try:
        return read(dpkt, frame) if read else Network(UNKNOWN_LINK, b"")
    except dpkt.NeedData:
        return Network(CUT, b"")


def _ethernet(dpkt: Any, frame: bytes) -> Network:
    if len(frame) < ETHERNET_BYTES:
        raise dpkt.NeedData
    outside = Network(NOT_IP, b"", frame[MAC_BYTES:12], frame[:MAC_BYTES])
    return _by_type(dpkt, int.from_bytes(frame[12:14], "big"), frame[ETHERNET_BYTES:], outside)


def _cooked(dpkt: Any, frame: bytes) -> Network:
    # dpkt gets the header alone, since it would read what follows, too.
    header = dpkt.sll.SLL(frame[:SLL_BYTES])
    mac = header.hdr[:MAC_BYTES] if header.hlen == MAC_BYTES else bytes(MAC_BYTES)
    return _by_type(dpkt, header.ethtype, frame[SLL_BYTES:], Network(NOT_IP, b"", mac))


def _cooked_2(dpkt: Any, frame: bytes) -> Network:
    header = dpkt.sll2.SLL2(frame[:SLL2_BYTES])
    mac = header.hdr[:MAC_BYTES] if header.hlen == MAC_BYTES else bytes(MAC_BYTES)
    return _by_type(dpkt, header.ethtype, frame[SLL2_BYTES:], Network(NOT_IP, b"", mac))


def _by_type(dpkt: Any, kind: int, rest: bytes, outside: Network) -> Network:
    """What follows an EtherType, or a length of IEEE 802.3 in its place: VLAN tags, SNAP headers (RFC 1042), IP."""
    for _ in range(MOST_LAYERS):
        if kind in (TYPE_VLAN, TYPE_SERVICE_VLAN, TYPE_OLD_QINQ):
            tags = (*outside.tags, (int.from_bytes(rest[:2], "big"), kind == TYPE_SERVICE_VLAN))
            kind, rest = dpkt.ethernet.VLANtag8021Q(rest[:4]).type, rest[4:]
            outside = outside._replace(tags=tags)
        elif kind < LEAST_TYPE and rest.startswith(_LLC_SNAP):
            header = dpkt.llc.LLC(rest[:8].ljust(8, b"\0"))
            if len(rest) < 8:
                raise dpkt.NeedData
            if header.oui or header.type < LEAST_TYPE:
                return outside
            kind, rest = header.type, rest[8:]
        else:
            return _behind_layers(dpkt, kind, rest, outside)
    return outside._replace(kind=BROKEN)


def _behind_layers(dpkt: Any, kind: int, rest: bytes, outside: Network) -> Network:
    """What follows an EtherType, or a length, that is neither of a tag nor of a SNAP header."""
    if kind < LEAST_TYPE:  # IEEE 802.2
        return outside._replace(kind=IPV4, rest=rest[3:]) if rest.startswith(_LLC_IP) else outside
    if kind in (TYPE_MPLS, TYPE_MPLS_UPSTREAM):
        return _mpls(dpkt, rest, outside)
    if kind == TYPE_PPPOE:  # RFC 2516: version and type, code, session, length
        dpkt.pppoe.PPPoE(rest[:6])
        return _ppp(dpkt, rest[6:], outside)
    return outside._replace(kind=_ETHERTYPES.get(kind, NOT_IP), rest=rest)


def _mpls(dpkt: Any, rest: bytes, outside: Network) -> Network:
    """Labels (RFC 3032) do not say what follows them; IP can be told by its version."""
    for _ in range(MOST_LAYERS):
        label, rest = dpkt.ethernet.MPLSlabel(rest[:4]), rest[4:]
        if label.s:
            return _raw(dpkt, rest, outside)
    return outside._replace(kind=BROKEN)


def _raw(dpkt: Any, rest: bytes, outside: Network = NOTHING) -> Network:
    if not rest:
        raise dpkt.NeedData
    version = rest[0] >> 4
    return outside._replace(kind=version if version in (IPV4, IPV6) else NOT_IP, rest=rest)


def _null(dpkt: Any, frame: bytes) -> Network:
    if len(frame) < 4:
        raise dpkt.NeedData
    either = (_FAMILIES.get(int.from_bytes(frame[:4], order)) for order in ORDERS)
    return Network(next(filter(None, either), NOT_IP), frame[4:])


def _ppp(dpkt: Any, rest: bytes, outside: Network = NOTHING) -> Network:
    """PPP (RFC 1661), in frames like those of HDLC (RFC 1662) or not; its protocol may be one byte."""
    rest = rest.removeprefix(_HDLC)
    size = 1 if rest[:1] and rest[0] & 1 else 2
    if len(rest) < size:
        raise dpkt.NeedData
    protocol, rest = int.from_bytes(rest[:size], "big"), rest[size:]
    if protocol in _PPP_MPLS:
        return _mpls(dpkt, rest, outside)
    return outside._replace(kind=_PPP_TYPES.get(protocol, NOT_IP), rest=rest)


def _cisco_hdlc(dpkt: Any, frame: bytes) -> Network:
    """Address, control, and an EtherType."""
    if len(frame) < 4:
        raise dpkt.NeedData
    return _by_type(dpkt, int.from_bytes(frame[2:4], "big"), frame[4:], NOTHING)


_READERS: Final[dict[int, Callable[[Any, bytes], Network]]] = {
    LINKTYPE_ETHERNET: _ethernet,
    LINKTYPE_LINUX_SLL: _cooked,
    LINKTYPE_LINUX_SLL2: _cooked_2,
    **dict.fromkeys((LINKTYPE_RAW, LINKTYPE_IPV4, LINKTYPE_IPV6, *DLT_RAWS), _raw),
    **dict.fromkeys((LINKTYPE_NULL, LINKTYPE_LOOP), _null),
    **dict.fromkeys((LINKTYPE_PPP, LINKTYPE_PPP_HDLC), _ppp),
    LINKTYPE_C_HDLC: _cisco_hdlc,
}
