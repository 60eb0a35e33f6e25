"""The preflight over a wire: what would keep a run from starting is found, with the command that mends it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.captures.content import content, noise, write
from tests.network.programs import ROOT, Ended, call, command, run_of
from tools.lab import DEVICE, V4, V6, Lab

NOBODY = {V4: "198.18.0.77", V6: "2001:2::77"}
LONG_BYTES = 1300  # above what IPv6 must carry, 1280: a device with less has no IPv6 at all
NO_ROUTE = {V4: "198.19.0.9", V6: "2001:2:0:7::9"}


def doctor(lab: Lab, capture: Capture, *arguments: object) -> Ended:
    return call("replay", "doctor", capture.path, "--eps", "1k", "--json", *arguments, host=lab.sender)


def found(ended: Ended) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in ended.report["findings"]}


def failed(ended: Ended) -> set[str]:
    return {name for name, finding in found(ended).items() if finding["state"] == "fail"}


def received(lab: Lab) -> int:
    """UDP datagrams that came to the receiver's host, to whatever port."""
    counts = [line.split() for line in lab.run_at(lab.receiver, "cat", "/proc/net/snmp").splitlines()]
    names, values = [row[1:] for row in counts if row[0] == "Udp:"]
    total = dict(zip(names, map(int, values), strict=True))
    others = dict(line.split() for line in lab.run_at(lab.receiver, "cat", "/proc/net/snmp6").splitlines())
    return (
        total["InDatagrams"]
        + total["NoPorts"]
        + total["InErrors"]
        + sum(int(others[f"Udp6{name}"]) for name in ("InDatagrams", "NoPorts", "InErrors"))
    )


@pytest.mark.parametrize("backend", ["udp", "packet"])
@pytest.mark.parametrize("address", [V4, V6])
def test_a_wire_without_fault(lab: Lab, capture: Capture, address: str, backend: str):
    before = received(lab)
    ended = doctor(lab, capture, "--target", address, "--backend", backend)

    assert ended.code == ExitCode.MET, ended.stderr
    assert failed(ended) == set()
    findings = found(ended)
    assert f"{address} by {DEVICE}" in findings["route"]["found"]
    assert findings["device"]["found"] == f"{DEVICE} (veth) is up"
    assert findings["tx-udp-segmentation"]["found"] == f"on at {DEVICE}"
    assert "not known" in findings["link-speed"]["found"]
    assert findings["mtu"]["state"] == findings["neighbour"]["state"] == "ok"
    assert received(lab) == before


def test_an_mtu_that_is_too_small(tmp_path: Path, lab: Lab):
    path = tmp_path / "long.rcap"
    write(path, content(noise([(20, LONG_BYTES)])))
    long, packet = open_capture(path), LONG_BYTES + 28
    with lab.mtu(packet - 1):
        ended = doctor(lab, long, "--target", V4)
        refused = call(*run_of(long, V4, [5514], "--events", 1), host=lab.sender)
    with lab.mtu(packet):
        enough = doctor(lab, long, "--target", V4)

    assert ended.code == refused.code == ExitCode.PREFLIGHT, ended.stderr
    assert failed(ended) == {"mtu"}
    mend = f"sudo ip link set {DEVICE} mtu {packet}"
    assert found(ended)["mtu"]["mend"] == mend
    assert f"      mend  {mend}\n" in ended.stderr
    assert enough.code == ExitCode.MET, enough.stderr


@pytest.mark.parametrize("address", [V4, V6])
def test_no_route(lab: Lab, capture: Capture, address: str):
    ended = doctor(lab, capture, "--target", NO_ROUTE[address])

    assert ended.code == ExitCode.PREFLIGHT
    assert failed(ended) == {"route"}
    assert found(ended)["route"]["mend"].startswith(f"sudo ip route add {NO_ROUTE[address]} via ")
    assert "mtu" not in found(ended)


@pytest.mark.parametrize(
    ("backend", "code", "state"), [("udp", ExitCode.MET, "warn"), ("packet", ExitCode.PREFLIGHT, "fail")]
)
@pytest.mark.parametrize("address", [V4, V6])
def test_no_neighbour(lab: Lab, capture: Capture, address: str, backend: str, code: ExitCode, state: str):
    ended = doctor(lab, capture, "--target", NOBODY[address], "--backend", backend)

    assert ended.code == code, ended.stderr
    assert found(ended)["neighbour"]["state"] == state
    assert found(ended)["neighbour"]["found"] == f"nobody at {NOBODY[address]} answers on {DEVICE}"
    assert failed(ended) == ({"neighbour"} if state == "fail" else set())


def test_a_given_address_stands_for_a_neighbour(lab: Lab, capture: Capture):
    ended = doctor(lab, capture, "--target", NOBODY[V4], "--dst-mac", "02:00:00:00:00:09")

    assert ended.code == ExitCode.MET, ended.stderr
    assert found(ended)["neighbour"]["found"] == f"{NOBODY[V4]} is 02:00:00:00:00:09"


@pytest.mark.parametrize(
    ("backend", "code", "fails"),
    [("auto", ExitCode.MET, set()), ("packet", ExitCode.PREFLIGHT, {"cap-net-raw"})],
)
def test_without_rights(lab: Lab, capture: Capture, backend: str, code: ExitCode, fails: set[str]):
    line = command("replay", "doctor", capture.path, "--target", V4, "--backend", backend, "--eps", "1k", "--json")
    bare = ["ip", "netns", "exec", lab.sender, "setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run([*bare, *line], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    ended = Ended(done.returncode, json.loads(done.stdout), done.stderr)

    assert ended.code == code, ended.stderr
    assert failed(ended) == fails
    assert "packet-vnet-hdr" not in found(ended)
    assert found(ended)["cap-net-raw"]["found"].startswith("missing")
    if fails:
        assert "sudo setcap cap_net_admin,cap_net_raw+ep " in ended.stderr


@pytest.mark.parametrize(
    ("feature", "check"),
    [
        ("tx-udp-segmentation", "tx-udp-segmentation"),
        ("tx-checksum-ip-generic", "tx-checksum"),
        ("tx-scatter-gather", "scatter-gather"),
    ],
)
def test_an_offload_that_is_off(lab: Lab, capture: Capture, feature: str, check: str):
    with lab.without(feature):
        ended = doctor(lab, capture, "--target", V4)

    assert ended.code == ExitCode.MET, ended.stderr
    assert found(ended)[check]["state"] == "warn"
    lab.run_at(lab.sender, *found(ended)[check]["mend"].split()[1:])  # what follows sudo is a command that works


@pytest.mark.parametrize("qdisc", [("tbf", "rate", "1gbit", "burst", "64kb", "latency", "10ms"), ("pfifo",)])
def test_what_shapes_is_warned_of(lab: Lab, capture: Capture, qdisc: tuple[str, ...]):
    lab.run_at(lab.sender, "tc", "qdisc", "add", "dev", DEVICE, "root", *qdisc)
    try:
        findings = found(doctor(lab, capture, "--target", V4))
    finally:
        lab.run_at(lab.sender, "tc", "qdisc", "del", "dev", DEVICE, "root")

    assert findings["qdisc"]["found"].startswith(f"{qdisc[0]} at {DEVICE}")
    shapes = qdisc[0] == "tbf"
    assert findings["qdisc"]["mend"] == (f"sudo tc qdisc del dev {DEVICE} root" if shapes else None)


def test_a_device_that_is_not_there(lab: Lab, capture: Capture):
    ended = doctor(lab, capture, "--target", V4, "--interface", "nosuch")

    assert ended.code == ExitCode.PREFLIGHT
    assert failed(ended) == {"route"}
    assert found(ended)["route"]["found"] == "there is no device nosuch"


@pytest.mark.parametrize(
    ("carrier", "said", "mend"),
    [
        ("off", "spare (veth) has no carrier", "ethtool spare"),
        ("down", "spare (veth) is down", "sudo ip link set spare"),
    ],
)
def test_a_wire_that_is_cut(lab: Lab, capture: Capture, carrier: str, said: str, mend: str):
    """On a wire of its own, whose peer is down: switching the lab's off and on would lose its neighbours."""
    lab.run_at(lab.sender, "ip", "link", "add", "spare", "type", "veth", "peer", "name", "peer")
    try:
        lab.run_at(lab.sender, "ip", "address", "add", "198.19.7.1/24", "dev", "spare")
        if carrier == "off":
            lab.run_at(lab.sender, "ip", "link", "set", "spare", "up")
        options = ("--interface", "spare", "--dst-mac", "02:00:00:00:00:09", "--source-ips", "198.19.7.64/28")
        ended = doctor(lab, capture, "--target", "198.19.7.2", *options)
    finally:
        lab.run_at(lab.sender, "ip", "link", "delete", "spare")

    assert ended.code == ExitCode.PREFLIGHT
    assert failed(ended) == {"device"}
    assert found(ended)["device"]["found"] == said
    assert found(ended)["device"]["mend"].startswith(mend)
