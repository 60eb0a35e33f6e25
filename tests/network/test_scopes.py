"""Link-local addresses, which are one of each wire, and the loopback device, which a new namespace has switched off."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from tests.network.programs import assert_ran, call, listed, listening_sink, run_of
from tools.lab import DEVICE, PORTS, V4, Lab


def link_local(lab: Lab, host: str) -> str:
    shown = json.loads(lab.run_at(host, "ip", "-j", "-6", "address", "show", "dev", DEVICE, "scope", "link"))
    (address,) = (entry["local"] for device in shown for entry in device.get("addr_info", ()) if "local" in entry)
    return str(address)


@pytest.mark.parametrize("backend", ["udp", "packet"])
def test_a_run_to_a_link_local_address_and_a_sink_at_one(tmp_path: Path, lab: Lab, tagged: Capture, backend: str):
    address = f"{link_local(lab, lab.receiver)}%{DEVICE}"
    place, token = f"[{address}]:5600", tmp_path / "token"
    listening = ("--bind", address, "--ports", listed(PORTS), "--publish", place, "--sink-token-file", token)
    with listening_sink(tmp_path / "sink.log", *listening, host=lab.receiver) as end:
        asked = ("--sink", place, "--sink-token-file", token)
        options = ("--events", "2k", "--eps", "20k", "--backend", backend, *asked)
        ended = call(*run_of(tagged, address, PORTS, *options), host=lab.sender)
        received = end()
    assert_ran(ended)
    assert ended.report["sink"]["lost_events"] == 0
    assert received["received_events"] == ended.report["sent_events"] == 2000


@pytest.mark.parametrize(
    ("address", "said"),
    [("fe80::1", "name its device as well, like fe80::1%eth0"), ("fe80::1%nosuch", "there is no such device")],
)
def test_a_sink_at_a_link_local_address_of_no_device(lab: Lab, address: str, said: str):
    ended = call("replay", "sink", "--bind", address, "--ports", 5514, "--duration", "1s", host=lab.receiver)
    assert (ended.code, ended.stderr.count("\n")) == (ExitCode.PREFLIGHT, 1), ended.stderr
    assert said in ended.stderr


@contextmanager
def loopback_down(lab: Lab) -> Iterator[None]:
    """As in a new namespace: it gets its addresses when it is switched on."""
    lab.run_at(lab.sender, "ip", "link", "set", "lo", "down")
    lab.run_at(lab.sender, "ip", "address", "flush", "dev", "lo")
    try:
        yield
    finally:
        lab.run_at(lab.sender, "ip", "link", "set", "lo", "up")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "198.18.0.1"])
@pytest.mark.parametrize("program", ["run", "doctor"])
def test_loopback_that_is_down_is_said(lab: Lab, capture: Capture, address: str, program: str):
    with loopback_down(lab):
        ended = call("replay", program, capture.path, "--target", address, "--eps", "10k", host=lab.sender)
        assert (ended.code, ended.stderr.count("\n")) == (ExitCode.PREFLIGHT, 1), ended.stderr
        assert "the loopback device is down" in ended.stderr
        assert "ip link set lo up" in ended.stderr


def test_in_a_new_namespace_nothing_but_that_is_said(capture: Capture):
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    for line in (("run", capture.path, "--target", "127.0.0.1", "--eps", "10k"), ("sink", "--duration", "1s")):
        ended = call("replay", *line, through=("unshare", "-n"))
        assert (ended.code, ended.stderr.count("\n")) == (ExitCode.PREFLIGHT, 1), ended.stderr
        assert "ip link set lo up" in ended.stderr


def test_a_run_over_a_wire_needs_no_loopback(lab: Lab, capture: Capture):
    with loopback_down(lab), lab.dropping("udp dport 5514-5517"):
        options = ("--events", "2k", "--eps", "20k", "--gso")
        ended = call(*run_of(capture, V4, PORTS, *options), host=lab.sender)
    assert_ran(ended)
    assert (ended.report["sent_events"], ended.report["gso_segments"]) == (2000, 64)
