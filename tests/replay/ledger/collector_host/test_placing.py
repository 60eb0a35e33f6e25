"""Losses on a collector's host: what the socket dropped, what waits, what never came, and what the collector lost."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from replay.cli import replay
from replay.ledger.collector_host.collector_host import collector_host
from replay.ledger.collector_host.placing import LEAST_PACKET_BYTES, place_losses
from replay.ledger.collector_host.placing_report import host_losses_figures, host_losses_lines
from replay.ledger.models.collected import Collected
from replay.ledger.models.reading import checked
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.ledger.reconcile import reconcile
from replay.receiver_host.figures import watch_report
from replay.receiver_host.reading import read_own_host, read_watch
from tests.replay.receiver_host.looks import accounts, udp, whole

START_NS = 1_756_548_930_000_000_000
START_S = START_NS / 1e9
COUNTERS = ("udp_no_ports", "udp_in_errors", "udp_receive_buffer_errors", "udp_checksum_errors", "udp_memory_errors")


def report(drops=0, waiting_bytes=0, read=0, seconds=10, **more):
    """A watch of ten seconds from the start, in the fifth of which port 514 dropped something."""
    counters = dict.fromkeys(COUNTERS, 0) | {"udp_read": read}
    return watch_report(
        accounts(
            whole(0, udp()),
            whole(5, udp(drops=drops)),
            whole(seconds, udp(drops=drops, waiting_bytes=waiting_bytes), counters=counters, **more),
        ),
        START_NS,
        "signal",
    ).figures()


def host(*arguments, **more):
    return read_watch(json.loads(json.dumps(report(*arguments, **more))))


counts = st.integers(0, 1 << 40)


@given(counts, st.integers(0, 1 << 30), counts, counts, counts, st.booleans())
def test_the_places_sum_to_the_loss(lost, drops, waiting, read, written, joined):
    seen = host(drops, waiting % (1 << 32), read)
    losses = place_losses({514: lost, 515: lost // 3}, written, seen, joined={514} if joined else ())
    for port in losses.ports:
        assert 0 <= port.dropped_events <= port.lost_events
        assert port.dropped_events + port.rest_events == port.lost_events
        assert 0 <= port.queued_events_max <= port.rest_events
    if losses.before_socket_events_min is not None:
        assert 0 <= losses.before_socket_events_min <= losses.total("rest_events")
    figures = host_losses_figures(losses, seen)
    before = figures.before_socket_events_min or 0
    assert figures.dropped_at_socket_events + figures.in_collector_events_max + before == figures.lost_events


@given(
    dropped=st.integers(0, 10**6),
    waiting=st.integers(0, 200),
    in_collector=st.integers(0, 10**6),
    before=st.integers(0, 10**6),
    written=st.integers(0, 10**6),
    packet_bytes=st.integers(LEAST_PACKET_BYTES, 4096),
    other_traffic=st.integers(0, 1000),
)
def test_what_is_said_holds_whatever_happened(
    dropped, waiting, in_collector, before, written, packet_bytes, other_traffic
):
    """Of a host whose every event is known: each exact figure is right, and each bound is one."""
    seen = host(dropped, waiting * packet_bytes, read=written + in_collector + other_traffic)
    losses = place_losses({514: dropped + waiting + in_collector + before}, written, seen)
    (port,) = losses.ports
    assert port.dropped_events == dropped
    assert min(waiting, port.rest_events) <= port.queued_events_max
    assert losses.before_socket_events_min <= before
    assert port.rest_events - losses.before_socket_events_min >= in_collector
    if not waiting and not other_traffic:
        assert losses.before_socket_events_min == before


def test_a_dropped_packet_of_a_socket_that_reads_trains_is_up_to_128_events():
    losses = place_losses({514: 1000}, 0, host(5), joined={514})
    assert losses.total("dropped_events") == 640
    assert losses.before_socket_events_min is None
    lines = host_losses_lines(losses, host(5))
    assert max(len(line) for part in lines for line in part.splitlines()) <= 80
    assert " ".join(lines[-1].split()).endswith("up to 128 events, since the sockets read them joined")


def test_what_waited_at_a_socket_that_was_closed_is_neither_written_nor_lost_in_the_collector():
    """It was read by nobody; its memory bounds how many events went with it."""
    seen = accounts(whole(0, udp()), whole(5, udp(waiting_bytes=8 * 832)), whole(9, udp(inode=2)))
    losses = place_losses({514: 8}, 0, read_watch(watch_report(seen, START_NS, "signal").figures()))
    assert losses.total("queued_events_max") == 8
    assert losses.before_socket_events_min == 0


def test_a_watch_that_began_late_is_said():
    run = (START_S, START_S + 8)
    assert place_losses({514: 1}, 0, host(), run=run).covers_run
    late = place_losses({514: 1}, 0, host(), run=(START_S - 60, START_S + 8))
    assert late.covers_run is False
    assert late.before_socket_events_min is None
    text = " ".join(host_losses_lines(late, host()))
    assert "did not cover the run" in text
    assert "dropped at its sockets" not in text
    assert host_losses_figures(late, host()).dropped_at_socket_events is None
    assert place_losses({514: 1}, 0, host(), run=(START_S, START_S + 60)).covers_run is False


def test_drops_outside_the_run_are_told():
    losses = place_losses({514: 3}, 0, host(7, seconds=100), run=(START_S + 60, START_S + 90))
    assert losses.outside_packets == 7
    lines = " ".join(" ".join(host_losses_lines(losses, host(7))).split())
    assert "7 packets of these dropped outside the run's time" in lines
    assert "4 packets more dropped than events lost" in lines
    assert place_losses({514: 3}, 0, host(7), run=(START_S, START_S + 8)).outside_packets == 0


def ledger(sent=1000, written=890):
    run = {"run_id": "0000000a", "started": datetime.fromtimestamp(START_S, UTC).isoformat(), "duration_s": 8.0}
    sender = run | {"lanes": [{"port": 514, "sent_events": sent, "sent_bytes": 100 * sent}]}
    audited = {"run_id": "0000000a", "lanes": [{"port": 514, "received_events": written}]}
    return sender, audited


def reconciled(sender, audited):
    return reconcile(checked(Sent, sender), None, checked(Collected, audited))


def test_reconcile_takes_the_report(tmp_path: Path):
    sender, audited = ledger()
    paths = {}
    for name, content in (("sent", sender), ("audit", audited), ("host", report(110, read=890))):
        paths[name] = tmp_path / f"{name}.json"
        paths[name].write_text(json.dumps(content))
    words = ["reconcile", paths["sent"], "--collector", paths["audit"], "--collector-host", paths["host"]]
    table = CliRunner().invoke(replay, [*map(str, words)], standalone_mode=False)
    assert table.return_value == 1, table.exception
    assert "of 110 lost events, on the collector's host" in table.stdout
    assert "110 dropped at the sockets of rsyslogd (pid 812): port 514" in table.stdout
    told = CliRunner().invoke(replay, [*map(str, words), "--json"], standalone_mode=False)
    figures = json.loads(told.stdout)["collector_host"]
    assert (figures["dropped_at_socket_events"], figures["in_collector_events_max"]) == (110, 0)
    assert figures["lanes"][0]["owners"] == ["rsyslogd (pid 812)"]


def test_a_run_on_the_receiver_s_host_brings_its_own():
    sender, audited = ledger()
    assert collector_host(None, reconciled(sender, audited), checked(Sent, sender), None) is None
    sender["collector_host"] = {name: value for name, value in report(100, read=900).items() if name != "kind"}
    found = collector_host(None, reconciled(sender, audited), checked(Sent, sender), None)
    assert found.figures().dropped_at_socket_events == 100
    assert found.figures().in_collector_events_max == 10
    all_there = ledger(1000, 1000)[1]
    assert collector_host(None, reconciled(sender, all_there), checked(Sent, sender), None).lines() == []


def test_a_watch_of_another_run_does_not_displace_what_the_sender_saw(tmp_path: Path):
    sender, audited = ledger()
    another = report() | {"started": datetime.fromtimestamp(START_S - 3600, UTC).isoformat()}
    path = tmp_path / "watch.json"
    path.write_text(json.dumps(another))

    def found():
        return collector_host(path, reconciled(sender, audited), checked(Sent, sender), None)

    assert found().figures().dropped_at_socket_events is None
    assert "dropped at its sockets" not in " ".join(found().lines())
    sender["collector_host"] = {name: value for name, value in report(100, read=900).items() if name != "kind"}
    assert found().figures().dropped_at_socket_events == 100
    assert " ".join(found().lines()[0].split()).startswith(f"{path} did not watch this run; what the sender saw")
    path.write_text(json.dumps(report(90, read=900)))
    assert found().figures().dropped_at_socket_events == 90


def test_cut_events_without_a_port_are_not_placed_as_lost():
    sender, audited = ledger()
    sender["collector_host"] = {name: value for name, value in report(50, read=950).items() if name != "kind"}
    audited["cut_events"] = 60
    figures = collector_host(None, reconciled(sender, audited), checked(Sent, sender), None).figures()
    assert (figures.lost_events, figures.dropped_at_socket_events) == (50, 50)
    audited["cut_events"] = 110
    assert collector_host(None, reconciled(sender, audited), checked(Sent, sender), None).lines() == []


def test_what_the_sink_has_placed_is_not_placed_anew():
    sender, _ = ledger()
    sender["collector_host"] = {name: value for name, value in report(5, read=900).items() if name != "kind"}
    lane = {"port": 514, "received_events": 900, "received_bytes": 90_000}
    tags = {"run_id": "0000000a", "verified_events": 900, "next_sequence": 1000, "lost_in_socket_events": 5}
    heard = checked(Received, {"lanes": [lane | tags], "run_id": "0000000a"})
    sent = checked(Sent, sender)
    assert collector_host(None, reconcile(sent, heard), sent, heard).lines() == []
    counted = checked(Received, {"lanes": [lane]})
    text = " ".join(collector_host(None, reconcile(sent, counted), sent, counted).lines())
    assert "on the sink's host" in text
    assert "in the collector" not in text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw):
    """A report in which one value, at any depth, is another one or gone."""
    changed = json.loads(json.dumps(report(5, 1000, 10)))
    place, path = changed, []
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place)) if isinstance(place, list) else []
        key = draw(st.sampled_from(list(keys)))
        path.append(key)
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        if draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(json_values)
        return changed


@given(damaged())
def test_a_damaged_report_is_taken_whole_or_refused_in_a_line(changed):
    sender, audited = ledger()
    try:
        seen = read_watch(changed)
    except ValueError as refused:
        said = str(refused)
    else:
        made = collector_host_of(seen, sender, audited)
        assert all(line.isprintable() for part in host_losses_lines(made, seen) for line in part.split("\n"))
        json.dumps(asdict(host_losses_figures(made, seen)), allow_nan=False)
        return
    assert said.startswith("no report of a collector's host: ")
    assert said.isprintable()


def collector_host_of(seen, sender, audited):
    lost = {entry.port: entry.lost_at_collector_events for entry in reconciled(sender, audited).entries}
    return place_losses(lost, 890, seen, run=(START_S, START_S + 8))


@pytest.mark.parametrize("wrong", [None, [], {}, {"kind": "audit"}, 7])
def test_another_file_is_refused(tmp_path: Path, wrong):
    path = tmp_path / "host.json"
    path.write_text(json.dumps(wrong))
    sender, audited = ledger()
    with pytest.raises(InputError, match="host.json: "):
        collector_host(path, reconciled(sender, audited), checked(Sent, sender), None)
    with pytest.raises(ValueError, match="no report of a collector's host"):
        read_own_host(wrong)


def test_a_name_that_would_change_the_terminal_is_refused():
    changed = report(1)
    changed["programs"][0]["command"] = "\x1b[2J"
    with pytest.raises(ValueError, match=r"programs.0.command: .*can't be printed"):
        read_watch(changed)
