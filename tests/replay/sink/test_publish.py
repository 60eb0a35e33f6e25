"""What a sink tells those who ask while it runs."""

import re

import pytest

from captures.console.errors import InputError, PreflightError
from replay.exchange.place import Place, parse_place
from replay.exchange.token import VARIABLE, proved
from replay.histogram import Histogram
from replay.sink.board import shared_tally
from replay.sink.publish import Publisher
from replay.sink.workers import sockets_of_workers
from tests.replay.sink.accounts import Account

PORTS = (514, 515)


@pytest.fixture
def tally():
    return shared_tally(PORTS, *sockets_of_workers(len(PORTS), 1), 0)


@pytest.fixture
def waiting():
    """Bytes at the socket of the first port."""
    return [0]


@pytest.fixture
def publisher(tally, waiting):
    opened = Publisher(Place("127.0.0.1", 0), tally, lambda: [(3, waiting[0]), (4, 0)])
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("198.18.0.2:5600", Place("198.18.0.2", 5600)),
        ("[::1]:1", Place("::1", 1)),
        (" sink.lab:65535 ", Place("sink.lab", 65535)),
    ],
)
def test_places(text, place):
    assert parse_place(text) == place
    assert str(place) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "5600", ":5600", "host:", "host:0", "host:65536", "::1:5600", "[]:1", "host:port"]
)
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match=r"write it like 198.18.0.2:5600 or \[::1\]:5600"):
        parse_place(text)


def test_counters_are_those_of_the_tally(publisher, tally, waiting):
    account = Account(tally, 0)
    account.take(0, 10, 0, 0, 0)
    account.take(15, 5, 0, 0, 0)
    tally.by_socket["events"] = 15, 7
    Histogram(tally.ages[1]).record(2000, 5)
    told = publisher.obey(["counters", "514:18,515:40"])
    assert told["ports"]["514"] == {
        "received_events": 15,
        "verified_events": 15,
        "lost_events": 5,
        "duplicated_events": 0,
        "kernel_drops": 3,
        "waiting_bytes": 0,
    }
    assert told["ports"]["515"]["lost_events"] == 40
    assert told["latency_p99_ms"] == pytest.approx(2, rel=1 / 64)
    assert publisher.obey(["counters", "514:12"])["ports"]["514"]["lost_events"] == 2
    assert publisher.obey(["counters", ""])["run_id"] is None
    assert told["ports"]["514"]["lost_events"] == publisher.obey(["counters", "514:20"])["ports"]["514"]["lost_events"]
    assert publisher.obey(["counters", "514:30"])["ports"]["514"]["lost_events"] == 5 + 10
    waiting[0] = 1
    assert publisher.obey(["counters", "514:30"])["ports"]["514"]["lost_events"] == 5


def hear(tally):
    """Some events of the run come to the first port."""
    account = Account(tally, 0)
    account.take(0, 10, 0, 0, 0)


def test_a_port_that_is_mapped_to_one_of_the_sinks_is_counted_by_its_tags(publisher, tally, waiting):
    assert publisher.obey(["counters", "600:40"])["ports"]["600"]["lost_events"] == 40
    waiting[0] = 1
    assert publisher.obey(["counters", "600:40"])["ports"]["600"]["lost_events"] == 0
    tally.row_ports[2] = 600
    tally.came_by[1, 2] = 30
    account = Account(tally, 2)
    account.take(0, 30, 0, 0, 0)
    account.take(32, 1, 0, 0, 0)
    told = publisher.obey(["counters", "600:40"])["ports"]["600"]
    assert (told["verified_events"], told["lost_events"], told["received_events"]) == (31, 9, 0)


def test_a_run_that_was_heard_is_in_the_way_of_others(publisher, tally):
    assert publisher.obey(["begin", "1f3a9c07"])["run_id"] == "1f3a9c07"
    assert tally.run[0] == 0x1F3A9C07
    publisher.obey(["begin", "1f3a9c07"])
    hear(tally)
    with pytest.raises(InputError, match="counts run 1f3a9c07 and has heard .* one run; end it .* run 00000002"):
        publisher.obey(["begin", "00000002"])


def test_what_strayed_in_is_in_nobodys_way(publisher, tally):
    tally.leaders[0] = 0x1F3A9C07, 1
    assert publisher.obey(["begin", "00000002"])["run_id"] == "00000002"


def test_a_run_of_which_events_came_before_it_began_is_refused(publisher, tally):
    tally.leaders[0] = 2, 1
    with pytest.raises(InputError, match="the sink has heard a run 00000002 before"):
        publisher.obey(["begin", "00000002"])


def test_a_run_of_which_events_were_foreign_while_another_one_was_named_is_refused(publisher, tally):
    """Those that came before would be lost in the report."""
    publisher.obey(["begin", "1f3a9c07"])
    tally.others[0][3] = 2, 40
    with pytest.raises(InputError, match="the sink has heard a run 00000002 before"):
        publisher.obey(["begin", "00000002"])
    assert publisher.obey(["begin", "00000003"])["run_id"] == "00000003"


def test_a_run_that_was_named_and_never_heard_is_in_nobodys_way(publisher, tally):
    publisher.obey(["begin", "1f3a9c07"])
    assert publisher.obey(["begin", "00000002"])["run_id"] == "00000002"
    assert tally.run[0] == 2


def test_the_run_that_a_worker_chose_is_in_the_way_of_others_though_nothing_of_it_is_counted_yet(publisher, tally):
    tally.run[0] = 0x1F3A9C07
    for run, said in (
        ("00000002", "counts run 1f3a9c07 and has heard"),
        ("1f3a9c07", "has heard a run 1f3a9c07 before"),
    ):
        with pytest.raises(InputError, match=said):
            publisher.obey(["begin", run])


def test_a_worker_that_died_while_it_chose_does_not_keep_the_sink_from_answering(publisher, tally, monkeypatch):
    monkeypatch.setattr("replay.sink.publish._CHOICE_PATIENCE_S", 0.01)
    tally.choice.acquire()
    with pytest.raises(
        InputError, match="could not take up run 00000002 .* one of its workers stands still or has died"
    ):
        publisher.obey(["begin", "00000002"])
    tally.choice.release()
    publisher.obey(["begin", "00000002"])


def test_the_run_that_a_sink_was_started_for_stays(tally):
    tally.run[0] = 7
    opened = Publisher(Place("127.0.0.1", 0), tally, lambda: [(0, 0), (0, 0)])
    with pytest.raises(InputError, match="counts run 00000007 alone, as its --run-id says; end it"):
        opened.obey(["begin", "00000002"])
    opened.obey(["begin", "00000007"])
    opened.close()


def test_a_run_that_was_heard_before_is_refused(publisher, tally):
    publisher.obey(["begin", "1f3a9c07"])
    hear(tally)
    with pytest.raises(InputError, match="the sink has heard a run 1f3a9c07 before"):
        publisher.obey(["begin", "1f3a9c07"])


@pytest.mark.parametrize(
    "words",
    [
        ["stop"],
        ["begin"],
        ["begin", "run"],
        ["counters", "514"],
        ["counters", "514:x"],
        ["counters", "1:2:3"],
        ["counters", "514:" + 30 * "9"],
    ],
)
def test_what_is_no_request_is_refused(publisher, words):
    with pytest.raises(InputError):
        publisher.obey(words)


def test_a_token_is_asked_for_where_others_could_reach_it(tally, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    opened = Publisher(Place("0.0.0.0", 0), tally, lambda: [(0, 0), (0, 0)])
    token = re.search(rf"export {VARIABLE}=(\w+)", capsys.readouterr().err)[1]
    for words in (["begin", "00000002"], ["counters", ""], ["proof", "", "begin", "00000002"]):
        with pytest.raises(InputError, match="token"):
            opened.obey(words)
    assert tally.run[0] == 0
    assert opened.obey(proved(["begin", "00000002"], token))["run_id"] == "00000002"
    opened.close()
    path = tmp_path / "token"
    opened = Publisher(Place("127.0.0.1", 0), tally, lambda: [(0, 0), (0, 0)], path)
    with pytest.raises(InputError, match="the sink asks for its token"):
        opened.obey(["counters", ""])
    opened.obey(proved(["counters", ""], path.read_text().strip()))
    opened.close()


def test_a_place_in_use_is_named(publisher, tally):
    host, port = publisher._listener.getsockname()
    with pytest.raises(PreflightError, match=f"--publish 127.0.0.1:{port}: Address already in use"):
        Publisher(Place(host, port), tally, list)
