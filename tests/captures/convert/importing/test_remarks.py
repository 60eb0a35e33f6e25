"""What an import says where its result may be another than was meant."""

import re
from pathlib import Path

import numpy as np
import pytest

from captures.console.errors import InputError
from captures.convert.importing.remarks import Span, busiest, kept_super_packets, overlap
from captures.format.reader import open_capture
from tests.captures.recorded import START_NS, STEP_NS, datagram, incident, recorded, text_of
from tests.captures.told import imported

TRAIN = b"".join(text_of(number) for number in range(9))


def remarks(*sources: Path, **asked: object) -> tuple[str, ...]:
    done, _ = imported(*sources, output=sources[0].with_name("out.rcap"), **asked)
    return done.remarks


def test_an_import_of_syslog_has_none(tmp_path):
    assert remarks(incident(tmp_path / "a.pcap")) == ()


def test_super_packets_are_named_with_the_remedy(tmp_path):
    path = recorded(tmp_path / "a.pcap", [datagram(TRAIN), datagram(text_of(9)), datagram(TRAIN)])
    (said,) = remarks(path)
    assert said.startswith("in 2 of the datagrams are several events, and each stays one")
    assert "--split-trains" in said
    done, capture = imported(path, output=tmp_path / "b.rcap", split_trains=True)
    assert (done.figures.events, done.packets.super_packets, done.packets.split) == (19, 2, True)
    assert done.remarks == ("in 2 of the datagrams were several events, which were cut apart",)
    assert kept_super_packets(capture.note) == 0
    assert kept_super_packets(open_capture(tmp_path / "out.rcap").note) == 2
    since_ns = (capture.times.astype(np.int64)).tolist()
    assert since_ns == [0] * 9 + [STEP_NS] + [2 * STEP_NS] * 9
    assert capture.start_ns == START_NS


@pytest.mark.parametrize("packets", [None, 1, [], {}, {"split": False}, {"split": False, "super_packets": "many"}])
def test_a_note_may_hold_anything(packets):
    assert kept_super_packets({"packets": packets}) == kept_super_packets({}) == 0


def test_datagrams_that_no_network_carries_are_named(tmp_path):
    (said,) = remarks(recorded(tmp_path / "a.pcap", [datagram(b"<13>" + b"x" * 10_000)]))
    assert "--no-gso" in said


def test_what_is_no_syslog_is_named_with_its_ports(tmp_path):
    frames = [datagram(b"\0\1dns", port=53)] * 3 + [datagram(text_of(1)), datagram(b"\0\1mdns", port=5353)]
    path = recorded(tmp_path / "a.pcap", frames)
    (said,) = remarks(path)
    assert said.startswith("4 of 5 events begin with no <PRI> (by UDP to port 53: 3, port 5353: 1)")
    assert remarks(path, ports=frozenset({53, 514})) == ()


def test_ports_that_leave_nearly_everything_out_are_named(tmp_path):
    frames = [datagram(text_of(n), port=514 + n % 6) for n in range(60)]
    path = recorded(tmp_path / "a.pcap", [*frames, datagram(b"<1>a"), datagram(b"<1>b", port=600)])
    busy = "port 514: 11, port 515: 10, port 516: 10, port 517: 10, port 518: 10, ..."
    assert remarks(path, ports=frozenset({600})) == (f"packets with data to other ports: {busy}",)
    with pytest.raises(InputError, match=re.escape(f"62 other ports; packets with data to other ports: {busy}")):
        remarks(path, ports=frozenset({99}))
    assert remarks(path, ports=frozenset({514, 515})) == ()


def test_recordings_of_the_same_time_are_named_with_the_remedy(tmp_path):
    one, other = incident(tmp_path / "one.pcap", 200), incident(tmp_path / "other.pcap", 100)
    (said,) = remarks(one, other)
    assert said.startswith(f"{other} and {one} are of the same time, for 990ms")
    assert "captures merge" in said


def test_files_of_a_rotated_set_are_no_recordings_of_the_same_time():
    nothing_known = Span("c", 1 << 63, -1)
    spans = [Span("a", 0, 10**9), Span("b", 10**9 - 10**7, 2 * 10**9), nothing_known, Span("d", 2 * 10**9, 3 * 10**9)]
    assert overlap(spans) is None


def test_an_input_within_another_one_is_found():
    spans = [Span("long", 0, 10**12), Span("short", 10**10, 2 * 10**10), Span("next", 10**12, 2 * 10**12)]
    assert overlap(spans).startswith("short and long are of the same time, for 10s")


def test_the_busiest_ports_are_few():
    ports = np.zeros(1 << 16, np.int64)
    ports[[1, 65535, 7, 8, 9, 10]] = [5, 9, 1, 2, 3, 4]
    assert busiest(ports) == {65535: 9, 1: 5, 10: 4, 9: 3, 8: 2}
    assert busiest(np.zeros(1 << 16, np.int64)) == {}
