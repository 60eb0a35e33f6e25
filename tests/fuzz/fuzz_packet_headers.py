"""Hostile packets: none makes the dissector fail, and each is accounted for.

Packets of every encapsulation, fragments and segments of TCP, whole or damaged, repeated, cut and mixed, in batches.
With NUMBA_BOUNDSCHECK=1 a kernel that reads or writes beside an array raises, too.
"""

import os
import random
import sys

os.environ.setdefault("NUMBA_BOUNDSCHECK", "1")

from ipaddress import ip_network

from scapy.layers.inet import TCP, fragment
from scapy.layers.inet6 import IPv6ExtHdrFragment, fragment6
from scapy.packet import Raw

from captures.packets.headers.dissector import Dissector
from captures.packets.headers.filters import DissectorOptions
from captures.packets.headers.reasons import LONGEST_BYTES
from tests.captures.packets.headers.encapsulations import TEXT, batch_of, ether, ip4, ip6, links_of, made, udp
from tests.fuzz.cases import run_cases

LINK_TYPES = (0, 1, 9, 12, 50, 101, 104, 108, 113, 147, 228, 229, 276)
PIECES = (
    *(bytes(ether() / piece) for piece in fragment(ip4(id=3) / udp() / Raw(TEXT * 20), fragsize=200)),
    *(bytes(ether() / piece) for piece in fragment6(ip6() / IPv6ExtHdrFragment(id=3) / udp() / Raw(TEXT * 20), 300)),
)
STREAM = b"".join(b"<1>line %d\n" % number for number in range(50)) + b"7 <1>abcd" * 50
SEGMENT = bytes(ether() / ip4() / TCP(dport=514))
HOSTS = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/64"))


def segment(draw: random.Random) -> bytes:
    """A piece of a stream, or nearly."""
    place = draw.randrange(len(STREAM))
    payload = STREAM[place : place + draw.randint(0, 60)]
    made = bytearray(SEGMENT + payload)
    made[16:18] = (40 + len(payload)).to_bytes(2, "big")
    made[35] = draw.randint(1, 3)  # of the source's port
    made[38:42] = ((place + 2**32 - 300) % 2**32).to_bytes(4, "big")
    made[47] = draw.choice((0x10, 0x10, 0x02, 0x11, 0x04))  # ACK, SYN, FIN, RST
    return bytes(made)


def damaged(draw: random.Random, frame: bytes) -> bytes:
    """The same, with some bytes changed, more often in front."""
    changed = bytearray(frame)
    for _ in range(draw.choice((0, 0, 1, 1, 2, 5))):
        if changed:
            changed[min(draw.randrange(len(changed)), draw.randrange(len(changed)))] = draw.randrange(256)
    return bytes(changed[: draw.choice((len(changed), len(changed), draw.randint(0, len(changed))))])


def frame(draw: random.Random) -> bytes:
    match draw.randrange(6):
        case 5:
            return bytes(ether() / ip4() / udp() / Raw((b"<13>a" + TEXT[: draw.randrange(9)]) * draw.randrange(9)))
        case 0:
            return draw.randbytes(draw.randint(0, 90))
        case 1:
            return draw.choice(PIECES)
        case 2:
            return segment(draw)
        case _:
            return draw.choice(made()).frame


def case(draw: random.Random) -> None:
    """Some batches through one dissector."""
    options = DissectorOptions(
        ports=draw.choice((None, {514})),
        hosts=draw.choice(((), HOSTS)),
        keep_cut=draw.random() < 0.5,
        split_trains=draw.random() < 0.5,
    )
    dissector = Dissector(options)
    links, found, flows = links_of(*draw.sample(LINK_TYPES, 3), 1), 0, 0
    for _ in range(draw.randint(1, 4)):
        frames = [damaged(draw, frame(draw)) for _ in range(draw.randint(0, 60))]
        originals = [len(one) + draw.choice((0, 0, 0, 7, 70_000)) for one in frames]
        batch = batch_of(frames, originals, draw.choice((0, 1, 2, 3, 3, 3, 3, 9)), draw.choice((1, 1 << 40)))
        data, messages = dissector.messages(batch, links)
        flows += len(dissector.new_flows())
        found += len(messages)
        assert (messages["place"] >= 0).all()
        assert (messages["place"] + messages["length"] <= len(data)).all()
        assert (messages["length"] <= messages["original"]).all()
        assert (messages["original"] <= LONGEST_BYTES).all()
        assert ((messages["flow"] >= 0) & (messages["flow"] < flows)).all()
    found += len(dissector.finish().messages)  # what is held back behind a segment that is missing
    single = dissector.packets - dissector.fragments + dissector.wholes
    assert single == dissector.datagrams + dissector.segments + dissector.left_out_packets.total()
    assert found >= dissector.datagrams


if __name__ == "__main__":
    print(run_cases(case, float(sys.argv[1]), int(sys.argv[2])), "cases")
