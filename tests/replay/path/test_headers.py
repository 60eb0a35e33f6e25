"""Headers written for trains equal those that scapy makes for each datagram alone."""

import ipaddress
import socket

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.l2 import Ether

from replay.linux.sockets.packet_send import VNET_HEADER
from replay.path.discover import prototype
from replay.path.headers import headers_of, write_header
from replay.path.target import Target

HOSTS = {socket.AF_INET: ("198.18.0.2", "198.18.64.0"), socket.AF_INET6: ("2001:2::2", "2001:2::6400:0")}
SOURCE_MAC, NEXT_MAC = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")

trains = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(1, 128), st.integers(1, 500), st.integers(0, 99_999), st.integers(1, 65535)
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=100)
@given(
    family=st.sampled_from(list(HOSTS)), vlans=st.sampled_from([(), (100,), (200, 100)]), rows=trains, cut=st.booleans()
)
def test_headers_are_scapy_s(
    family: socket.AddressFamily, vlans: tuple[int, ...], rows: list[tuple[int, int, int, int, int]], cut: bool
) -> None:
    host, network = HOSTS[family]
    target, first = Target(family, host), ipaddress.ip_address(network)
    made = [prototype(target, SOURCE_MAC, NEXT_MAC, vlans, network, port) for port in (514, 515, 65000)]
    headers = headers_of(family, made, len(rows))
    for row, (lane, count, length, source, port) in enumerate(rows):
        write_header(headers, row, lane, count * length, length, (int(first) & 0xFFFF_FFFF) + source, port, cut)

    for row, (place, events, size, number, source_port) in enumerate(rows):
        written = headers.table[row].tobytes()
        vnet = np.frombuffer(written[: VNET_HEADER.itemsize], VNET_HEADER)[0]
        frame = written[VNET_HEADER.itemsize :]
        payload = bytes(events * size)
        plain = prototype(target, SOURCE_MAC, NEXT_MAC, vlans, str(first + number), (514, 515, 65000)[place])
        expected = Ether(plain)
        udp = expected.lastlayer()
        udp.sport = source_port
        for layer in ("IP", "IPv6", "UDP"):
            for field in ("len", "plen", "chksum"):
                if layer in expected and field in expected[layer].fields:
                    delattr(expected[layer], field)
        whole = bytes(expected / payload)
        assert frame[:-2] == whole[: len(frame) - 2]  # all but the UDP checksum
        assert completed(frame, payload) == whole[len(frame) - 2 : len(frame)]
        assert (vnet["gso_type"], vnet["gso_size"]) == (5 if cut else 0, size)
        assert (vnet["hdr_len"], vnet["csum_start"], vnet["csum_offset"]) == (len(frame), len(frame) - 8, 6)


def completed(frame: bytes, payload: bytes) -> bytes:
    """The UDP checksum as the device fills it in: the sum from the UDP header on, which holds the pseudo header's."""
    data = frame[-8:] + payload
    total = int(np.frombuffer(data + bytes(len(data) % 2), ">u2").sum(dtype=np.int64))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ((~total & 0xFFFF) or 0xFFFF).to_bytes(2, "big")
