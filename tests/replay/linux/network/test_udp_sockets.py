"""/proc/net/udp: sockets of our own are found there, and any text is read without harm."""

import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.linux.network import udp_sockets
from replay.linux.network.udp_sockets import UdpSocket, UdpTable, parse_udp, row_pattern

HEADER = (
    b"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    b" ref pointer drops\n"
)


def line(found: UdpSocket, bucket: int = 7, *, signed: bool = False) -> bytes:
    """As udp4_format_sock and udp6_sock_seq_show (net/ipv4/udp.c, net/ipv6/datagram.c) write it."""
    family = socket.AF_INET6 if ":" in found.address else socket.AF_INET
    packed = socket.inet_pton(family, found.address)
    address = "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))
    drops = found.drops - (1 << 32) if signed and found.drops >= 1 << 31 else found.drops
    return (
        f"{bucket:5d}: {address}:{found.port:04X} {'0' * len(address)}:0000 07 00000000:{found.waiting_bytes:08X} "
        f"00:00000000 00000000 {found.uid:5d}        0 {found.inode} 2 0000000000000000 {drops}          \n"
    ).encode()


ports = st.integers(1, 65535)
sockets = st.builds(
    UdpSocket,
    port=ports,
    address=st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(
        lambda address: socket.inet_ntop(socket.AF_INET if address.version == 4 else socket.AF_INET6, address.packed)
    ),
    inode=st.integers(0, (1 << 64) - 1),
    uid=st.integers(0, (1 << 32) - 1),
    waiting_bytes=st.integers(0, (1 << 32) - 1),
    drops=st.integers(0, (1 << 32) - 1),
)


@given(st.lists(sockets, max_size=20), st.sets(ports, max_size=5), st.booleans())
def test_what_the_kernel_writes_is_read_back(listed, chosen, signed):
    wanted = {each.port for each in listed[::2]} | chosen
    text = HEADER + b"".join(line(each, bucket, signed=signed) for bucket, each in enumerate(listed))
    assert parse_udp(text, row_pattern(wanted)) == [each for each in listed if each.port in wanted]


@given(sockets, st.data())
def test_a_line_that_is_cut_is_passed_over_or_whole(each, data):
    """Where the limit of what is read falls into a line, no other number comes of it but a cut last one."""
    text = line(each)
    cut = text[: data.draw(st.integers(0, len(text.rstrip()) - len(str(each.drops))))]
    assert parse_udp(cut, row_pattern([each.port])) == []


@given(st.binary(max_size=400) | st.text("0123456789ABCDEF: \n-", max_size=400).map(str.encode))
def test_any_text_is_read_without_harm(text):
    for found in parse_udp(text, row_pattern([514, 0x0202])):
        assert found.port == 514


def test_no_port_is_no_socket():
    assert parse_udp(line(UdpSocket(514, "0.0.0.0", 1, 0, 0, 0)), row_pattern([])) == []


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_socket_of_our_own(family, address):
    with socket.socket(family, socket.SOCK_DGRAM) as receiver, socket.socket(family, socket.SOCK_DGRAM) as sender:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        receiver.bind((address, 0))
        table = UdpTable([receiver.getsockname()[1]])
        (before,), whole = table.look()
        for _ in range(100):
            sender.sendto(bytes(100), receiver.getsockname())
        (after,), _ = table.look()
        kept = 0
        receiver.setblocking(False)
        while True:
            try:
                receiver.recv(200)
            except BlockingIOError:
                break
            kept += 1
        (empty,), _ = table.look()

    assert whole
    assert before == UdpSocket(before.port, address, before.inode, before.uid, 0, 0)
    assert after.waiting_bytes >= kept * 512  # what bounds the events that wait
    assert after.drops == 100 - kept > 0
    assert empty == after._replace(waiting_bytes=0)


def test_what_is_read_is_bounded(tmp_path: Path, monkeypatch):
    rows = [UdpSocket(514, "0.0.0.0", inode, 0, 0, 0) for inode in range(100)]
    text = HEADER + b"".join(line(row) for row in rows)
    (tmp_path / "udp").write_bytes(text)
    monkeypatch.setattr(udp_sockets, "FILES", (tmp_path / "udp", tmp_path / "no ipv6"))
    assert UdpTable([514]).look() == (rows, True)

    monkeypatch.setattr(udp_sockets, "READ_LIMIT_BYTES", len(text) // 2)
    found, whole = UdpTable([514]).look()
    assert not whole
    assert found == rows[: len(found)]
    assert 40 < len(found) < 60
