"""What becomes of sockets from look to look: counters that wrap, sockets that come and go."""

import re

from hypothesis import given
from hypothesis import strategies as st

from replay.linux.process_stat import ProcessStat
from replay.receiver_host import accounts as module
from replay.receiver_host.drop_times import MOST_ROWS, DropTimes
from replay.receiver_host.figures import host_figures
from replay.receiver_host.table import host_table, owner_text, run_lines, summary
from tests.replay.receiver_host.looks import accounts, look, udp, whole


def lane(taken, port=514):
    return next(each for each in host_figures(taken, 0).lanes if each.port == port)


@given(st.integers(0, (1 << 32) - 1), st.lists(st.integers(0, 1 << 30), min_size=1, max_size=20))
def test_drops_are_counted_across_a_wrap(start, steps):
    drops = [start]
    for step in steps:
        drops.append((drops[-1] + step) % (1 << 32))
    taken = accounts(*(look(n, udp(drops=value)) for n, value in enumerate(drops)))
    assert lane(taken).dropped_packets == sum(steps)


def test_what_was_dropped_before_the_watch_is_not_counted_and_what_came_later_is():
    taken = accounts(look(0, udp(drops=1000)), look(1, udp(drops=1007), udp(515, 9, drops=33)))
    assert lane(taken).dropped_packets == 7
    assert lane(taken, 515).dropped_packets == 33


def test_where_a_look_was_cut_a_socket_that_appears_may_be_an_old_one():
    taken = accounts(look(0, whole=False), look(1, udp(drops=500)), look(2, udp(drops=501)))
    assert lane(taken).dropped_packets == 1
    assert taken.cut_looks == 1


def test_a_collector_that_is_started_anew_is_told():
    taken = accounts(
        whole(0, udp(drops=5)), whole(1, udp(drops=9, waiting_bytes=1664)), whole(2), whole(3, udp(inode=2, drops=3))
    )
    found = lane(taken)
    assert (found.dropped_packets, found.open_sockets, found.closed_sockets) == (7, 1, 1)
    assert (found.waiting_bytes, found.discarded_bytes) == (0, 1664)
    assert "closed and opened anew" in host_table(host_figures(taken, 0))


def test_a_socket_that_one_look_missed_is_counted_once():
    """The kernel lists its sockets piece by piece, so one may be passed over while others come and go."""
    taken = accounts(look(0, udp()), look(1, udp(drops=10)), look(2), look(3, udp(drops=12)))
    assert lane(taken).dropped_packets == 12
    assert lane(taken).closed_sockets == 0


def test_an_inode_that_is_used_again_is_another_socket():
    taken = accounts(look(0, udp(drops=1_000_000)), look(1, udp(drops=4)))
    assert lane(taken).dropped_packets == 4


def test_several_sockets_share_a_port():
    taken = accounts(
        look(0, udp(inode=1), udp(inode=2), udp(inode=3, address="::")),
        look(1, udp(inode=1, drops=1), udp(inode=2, drops=2, waiting_bytes=9), udp(inode=3, address="::", drops=4)),
    )
    assert (lane(taken).dropped_packets, lane(taken).open_sockets, lane(taken).waiting_bytes) == (7, 3, 9)


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 4))
def test_memory_is_bounded_and_no_drop_is_forgotten(steps, keep):
    """A collector that opens its socket anew all the time."""
    before, module.MOST_CLOSED = module.MOST_CLOSED, keep
    try:
        sockets = [udp(inode=n, drops=drops, waiting_bytes=drops) for n, drops in enumerate(steps)]
        taken = accounts(look(0), *(look(n + 1, socket) for n, socket in enumerate(sockets)), look(99))
    finally:
        module.MOST_CLOSED = before
    assert len(taken.sockets) <= keep + 1
    assert lane(taken).dropped_packets == lane(taken).discarded_bytes == sum(steps)
    assert lane(taken).open_sockets + lane(taken).closed_sockets == len(steps)


def test_programs_and_counters():
    taken = accounts(
        whole(0, udp(), backlogs={0: ((1 << 32) - 2, 0), 1: (5, 5)}),
        whole(1, udp(), processes={812: ProcessStat("rsyslogd", 90, 40 << 20, 7)}, backlogs={0: (3, 1), 1: (5, 5)}),
        look(2, udp()),  # the sockets alone
        whole(
            4,
            udp(),
            processes={812: ProcessStat("rsyslogd", 120, 30 << 20, 7)},
            counters={"udp_read": 17, "udp_no_ports": 0},
            backlogs={0: (3, 1), 1: (6, 5)},
        ),
    )
    figures = host_figures(taken, 0)
    assert figures.counters["backlog_dropped"] == 6
    assert figures.counters["udp_read"] == 17
    (program,) = figures.programs
    assert (program.cpu_percent, program.cpu_percent_max) == (30, 90)
    assert (program.memory_bytes, program.memory_bytes_max) == (30 << 20, 40 << 20)


def test_a_device_that_is_made_anew_counts_from_zero():
    nic = {"rx_packets": 100, "rx_dropped": 9}
    taken = accounts(whole(0, nics={"a": nic}), whole(1, nics={"a": {"rx_packets": 3, "rx_dropped": 1}}))
    assert taken.nics["a"] == {"rx_packets": 3, "rx_dropped": 1}


def test_what_people_read():
    taken = accounts(whole(0, udp()), whole(1, udp(drops=11_070, waiting_bytes=3200), udp(515, 2)))
    figures = host_figures(taken, 0)
    said = "11,070 packets dropped at the sockets of rsyslogd (pid 812): port 514; 3,200 bytes waiting"
    assert summary(figures) == said
    table = host_table(figures)
    assert " ".join(table.split()).endswith(said)
    assert "rsyslogd (pid 812): CPU 100.0% of a core" in table
    assert max(map(len, table.splitlines())) <= 100
    (line,) = run_lines(figures)
    assert line.split() == [
        "port",
        "514",
        "11,070",
        "packets",
        "dropped",
        "at",
        "the",
        "socket",
        "of",
        "rsyslogd",
        "(pid",
        "812);",
        "3,200",
        "bytes",
        "waiting",
    ]


def test_one_packet_is_one():
    names = ("udp_no_ports", "udp_receive_buffer_errors", "udp_checksum_errors", "udp_memory_errors")
    once, never = dict.fromkeys(names, 1), dict.fromkeys(names, 0)
    nic = {"rx_packets": 1, "rx_dropped": 0, "rx_missed_errors": 0, "rx_fifo_errors": 1, "rx_errors": 0}
    taken = accounts(
        whole(0, udp(), counters=never, backlogs={0: (0, 0)}, nics={"a": dict.fromkeys(nic, 0)}),
        whole(1, udp(drops=1), counters=once, backlogs={0: (1, 1)}, nics={"a": nic}),
    )
    taken.failed_looks = 1
    figures = host_figures(taken, 0)
    table = " ".join("\n".join([host_table(figures), *run_lines(figures)]).split())
    for said in ("packet to ports where", "packet dropped at", "packet came", "look failed", "fifo error", "time rec"):
        assert f"1 {said}" in table
    assert not re.search(r"\b1 \w+s\b", table)


def test_owners_that_are_not_known_are_not_made_up():
    hidden = host_figures(accounts(whole(0, udp(), owners={1: None}, processes={})), 0)
    assert owner_text(hidden, 514) == "owner not readable (uid 104)"
    assert owner_text(hidden, 515) == "nobody"
    assert "1 port with nothing dropped and nothing waiting: owner not readable (uid 104)" in host_table(hidden)
    none = host_figures(accounts(whole(0, udp(), owners={1: []}, processes={})), 0)
    assert owner_text(none, 514) == "no process"
    assert summary(host_figures(accounts(whole(0)), 0)) == "no socket was bound to any of the 2 ports"


def test_ports_without_a_socket_are_named():
    figures = host_figures(accounts(whole(0, udp())), 0)
    assert summary(figures) == "nothing was dropped at the sockets of 1 port; no socket was bound to 515"


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 10**6), st.integers(1, 9)), max_size=60))
def test_times_of_drops_sum_up_however_long_it_takes(events):
    times = DropTimes()
    for port, second, dropped in events:
        times.add(port, second, dropped, dropped)
    rows = times.figures().rows
    for port in (1, 2, 3):
        assert sum(row[2] for row in rows if row[0] == port) == sum(each[2] for each in events if each[0] == port)


def test_days_of_trouble_fit_into_the_report():
    times = DropTimes()
    for second in range(3 * MOST_ROWS):
        times.add(514, second, 1, second)
    figures = times.figures()
    assert figures.interval_s == 4
    assert len(figures.rows) == 3 * MOST_ROWS // 4
    assert figures.rows[0] == [514, 0, 4, 3]
