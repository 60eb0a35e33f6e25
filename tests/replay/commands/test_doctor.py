"""`replay doctor` as a user calls it."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from captures.console.errors import ExitCode, InputError
from replay.cli import replay
from replay.doctor.facts import machine_facts
from replay.sessions import doctor as session
from tests.captures.content import content, noise, write
from tests.network.programs import call

CAPTURE_CHECKS = {"memory", "page-cache", "staging"}
NETWORK_CHECKS = {"route", "device", "neighbour", "qdisc", "flows"}


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("doctor") / "noise.rcap"
    write(path, content(noise([(128, 100)] * 50)))
    return path


def doctor(*arguments):
    return CliRunner().invoke(replay, ["doctor", *map(str, arguments)], standalone_mode=False)


def checks(result):
    return {finding["check"] for finding in json.loads(result.stdout)["findings"]}


def test_all_of_it_for_loopback(capture):
    ended = call("replay", "doctor", capture, "--target", "127.0.0.1", "--eps", "1k", "--json")
    assert ended.code == ExitCode.MET, ended.stderr
    assert {"cap-net-raw", "udp-segment", "governor"} | CAPTURE_CHECKS | NETWORK_CHECKS <= {
        finding["check"] for finding in ended.report["findings"]
    }
    assert all(set(finding) == {"check", "state", "found", "why", "mend"} for finding in ended.report["findings"])
    assert ended.report["left_out"] == []
    assert ended.stderr.startswith("1.0k EPS to 40 ports (514-553) of 127.0.0.1\n")
    assert "left out" not in ended.stderr
    assert len(ended.stderr.splitlines()) >= len(ended.report["findings"]) + 2


def test_what_is_not_given_is_left_out(capture):
    nothing = doctor("--json")
    assert not checks(nothing) & (CAPTURE_CHECKS | NETWORK_CHECKS)
    assert "left out: the capture, since no FILE is given\nleft out: the network, since no --target" in nothing.stderr
    assert len(json.loads(nothing.stdout)["left_out"]) == 2

    file = doctor(capture, "--json")
    assert checks(file) & (CAPTURE_CHECKS | NETWORK_CHECKS) == CAPTURE_CHECKS
    target = doctor("--target", "127.0.0.1", "--json")
    assert checks(target) & (CAPTURE_CHECKS | NETWORK_CHECKS) == NETWORK_CHECKS


def test_what_it_found_is_its_answer_and_goes_to_stdout():
    found = doctor()
    assert found.stdout.startswith("4.00M EPS to 40 ports (514-553)\n")
    assert found.stderr == ""
    one = doctor("--ports", "514").stdout
    assert one.startswith("4.00M EPS to 1 port (514)\n")


@pytest.mark.parametrize(
    ("changed", "code", "worst"),
    [
        ({}, ExitCode.MET, "ok"),
        ({"segments": 1}, ExitCode.MET, "warn"),
        ({"segments": 1, "sendmmsg": False}, ExitCode.PREFLIGHT, "fail"),
    ],
)
def test_only_a_failure_is_told_by_the_exit_code(monkeypatch, changed, code, worst):
    def facts(cpus, allowed):
        sound = {"send_buffer_bytes": 4 << 20, "governors": {}, "isolated": frozenset(), "activity": None}
        return replace(machine_facts(cpus, allowed), **sound | changed)

    monkeypatch.setattr(session, "machine_facts", facts)
    ended = doctor("--json")
    assert ended.return_value == code
    assert json.loads(ended.stdout)["worst"] == worst


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch.rcap",), "nosuch.rcap: can't be opened: No such file or directory"),
        (("--target", "192.0.2.1"), "--allow-public"),
        (("--eps", "0"), "a rate is 1 at least"),
        (("--cpus", "9999"), "core 9999 is not there"),
        (("--backend", "udp", "--vlan", "100"), "--vlan needs frames of our own"),
        (("--target", "127.0.0.1", "--source-ips", "2001:2::/120"), "--source-ips is of IPv6"),
        (("--target", "::1", "--source-ips", "198.18.0.0/24"), "--source-ips is of IPv4"),
    ],
)
def test_what_can_not_be_used_is_refused(arguments, said):
    ended = doctor(*arguments)
    assert isinstance(ended.exception, InputError)
    assert said in str(ended.exception)
    assert ended.exception.exit_code == ExitCode.USAGE


def test_a_capture_without_hosts_has_no_mix_of_them(tmp_path):
    held = content(noise([(128, 100)]))
    held.trains["source"] = 0
    path = tmp_path / "hostless.rcap"
    write(path, replace(held, shape=replace(held.shape, sources=0)))
    ended = doctor(path, "--source-mix", "capture")
    assert isinstance(ended.exception, InputError)
    assert "its trains have no hosts" in str(ended.exception)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_public_target_is_one_that_is_allowed(monkeypatch, allowed):
    asked = []

    def resolved(text, *, allow_public, family):
        assert family is None
        asked.append((text, allow_public))
        raise InputError("enough")

    monkeypatch.setattr(session, "resolve", resolved)
    doctor("--target", "192.0.2.1", *["--allow-public"] * allowed)
    assert asked == [("192.0.2.1", allowed)]
