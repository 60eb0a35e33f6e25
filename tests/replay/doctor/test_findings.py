"""Findings as a table and as JSON."""

import json

import pytest

from replay.doctor.findings import CheckState, Finding, ended, findings_json, findings_table, worst

OK = Finding("route", CheckState.OK, "127.0.0.1 by lo", "without a route nothing is sent")
WARN = Finding("tx-checksum", CheckState.WARN, "off at eth0", "the CPU sums", "sudo ethtool -K eth0 tx on")
FAIL = Finding("mtu", CheckState.FAIL, "1528 of 1500", "it would be fragmented", "sudo ip link set eth0 mtu 1528")


@pytest.mark.parametrize(
    ("findings", "state"),
    [([], "ok"), ([OK, OK], "ok"), ([WARN, OK], "warn"), ([WARN, FAIL, OK], "fail"), ([OK, FAIL], "fail")],
)
def test_the_worst_counts(findings, state):
    assert worst(findings) is CheckState(state)


def test_what_is_sound_needs_no_mending():
    assert ended("mtu", "a", "b", mend="c", state=CheckState.FAIL, sound=True) == Finding(
        "mtu", CheckState.OK, "a", "b"
    )
    assert ended("mtu", "a", "b", mend="c", state=CheckState.FAIL) == Finding("mtu", CheckState.FAIL, "a", "b", "c")
    assert ended("mtu", "a", "b", mend="c").state is CheckState.WARN


def test_a_line_for_each_check_and_what_to_do_beneath():
    assert findings_table([OK, WARN, FAIL], ["the capture, since no FILE is given"]).splitlines() == [
        "ok    route        127.0.0.1 by lo",
        "warn  tx-checksum  off at eth0",
        "      why   the CPU sums",
        "      mend  sudo ethtool -K eth0 tx on",
        "fail  mtu          1528 of 1500",
        "      why   it would be fragmented",
        "      mend  sudo ip link set eth0 mtu 1528",
        "left out: the capture, since no FILE is given",
        "1 failed, 1 warned, 1 ok",
    ]


def test_states_are_painted():
    table = findings_table([OK, FAIL], [], lambda text, state: f"<{state}>{text}")
    assert [line[:10] for line in table.splitlines()[:2]] == ["<ok>ok    ", "<fail>fail"]


def test_json_holds_all_of_it():
    made = json.loads(json.dumps(findings_json([OK, WARN], ["the network"])))
    assert made == {
        "schema": 1,
        "findings": [
            {
                "check": "route",
                "state": "ok",
                "found": "127.0.0.1 by lo",
                "why": "without a route nothing is sent",
                "mend": None,
            },
            {
                "check": "tx-checksum",
                "state": "warn",
                "found": "off at eth0",
                "why": "the CPU sums",
                "mend": "sudo ethtool -K eth0 tx on",
            },
        ],
        "left_out": ["the network"],
        "worst": "warn",
    }
