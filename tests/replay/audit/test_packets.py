"""Packets as tcpdump writes them are audited as they lie in the file: binary headers between tags hide none."""

import gzip
import io
import json
import socket
from pathlib import Path

import dpkt
import pytest

from captures.format.tags import tag_text
from replay.sessions.audit import AuditRequest, audit
from tests.replay.audit.texts import structured, suffixed

RUN, PORT, EVENTS = 0x1F3A9C07, 5514, 5000
SENT = {"run_id": f"{RUN:08x}", "lanes": [{"port": PORT, "sent_events": EVENTS}]}
# So that the seconds and microseconds of the headers have every byte in every place, line feeds and digits too.
STEP_S = 16_843.009


def frames(front: bool) -> list[tuple[float, bytes]]:
    """Datagrams with a tag each, at its end or before a text, and when they came."""
    made = []
    for number in range(EVENTS):
        tag = tag_text(RUN, PORT, number)
        text = structured(tag) if front else suffixed(tag)
        datagram = dpkt.udp.UDP(sport=40_000 + number % 999, dport=PORT, data=text, ulen=8 + len(text))
        source, target = (socket.inet_aton(f"198.18.0.{last}") for last in (1, 2))
        packet = dpkt.ip.IP(src=source, dst=target, p=17, id=number, data=datagram, len=28 + len(text))
        frame = dpkt.ethernet.Ethernet(src=b"\x02\0\0\0\0\x0a", dst=b"\x02\0\0\0\0\x0b", data=packet)
        made.append((1_700_000_000 + number * STEP_S, bytes(frame)))
    return made


@pytest.mark.parametrize("front", [False, True])
@pytest.mark.parametrize("writer", [dpkt.pcap.Writer, dpkt.pcapng.Writer], ids=["pcap", "pcapng"])
def test_all_datagrams_of_a_packet_file_are_found(tmp_path: Path, writer: type, front: bool) -> None:
    file = io.BytesIO()
    packets = writer(file)
    for time_s, frame in frames(front):
        packets.writepkt(frame, time_s)
    content = file.getvalue()
    assert content.count(b"\n") > 100
    sent, plain, packed = (tmp_path / name for name in ("sent.json", "a.pcap", "b.pcap.gz"))
    sent.write_text(json.dumps(SENT))
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    for path in (plain, packed):
        report = audit(AuditRequest([path], sent))
        assert report.exit_code == 0
        assert (report.received_events, report.duplicated_events) == (EVENTS, 0)
        assert (report.surplus_events, report.foreign_tags) == (0, 0)
