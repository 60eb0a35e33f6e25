"""The other files of /proc: known texts, texts of this machine, and any text at all."""

import gc
import os
import socket
import warnings
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.linux.cpu_times import CoreTimes, core_times, parse_cpu_times
from replay.linux.network.counters import receive_counters
from replay.linux.network.socket_owners import socket_inode, socket_owners
from replay.linux.network.softnet import Backlog, backlogs, parse_softnet
from replay.linux.network.udp_counters import parse_snmp, parse_snmp6, udp_counters
from replay.linux.process_stat import ProcessStat, parse_process_stat, process_stat

texts = st.binary(max_size=500) | st.text("cpu0123456789abcdef UdpNoPorts6:()\n\t-", max_size=500).map(str.encode)


@given(texts)
def test_any_text_ends_in_figures_or_a_complaint(text):
    """What is no figure is passed over; a file that is none is a ValueError and nothing else."""
    for core, times in parse_cpu_times(text).items():
        assert core >= 0
        assert times.total >= times.busy >= 0
    assert all(row.dropped >= 0 for row in parse_softnet(text).values())
    assert all(value >= 0 for value in parse_snmp6(text).values())
    with suppress(ValueError):
        assert all(name for name in parse_snmp(text))
    with suppress(ValueError):
        assert parse_process_stat(text).command.isprintable() or not parse_process_stat(text).command


def test_cpu_times():
    text = b"cpu  9 9 9 9\ncpu0 100 1 20 300 40 5 6 70 8 9\ncpu11 1 2 3 4\nintr 1 2 3\ncpuX 1 2 3 4\n"
    assert parse_cpu_times(text) == {0: CoreTimes(542, 300, 40, 70), 11: CoreTimes(10, 4, 0, 0)}
    assert parse_cpu_times(text)[0].busy == 132
    assert sorted(core_times()) == [core for core in range(max(core_times()) + 1) if core in core_times()]


def test_time_between_two_looks_is_never_negative():
    before, after = CoreTimes(1000, 500, 90, 10), CoreTimes(1100, 550, 80, 30)
    assert after.since(before) == CoreTimes(100, 50, 0, 20)
    assert after.since(after) == CoreTimes(0, 0, 0, 0)


@pytest.mark.parametrize("name", ["rsyslogd", "a) b (c", "tmux: server", ")", "x\x1b[2J"])
def test_a_process_may_call_itself_anything(name):
    behind = "S 1 1 1 0 -1 4194304 5 0 7 0 11 22 0 0 20 0 4 0 1234 5000 100 18446744073709551615"
    text = f"812 ({name}) {behind}".encode()
    memory = 100 * os.sysconf("SC_PAGE_SIZE")
    assert parse_process_stat(text) == ProcessStat(name.replace("\x1b", "?"), 33, memory, 1234)


def test_this_process():
    found = process_stat(os.getpid())
    assert found is not None
    assert found.memory_bytes > 1 << 20
    assert process_stat(2**22 + 1) is None  # above any number that the kernel gives


@pytest.mark.parametrize(
    ("link", "inode"),
    [("socket:[12345]", 12345), ("socket:[]", None), ("pipe:[12345]", None), ("/tmp/socket:[1]", None)],
)
def test_links_of_sockets(link, inode):
    assert socket_inode(link) == inode


def test_this_process_owns_its_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        inode = os.fstat(own.fileno()).st_ino
        assert socket_owners([inode, 1])[0] == {inode: [os.getpid()], 1: []}


def test_a_folder_that_is_given_up_is_closed(tmp_path, monkeypatch):
    """A process that ends while its files are read: the rest of its folder is not."""

    def gone(link):
        raise ProcessLookupError(link)

    (tmp_path / "7" / "fd").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "7" / "fd" / str(number)).symlink_to("socket:[55]")
    monkeypatch.setattr(os, "readlink", gone)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert socket_owners([55], tmp_path)[0] == {55: []}
        gc.collect()
    assert not told


def test_an_owner_that_may_not_be_seen(tmp_path):
    """One process whose files are another's business, and one that is gone: only root knows that nobody is left."""
    (tmp_path / "7" / "fd").mkdir(parents=True)
    (tmp_path / "8").mkdir()
    (tmp_path / "7" / "fd" / "3").symlink_to("socket:[55]")
    owners, complete = socket_owners([55, 66], tmp_path)
    assert owners == {55: [7], 66: []}
    assert complete is (os.geteuid() == 0)


def test_backlogs_by_core():
    old = b"00000ed1 00000002 00000003 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
    new = b"0 0\n00000ed1 ffffffff 00000001" + b" 00000000" * 9 + b" 00000005 00000000 00000000\n"
    assert parse_softnet(old * 2) == {0: Backlog(2, 3), 1: Backlog(2, 3)}
    assert parse_softnet(new) == {5: Backlog(0xFFFFFFFF, 1)}
    assert backlogs()


def test_counters_of_udp():
    text = b"Ip: A B\nIp: 1 2\nUdp: InDatagrams NoPorts RcvbufErrors\nUdp: 10 20 30\nUdpLite: InDatagrams\nUdpLite: 5\n"
    assert parse_snmp(text) == {"InDatagrams": 10, "NoPorts": 20, "RcvbufErrors": 30}
    assert parse_snmp6(b"Ip6InReceives 3\nUdp6InDatagrams   4\nUdpLite6InDatagrams 9\n") == {"InDatagrams": 4}
    for wrong in (b"", b"Udp: A\n", b"Udp: A B\nUdp: 1\n", b"Udp: A\nUdp: x\n"):
        with pytest.raises(ValueError):  # noqa: PT011 - Python's own for a number that is none, too
            parse_snmp(wrong)
    assert {"InDatagrams", "NoPorts", "RcvbufErrors"} <= udp_counters().keys()
    counters = receive_counters()
    assert set(counters.since(counters)) >= {"udp_no_ports", "backlog_dropped", "nic_rx_dropped"}
