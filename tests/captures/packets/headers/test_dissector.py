import shutil
import subprocess
from ipaddress import ip_address, ip_network

import dpkt
import numpy as np
import pytest
from scapy.layers.inet import TCP, IPOption_Router_Alert, fragment
from scapy.layers.inet6 import IPv6ExtHdrFragment, fragment6
from scapy.packet import Raw

from captures.packets.headers import dissector as module
from captures.packets.headers.dissector import Dissector
from captures.packets.headers.filters import DissectorOptions
from captures.packets.headers.reasons import BROKEN, LONGEST_BYTES, OF_PACKETS
from captures.packets.headers.reassembly.streams import ACKNOWLEDGED_WAIT_NS, MOST_WAIT_NS
from captures.packets.headers.slow_link import MOST_LAYERS
from captures.text.messages import NO_FLOW
from tests.captures.packets.headers.encapsulations import (
    ETHERNET,
    RAW,
    SOURCE_MAC,
    TARGET_MAC,
    TEXT,
    batch_of,
    ether,
    ip4,
    ip6,
    links_of,
    made,
    texts_of,
    udp,
)


def dissected(frames, options=None, link_type=ETHERNET, **how):
    """The dissector after one batch, and what it said."""
    dissector = Dissector(options or DissectorOptions())
    return dissector, dissector.messages(batch_of(frames, **how), links_of(link_type))


def balances(dissector: Dissector) -> bool:
    """Whether each packet is accounted for."""
    dissector.finish()
    single = dissector.packets - dissector.fragments + dissector.wholes
    return single == dissector.datagrams + dissector.segments + dissector.left_out_packets.total()


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


@pytest.mark.parametrize("known", [known for known in made() if known.is_message], ids=lambda known: known.name)
def test_the_message_of_each_encapsulation_is_found(known):
    dissector, messages = dissected([known.frame], link_type=known.link_type)
    expected = {"empty": b"", "padded": b"<1>a", "padded 6": b"<1>a"}.get(known.name, TEXT)
    assert texts_of(messages) == [expected]
    (row,), (flow,) = messages.messages, dissector.new_flows()
    assert (row.original, row.instant_ns, row.flow) == (len(expected), 1, 0)
    assert (flow["protocol"], flow["source_port"], flow["target_port"]) == (17, 40_001, 514)
    source, target = (ip_address(flow[name].tobytes()[: 4 if flow["family"] == 4 else 16]) for name in ADDRESSES)
    if flow["family"] == 4:
        assert (source, target) == (ip_address("192.0.2.1"), ip_address("198.51.100.2"))
        assert (flow["tos"], flow["ttl"], flow["label"]) == (0x28, 61, 0)
    else:
        assert (source, target) == (ip_address("2001:db8::1"), ip_address("2001:db8:1:2:3:4:5:6"))
        assert (flow["tos"], flow["ttl"], flow["label"]) == (9, 62, 0x54321)
    macs = mac(SOURCE_MAC), mac(TARGET_MAC)
    if known.link_type in (113, 276):
        macs = (bytes(6) if "no ethernet" in known.name else macs[0]), bytes(6)
    elif known.link_type != ETHERNET:
        macs = bytes(6), bytes(6)
    assert (flow["source_mac"].tobytes(), flow["target_mac"].tobytes()) == macs
    assert balances(dissector)


ADDRESSES = ("source", "target")


@pytest.mark.parametrize(
    ("name", "tags", "count", "service"),
    [
        ("vlan 8100", [0x6005, 0], 1, 0),
        ("vlan 88a8", [0x6005, 0], 1, 1),
        ("vlan 9100", [0x6005, 0], 1, 0),
        ("q-in-q", [7, 8], 2, 1),
        ("ad-in-ad", [7, 8], 2, 3),
        ("sll vlan", [9, 0], 1, 0),
        ("three tags", [1, 2], 2, 0),
        ("ethernet 4", [0, 0], 0, 0),
    ],
)
def test_tags_are_kept(name, tags, count, service):
    (known,) = (known for known in made() if known.name == name)
    dissector, _ = dissected([known.frame], link_type=known.link_type)
    (flow,) = dissector.new_flows()
    assert (flow["vlans"].tolist(), flow["vlan_count"], flow["service_vlans"]) == (tags, count, service)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("arp", "ARP"),
        ("icmp", "ICMP"),
        ("icmp 6", "ICMP"),
        ("lldp", "not IP"),
        ("gre", "neither UDP nor TCP"),
        ("extension of version 4", "neither UDP nor TCP"),
    ],
)
def test_what_is_no_message_is_counted_by_reason(name, reason):
    (known,) = (known for known in made() if known.name == name)
    dissector, messages = dissected([known.frame] * 3)
    assert not len(messages.messages)
    assert dissector.left_out == {reason: 3}
    assert balances(dissector)


HEAD, TAG, SNAP, LABEL = bytes(12), bytes.fromhex("81000001"), bytes.fromhex("0030aaaa0300000081000001"), bytes(4)
IN_IPV6 = bytes(ether() / ip6(plen=0, nh=60))
EXTENSION, ROUTING_HEADER = bytes.fromhex("3c00000000000000"), bytes.fromhex("2b00000000000000")


@pytest.mark.parametrize(
    ("link_type", "frame", "one"),
    [
        (1, HEAD, TAG),
        (1, HEAD, SNAP),
        (1, HEAD + b"\x88\x47", LABEL),
        (1, HEAD + b"\x88\x64\x11\x00\x00\x01\x00\x00\x02\x81", LABEL),
        (9, b"\x02\x81", LABEL),
        (104, b"\x0f\x00", TAG),
        (113, bytes(14), TAG),
        (1, IN_IPV6, EXTENSION),
        (1, IN_IPV6, ROUTING_HEADER),
    ],
)
@pytest.mark.parametrize("count", [100, 5_000, 200_000])
def test_headers_without_end_are_counted_as_broken(link_type, frame, one, count):
    dissector, messages = dissected([frame + one * count + bytes(40)], link_type=link_type)
    assert not len(messages.messages)
    assert dissector.left_out == {OF_PACKETS[BROKEN]: 1}


@pytest.mark.parametrize("count", [3, 4, MOST_LAYERS - 1])
def test_as_many_tags_as_networks_have_are_read(count):
    four = bytes(ip4() / udp() / Raw(TEXT))
    batch = batch_of([HEAD + TAG * count + b"\x08\x00" + four])
    assert texts_of(Dissector().messages(batch, links_of(1))) == [TEXT]


def test_a_link_type_that_is_not_known_is_counted():
    dissector, _ = dissected([b"abc"], link_type=147)
    assert dissector.left_out == {"link types that are not known": 1}


def test_messages_stay_in_the_order_of_their_packets_whichever_way_they_took():
    frames = [known.frame for known in made() if known.is_message and known.link_type == ETHERNET]
    frames = [frame.replace(TEXT, TEXT[:-4] + b"%04d" % number) for number, frame in enumerate(frames * 3)]
    dissector, messages = dissected(frames)
    numbers = [int(text[-4:]) for text in texts_of(messages) if text[-4:].isdigit()]
    assert numbers == sorted(numbers)
    assert messages.messages["instant_ns"].tolist() == list(range(1, len(frames) + 1))
    assert balances(dissector)


def test_full_parse_by_dpkt_says_the_same():
    for known in made():
        if known.link_type != ETHERNET or not known.is_message or known.name in ("three tags", "jumbo", "padded 6"):
            continue
        ethernet = dpkt.ethernet.Ethernet(known.frame)
        ip = next(
            layer
            for layer in (getattr(ethernet, "ip", None), getattr(ethernet, "ip6", None), found_ip(ethernet))
            if isinstance(layer, dpkt.ip.IP | dpkt.ip6.IP6)
        )
        dissector, messages = dissected([known.frame])
        (flow,) = dissector.new_flows()
        assert texts_of(messages) == [bytes(ip.data.data)], known.name
        assert flow["source"].tobytes()[: len(ip.src)] == ip.src
        assert flow["target"].tobytes()[: len(ip.dst)] == ip.dst
        assert (flow["source_port"], flow["target_port"]) == (ip.data.sport, ip.data.dport)


def found_ip(layer):
    """The header of IP somewhere inside."""
    while isinstance(layer, dpkt.Packet):
        if isinstance(layer, dpkt.ip.IP | dpkt.ip6.IP6):
            return layer
        layer = layer.data
    return None


UNKNOWN_TO_TSHARK = ("super-packet of udp", "super-packet 6", "null 10", "jumbo", "null 108 little")


@pytest.mark.skipif(not shutil.which("tshark"), reason="needs tshark")
def test_tshark_says_the_same(tmp_path):
    for link_type in {known.link_type for known in made()} - {12, 14}:
        known = [known for known in made() if known.link_type == link_type and known.is_message]
        path = tmp_path / f"{link_type}.pcap"
        with path.open("wb") as file:
            writer = dpkt.pcap.Writer(file, linktype=link_type)
            for number, one in enumerate(known):
                writer.writepkt(one.frame, number)
        fields = ["udp.srcport", "udp.dstport", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.payload"]
        line = ["tshark", "-r", str(path), "-T", "fields", *(word for field in fields for word in ("-e", field))]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        for one, said in zip(known, done.stdout.splitlines(), strict=True):
            dissector, messages = dissected([one.frame], link_type=link_type)
            (flow,) = dissector.new_flows()
            size = 4 if flow["family"] == 4 else 16
            addresses = [str(ip_address(flow[name].tobytes()[:size])) for name in ADDRESSES]
            four, six = (addresses, ["", ""]) if size == 4 else (["", ""], addresses)
            ports = [str(flow["source_port"]), str(flow["target_port"])]
            found = [*ports, *four, *six, texts_of(messages)[0].hex()]
            if one.name == "routing":
                found[5] = said.split("\t")[5]  # tshark names the last hop
            if one.name in UNKNOWN_TO_TSHARK:
                continue
            assert said.split("\t") == found, one.name


def test_ports_hosts_and_instants_are_asked_for():
    frames = [bytes(ether() / ip4() / udp(dport=port) / Raw(TEXT)) for port in (514, 601, 514, 80)]
    frames += [bytes(ether() / ip6() / udp() / Raw(TEXT)), bytes(ether() / ip4(src="10.1.2.3") / udp() / Raw(TEXT))]
    dissector, messages = dissected(frames, DissectorOptions(ports={514, 601}))
    assert messages.messages["instant_ns"].tolist() == [1, 2, 3, 5, 6]
    assert dissector.left_out == {"other ports": 1}
    assert balances(dissector)
    dissector, messages = dissected(frames, DissectorOptions(from_ns=2, to_ns=4))
    assert messages.messages["instant_ns"].tolist() == [2, 3]
    assert dissector.left_out == {"outside the time asked for": 4}
    for network, expected in (
        ("10.0.0.0/8", [6]),
        ("198.51.100.2/32", [1, 2, 3, 4, 6]),
        ("2001:db8:1::/48", [5]),
        ("0.0.0.0/0", [1, 2, 3, 4, 6]),
        ("172.16.0.0/12", []),
    ):
        dissector, messages = dissected(frames, DissectorOptions(hosts=(ip_network(network),)))
        assert messages.messages["instant_ns"].tolist() == expected
        assert dissector.left_out_packets.total() == 6 - len(expected)


def test_the_slow_path_is_filtered_as_well():
    (known,) = (known for known in made() if known.name == "options")
    for options, reason in (
        (DissectorOptions(ports={1}), "other ports"),
        (DissectorOptions(hosts=(ip_network("10.0.0.0/8"),)), "other hosts"),
        (DissectorOptions(to_ns=0), "outside the time asked for"),
    ):
        dissector, _ = dissected([known.frame], options)
        assert dissector.left_out == {reason: 1}


@pytest.mark.parametrize("name", ["ethernet 4", "hop by hop"])
def test_what_a_snaplen_cut_is_left_out_or_kept_on_request(name):
    (known,) = (known for known in made() if known.name == name)
    cut = known.frame[:-10]
    dissector, messages = dissected([cut], originals=[len(known.frame)])
    assert not len(messages.messages)
    assert dissector.left_out == {"cut by the snaplen": 1}
    dissector, messages = dissected([cut], DissectorOptions(keep_cut=True), originals=[len(known.frame)])
    assert texts_of(messages) == [TEXT[:-10]]
    assert messages.messages["original"].tolist() == [len(TEXT)]
    assert dissector.left_out == {"cut by the snaplen, and kept so": 1}
    assert balances(dissector)


def test_a_super_packet_that_is_too_long_is_left_out():
    frame = bytearray(bytes(ip4() / udp() / Raw(b"")) + b"x" * (LONGEST_BYTES + 1))
    frame[2:4] = frame[24:26] = b"\0\0"
    dissector, messages = dissected([bytes(frame), bytes(frame[:-1])], link_type=RAW)
    assert messages.messages["length"].tolist() == [LONGEST_BYTES]
    assert dissector.left_out == {"longer than 65,507 bytes": 1}


def test_flows_are_numbered_once_over_batches():
    dissector = Dissector()
    frames = [bytes(ether() / ip4() / udp(sport=port) / Raw(TEXT)) for port in (1, 2, 1, 3, 2)]
    links = links_of(ETHERNET, ETHERNET)
    assert dissector.messages(batch_of(frames), links).messages["flow"].tolist() == [0, 1, 0, 2, 1]
    assert dissector.new_flows()["source_port"].tolist() == [1, 2, 3]
    assert dissector.messages(batch_of(frames[3:]), links).messages["flow"].tolist() == [2, 1]
    assert not len(dissector.new_flows())
    assert dissector.messages(batch_of(frames[3:], link=1), links).messages["flow"].tolist() == [3, 4]
    assert dissector.new_flows()["link"].tolist() == [1, 1]


@pytest.mark.parametrize("order", ["forward", "backward", "twice"])
@pytest.mark.parametrize("family", [4, 6])
def test_fragments_are_put_together(family, order):
    text = bytes(range(256)) * 12
    if family == 4:
        pieces = fragment(ip4(id=7) / udp() / Raw(text), fragsize=400)
    else:
        pieces = fragment6(ip6() / IPv6ExtHdrFragment(id=7) / udp() / Raw(text), 500)
    frames = [bytes(ether() / piece) for piece in pieces]
    again = 0
    if order == "backward":
        frames.reverse()
    elif order == "twice":
        again = len(frames) - 1
        frames = [frame for frame in frames[:-1] for _ in range(2)] + frames[-1:]
    dissector, messages = dissected(frames)
    assert texts_of(messages) == [text]
    assert messages.messages["instant_ns"].tolist() == [len(frames)]
    (flow,) = dissector.new_flows()
    assert (flow["protocol"], flow["target_port"], flow["family"]) == (17, 514, family)
    assert dissector.left_out.total() == again
    assert balances(dissector)


def test_a_packet_of_which_a_fragment_is_missing_is_counted():
    pieces = [bytes(ether() / piece) for piece in fragment(ip4() / udp() / Raw(TEXT * 40), fragsize=400)]
    dissector, messages = dissected([pieces[0], *pieces[2:]])
    assert not len(messages.messages)
    assert balances(dissector)
    assert dissector.left_out == {"fragments of packets that never became whole": len(pieces) - 1}


def test_a_stream_and_datagrams_are_counted_apart():
    stream = [
        bytes(ether() / ip4() / TCP(dport=601, seq=1 + 10 * number, flags="A") / Raw(b"<1>%06d\n" % number))
        for number in range(5)
    ]
    frames = [
        frame for pair in zip(stream, [bytes(ether() / ip4() / udp() / Raw(TEXT))] * 5, strict=True) for frame in pair
    ]
    frames += [bytes(ether() / ip4() / TCP(dport=601, seq=51, flags="A")), stream[0]]
    dissector, messages = dissected(frames)
    assert texts_of(messages) == [text for number in range(5) for text in (b"<1>%06d" % number, TEXT)]
    assert messages.messages["instant_ns"].tolist() == list(range(1, 11))
    assert dissector.left_out == {"TCP segments without data": 1, "TCP segments that came again": 1}
    assert NO_FLOW not in messages.messages["flow"]
    assert balances(dissector)


def test_all_kernels_can_be_compiled_beforehand(monkeypatch):
    calls = []
    monkeypatch.setattr(module, "make_ready", lambda _, given: calls.extend(given))
    module.prepare()
    call, _ = calls
    assert call().messages["length"].tolist() == [0]


@pytest.mark.parametrize("slow", [False, True])
def test_a_message_that_is_completed_without_data_has_its_flow(slow):
    def segment(seq, flags, text=b""):
        how = {"options": [IPOption_Router_Alert()]} if slow else {}
        return bytes(ether() / ip4(**how) / TCP(dport=601, seq=seq, flags=flags) / Raw(text))

    dissector, messages = dissected([segment(0, "S"), segment(1, "A", b"<1>a"), segment(5, "A"), segment(5, "FA")])
    assert texts_of(messages) == [b"<1>a"]
    assert messages.messages[["instant_ns", "flow"]].tolist() == [(4, 0)]
    dissector, messages = dissected([segment(0, "S"), segment(9, "A", b"\n<1>a\n"), segment(15, "A")])
    assert not len(messages.messages)
    assert dissector.finish().messages[["instant_ns", "flow"]].tolist() == [(2, 0)]


def segment(seq: int, text: bytes = b"", flags: str = "A") -> bytes:
    """A segment from port 40,001 to 601."""
    return bytes(ether() / ip4() / TCP(sport=40_001, dport=601, seq=seq, flags=flags) / Raw(text))


def answer(acknowledged: int) -> bytes:
    """A segment that says which bytes came."""
    ip = ip4(src="198.51.100.2", dst="192.0.2.1")
    return bytes(ether() / ip / TCP(sport=601, dport=40_001, seq=9, ack=acknowledged, flags="A"))


def datagram(number: int) -> bytes:
    return bytes(ether() / ip4() / udp(dport=601) / Raw(b"<2>%d" % number))


def test_behind_a_segment_that_was_not_recorded_each_message_has_its_own_place_and_instant():
    frames = [segment(0, flags="S"), segment(1, b"<1>a\n"), datagram(0), segment(11, b"<1>c\n"), datagram(1)]
    frames += [segment(16, b"<1>d\n"), datagram(2)]
    dissector = Dissector()
    links = links_of(ETHERNET)
    first = dissector.messages(batch_of(frames), links)
    assert texts_of(first) == [b"<1>a", b"<2>0"]
    second = dissector.messages(batch_of([datagram(3)]), links)
    assert texts_of(second) == []
    rest = dissector.finish()
    assert texts_of(rest) == [b"<1>c", b"<2>1", b"<1>d", b"<2>2", b"<2>3"]
    assert rest.messages["instant_ns"].tolist() == [4, 5, 6, 7, 1]
    assert dissector.left_out == {"gaps in TCP streams": 1, "TCP segments without data": 1}
    assert balances(dissector)


def test_a_segment_that_is_sent_again_is_in_its_place_and_what_waited_in_its_own():
    frames = [segment(0, flags="S"), segment(6, b"<1>b\n"), datagram(0), segment(1, b"<1>a\n"), datagram(1)]
    dissector, messages = dissected(frames)
    assert texts_of(messages) == [b"<1>b", b"<2>0", b"<1>a", b"<2>1"]
    assert messages.messages["instant_ns"].tolist() == [2, 3, 4, 5]
    assert balances(dissector)


@pytest.mark.parametrize("ports", [None, {601}])
def test_what_the_receiver_has_is_not_waited_for_whichever_ports_are_asked_for(ports):
    frames = [segment(0, flags="S"), segment(6, b"<1>b\n"), answer(1), datagram(0)]
    dissector, messages = dissected(frames, DissectorOptions(ports=ports))
    assert texts_of(messages) == []
    assert texts_of(dissector.messages(batch_of([answer(11)]), links_of(ETHERNET))) == []
    later = batch_of([datagram(1)])
    later.packets["instant_ns"] = ACKNOWLEDGED_WAIT_NS + 9
    assert texts_of(dissector.messages(later, links_of(ETHERNET))) == [b"<1>b", b"<2>0", b"<2>1"]
    reason = "TCP segments without data" if ports is None else "other ports"
    expected = {"gaps in TCP streams": 1, reason: 2} | ({} if ports is None else {"TCP segments without data": 1})
    expected["TCP segments without data"] = 3 if ports is None else 1
    assert dissector.left_out == expected
    assert balances(dissector)


def test_what_waits_for_a_segment_goes_on_after_a_while():
    dissector, messages = dissected([segment(0, flags="S"), segment(6, b"<1>b\n"), datagram(0)])
    assert texts_of(messages) == []
    later = batch_of([datagram(1)])
    later.packets["instant_ns"] = MOST_WAIT_NS + 3
    assert texts_of(dissector.messages(later, links_of(ETHERNET))) == [b"<1>b", b"<2>0", b"<2>1"]


def test_an_empty_batch_has_no_messages():
    dissector, messages = dissected([])
    assert not len(messages.messages)
    assert messages.messages.dtype.names == ("place", "length", "original", "instant_ns", "flow")
    assert np.array_equal(dissector.new_flows(), dissector.new_flows())
