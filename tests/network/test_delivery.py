"""Every event arrives exactly once, in its port's order, byte for byte, however it was sent."""

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.captures.content import content, noise, write
from tests.network.expected import port_lines
from tests.network.mailboxes import mailboxes
from tests.network.programs import assert_ran, call, run_of
from tools.lab import PORTS, V4, V6, Lab

# 75,000 EPS a port: a whole train of 128 falls due within the 2 ms that one may span.
FULL_TRAINS_EPS = "300k"

# Each pair of values of two columns stands together in a row at least once.
WAYS = (
    # GSO, workers, address, train_max, loops
    ("--gso", 1, V4, 128, 1),
    ("--gso", 1, V6, 1, 2),
    ("--gso", 2, V4, 7, 2),
    ("--gso", 2, V6, 128, 1),
    ("--gso", 4, V4, 1, 1),
    ("--gso", 4, V6, 7, 1),
    ("--no-gso", 1, V6, 7, 1),
    ("--no-gso", 1, V4, 128, 2),
    ("--no-gso", 2, V6, 1, 1),
    ("--no-gso", 4, V4, 7, 2),
    ("--no-gso", 4, V6, 128, 2),
)


def received(lab: Lab, capture: Capture, address: str, *options: object) -> list[list[bytes]]:
    """What each port gets of a run, whose report must agree with it."""
    with mailboxes(lab, address) as boxes:
        run = call(*run_of(capture, address, PORTS, "--stamp", "keep", *options), host=lab.sender)
        came = boxes.take()
    assert_ran(run)
    lanes = run.report["lanes"]
    assert [lane["sent_events"] for lane in lanes] == [len(lane) for lane in came]
    assert [lane["sent_bytes"] for lane in lanes] == [sum(map(len, lane)) for lane in came]
    assert not run.report["errors"]
    return came


@pytest.mark.parametrize(("gso", "workers", "address", "train_max", "loops"), WAYS)
def test_every_port_gets_its_events_in_order(
    lab: Lab,
    capture: Capture,
    lines: Sequence[bytes],
    gso: str,
    workers: int,
    address: str,
    train_max: int,
    loops: int,
):
    options = (gso, "--workers", workers, "--train-max", train_max, "--loops", loops, "--eps", FULL_TRAINS_EPS)

    came = received(lab, capture, address, *options)

    assert Counter(itertools.chain(*came)) == Counter([*lines] * loops)
    assert came == port_lines(lines, len(PORTS), loops)


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_a_slow_run_loses_nothing_to_its_short_trains(lab: Lab, capture: Capture, lines: Sequence[bytes], gso: str):
    came = received(lab, capture, V4, gso, "--loops", 1, "--eps", "40k")

    assert came == port_lines(lines, len(PORTS))


@pytest.mark.parametrize(("address", "longest"), [(V4, 1472), (V6, 1452)])
@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_any_length_from_a_byte_to_the_mtu(tmp_path: Path, lab: Lab, gso: str, address: str, longest: int):
    shapes = [(128, 1), (1, longest), (44, longest), (128, 511), (1, 24), (3, 300), (127, 2), (2, longest - 1)]
    path = tmp_path / "edges.rcap"
    write(path, content(noise(shapes)))
    capture = open_capture(path)
    edges = list(capture.lines())

    came = received(lab, capture, address, gso, "--loops", 3, "--eps", "max", "--workers", 2)

    assert came == port_lines(edges, len(PORTS), loops=3)
