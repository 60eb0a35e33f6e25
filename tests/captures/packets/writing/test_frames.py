"""Frames that we write are those that scapy and dpkt read: every field, every checksum."""

import dpkt
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scapy.all import IP, UDP, Dot1AD, Dot1Q, Ether, IPv6, Raw

from captures.compiled.words import words_of
from captures.format.sections import FLOW
from captures.packets.writing.frames import FLOW_RECORD, MOST_HEADER_BYTES, write_frame

macs = st.binary(min_size=6, max_size=6)
flows = st.fixed_dictionaries(
    {
        "family": st.sampled_from([4, 6]),
        "tos": st.integers(0, 255),
        "ttl": st.integers(0, 255),
        "source_port": st.integers(0, 65535),
        "target_port": st.integers(0, 65535),
        "vlans": st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
        "vlan_count": st.integers(0, 2),
        "service_vlans": st.integers(0, 3),
        "label": st.integers(0, 2**20 - 1),
        "source_mac": macs,
        "target_mac": macs,
        "source": st.binary(min_size=16, max_size=16),
        "target": st.binary(min_size=16, max_size=16),
    }
)


def frame_of(drawn: dict, text: bytes) -> bytes:
    row, out = np.zeros(1, FLOW), np.full(MOST_HEADER_BYTES + len(text), 255, np.uint8)
    for name, value in drawn.items():
        row[name] = np.void(value) if isinstance(value, bytes) else value
    end = write_frame(
        out, words_of(out), 0, row.view(FLOW_RECORD)[0], np.frombuffer(b"..." + text, np.uint8), 3, len(text)
    )
    return out[:end].tobytes()


def plain(drawn: dict, text: bytes) -> bytes:
    """The same frame by scapy."""
    frame = Ether(src=drawn["source_mac"], dst=drawn["target_mac"])
    for i in range(drawn["vlan_count"]):
        tci = drawn["vlans"][i]
        tag = Dot1AD if drawn["service_vlans"] >> i & 1 else Dot1Q
        frame /= tag(prio=tci >> 13, id=tci >> 12 & 1, vlan=tci & 0xFFF)
    if drawn["family"] == 4:
        source, target = (".".join(map(str, drawn[name][:4])) for name in ("source", "target"))
        frame /= IP(tos=drawn["tos"], ttl=drawn["ttl"], id=0, src=source, dst=target)
    else:
        source, target = (
            ":".join(drawn[name][i : i + 2].hex() for i in range(0, 16, 2)) for name in ("source", "target")
        )
        frame /= IPv6(tc=drawn["tos"], fl=drawn["label"], hlim=drawn["ttl"], src=source, dst=target)
    return bytes(frame / UDP(sport=drawn["source_port"], dport=drawn["target_port"]) / Raw(text))


@given(flows, st.binary(max_size=300))
def test_a_frame_is_the_one_of_scapy(drawn: dict, text: bytes) -> None:
    assert frame_of(drawn, text) == plain(drawn, text)


def test_the_longest_event_has_a_frame_with_a_sound_checksum() -> None:
    drawn = {"family": 4, "ttl": 64, "source": bytes(16), "target": bytes(16), "target_port": 514}
    text = bytes(range(256)) * 256
    ip = dpkt.ethernet.Ethernet(frame_of(drawn, text[:65507])).data
    assert (ip.len, ip.data.ulen, ip.data.data) == (65535, 65515, text[:65507])
    pseudo = ip.src + ip.dst + b"\0\x11" + ip.data.ulen.to_bytes(2, "big")
    assert dpkt.dpkt.in_cksum(pseudo + bytes(ip.data)) == 0
