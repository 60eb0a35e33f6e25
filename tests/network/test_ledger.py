"""Sender, sink and ledger over a wire: all that was sent is found, or exactly that is missing which was dropped."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from tests.network.expected import port_lines
from tests.network.programs import Ended, assert_ran, call, listed, listening_sink, run_of
from tools.lab import PORTS, V4, V6, Lab


def reconciled(
    folder: Path, lab: Lab, capture: Capture, address: str, *, gso: str = "--gso", workers: int = 1
) -> tuple[Ended, dict[str, Any]]:
    """Send the capture once to a sink; returns the ledger, and the sink's report."""
    sent, received = folder / "sent.json", folder / "received.json"
    listening = ("--bind", address, "--ports", listed(PORTS), "--workers", workers, "--report", received)
    with listening_sink(folder / "sink.log", *listening, host=lab.receiver) as end_sink:
        options = ("--loops", 1, "--eps", "100k", gso, "--report", sent)
        run = call(*run_of(capture, address, PORTS, *options), host=lab.sender)
        assert_ran(run)
        report = end_sink()
    return call("replay", "reconcile", sent, received, "--json"), report


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_the_ledger_adds_up_to_the_event(
    tmp_path: Path, lab: Lab, capture: Capture, gso: str, address: str, workers: int
):
    ledger, sink = reconciled(tmp_path, lab, capture, address, gso=gso, workers=workers)

    assert ledger.code == ExitCode.MET
    assert ledger.report["balanced"]
    assert ledger.report["received_events"] == capture.events
    assert sink["received_bytes"] == len(capture.payload)
    assert sink["bad_stamps"] == sink["early_stamps"] == sink["kernel_drops"] == 0


def test_a_deaf_port_is_all_that_is_missing(tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes]):
    with lab.dropping("udp dport 5516") as dropped:
        ledger, _ = reconciled(tmp_path, lab, capture, V4)

        lost = {lane["port"]: lane["lost_events"] for lane in ledger.report["lanes"]}
        of_port = len(port_lines(lines, len(PORTS))[PORTS.index(5516)])
        assert ledger.code == ExitCode.MISSED
        assert lost == dict.fromkeys(PORTS, 0) | {5516: of_port}
        # The wire carries trains whole, so a lost packet is many lost events: the ledger counts the events.
        assert 0 < dropped() < of_port


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_single_losses_are_found_on_their_ports(
    tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes], gso: str
):
    length, _ = Counter(map(len, lines)).most_common(1)[0]
    with lab.cut_at_sender(), lab.dropping(f"udp length {8 + length}") as dropped:
        ledger, _ = reconciled(tmp_path, lab, capture, V4, gso=gso)

        lost = [lane["lost_events"] for lane in ledger.report["lanes"]]
        assert lost == [sum(len(line) == length for line in lane) for lane in port_lines(lines, len(PORTS))]
        assert ledger.report["lost_events"] == dropped() > 0
