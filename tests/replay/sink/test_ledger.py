"""The ledger: sums that hold for any reports, and what it says of each kind of difference."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.command import run
from replay.sink.ledger import reconcile
from replay.sink.ledger_report import ledger_json, ledger_table, verdict

COUNTS = st.dictionaries(st.integers(514, 530), st.integers(0, 10**9), max_size=8)
EVENT_BYTES = 150


def sent_report(events_by_port):
    lanes = [
        {"port": port, "sent_events": events, "sent_bytes": events * EVENT_BYTES, "errors": 0}
        for port, events in events_by_port.items()
    ]
    return {"lanes": lanes}


def received_report(events_by_port, kernel_drops=0, event_bytes=EVENT_BYTES):
    lanes = [
        {
            "port": port,
            "received_events": events,
            "received_bytes": events * event_bytes,
            "kernel_drops": kernel_drops,
        }
        for port, events in events_by_port.items()
    ]
    return {"lanes": lanes}


@given(COUNTS, COUNTS)
def test_the_sums_hold(sent, received):
    ledger = reconcile(sent_report(sent), received_report(received))
    assert ledger.sent_events == sum(sent.values())
    assert ledger.received_events == sum(received.values())
    assert ledger.sent_events - ledger.lost_events + ledger.surplus_events == ledger.received_events
    assert {entry.port for entry in ledger.entries} == {
        port for port in sent.keys() | received.keys() if sent.get(port) or received.get(port)
    }
    differs = any(sent.get(port, 0) != received.get(port, 0) for port in sent.keys() | received.keys())
    assert ledger.balanced is not differs
    assert verdict(ledger) in ledger_table(ledger)
    assert json.loads(json.dumps(ledger_json(ledger)))["balanced"] is not differs


@pytest.mark.parametrize(
    ("sent", "received", "said"),
    [
        ({514: 3_999_000, 515: 1000}, {514: 3_999_000, 515: 1000}, "all 4,000,000 events arrived on 2 ports"),
        ({514: 1}, {514: 1, 515: 0}, "all 1 events arrived on 1 port"),
        (
            {514: 3_000_000, 515: 1_000_000},
            {514: 2_993_600, 515: 990_000},
            "16,400 of 4,000,000 events lost (0.41%), most on port 515 (10,000; kernel drops there: 50)",
        ),
        ({514: 5}, {514: 6}, "1 events arrived that were not sent, most on port 514 (1)"),
        (
            {514: 5},
            {515: 5},
            (
                "5 of 5 events lost (100.00%), most on port 514 (5; kernel drops there: not measured); "
                "5 events arrived that were not sent, most on port 515 (5)"
            ),
        ),
    ],
)
def test_the_verdict_is_one_sentence(sent, received, said):
    assert verdict(reconcile(sent_report(sent), received_report(received, kernel_drops=50))) == said


def test_bytes_count_as_well():
    ledger = reconcile(sent_report({514: 5}), received_report({514: 5}, event_bytes=149))
    assert not ledger.balanced
    assert verdict(ledger) == "all 5 events arrived, but not with the bytes that were sent"


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"lanes": None},
        {"lanes": [None]},
        {"lanes": [{"port": 514}]},
        {"lanes": [{"port": 514, "sent_events": "5", "sent_bytes": 5}]},
        {"lanes": [{"port": 514, "sent_events": True, "sent_bytes": 5}]},
        {"lanes": [{"port": 514, "sent_events": -5, "sent_bytes": 5}]},
    ],
)
def test_refuses_what_is_no_report(report):
    with pytest.raises(ValueError, match="a report of what was sent has lanes with the counts port, sent_events"):
        reconcile(report, received_report({514: 5}))


@pytest.fixture
def reconciled(tmp_path, monkeypatch, capsys):
    """Run `replay reconcile` on two reports: the exit code, stdout, stderr."""
    from replay.cli import replay  # noqa: PLC0415 - the other tests here don't need the whole command

    def compare(sent, received, *flags):
        paths = [tmp_path / "sent.json", tmp_path / "received.json"]
        for path, report in zip(paths, (sent, received), strict=True):
            path.write_text(json.dumps(report))
        monkeypatch.setattr("sys.argv", ["replay", "reconcile", *map(str, paths), *flags])
        with pytest.raises(SystemExit) as end:
            run(replay)
        return (end.value.code, *capsys.readouterr())

    return compare


def test_the_command_says_met_or_missed(reconciled):
    code, out, _ = reconciled(sent_report({514: 5}), received_report({514: 5}))
    assert (code, out.splitlines()[-1]) == (0, "all 5 events arrived on 1 port")
    code, out, _ = reconciled(sent_report({514: 5}), received_report({514: 4}), "--json")
    assert (code, json.loads(out)["lost_events"]) == (1, 1)


def test_the_command_refuses_other_files_in_one_line(reconciled):
    code, out, err = reconciled(received_report({514: 5}), sent_report({514: 5}))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "received.json: a report of what was sent has lanes" in err
    assert err.endswith("; the order is SENT RECEIVED\n")
