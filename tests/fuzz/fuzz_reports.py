"""Damaged reports: whatever they say, `replay reconcile` ends in one line or in a ledger whose sums hold.

So does `replay audit`, which takes the sender's.
"""

import copy
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from captures.console.errors import StampedeError
from captures.format.tags import tag_text
from replay.commands.audit import audit
from replay.commands.reconcile import reconcile_reports

RUN = "1f3a9c07"
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    7,
    514,
    65_536,
    1 << 31,
    1 << 63,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "5",
    RUN,
    "00000002",
    "failure",
    "2025-08-30T10:15:30.000Z",
    "9999-12-31T23:59:59.999+23:59",
    "0001-01-01T00:00:00-12:00",
    "\x1b[2J\n\u202e",
    [],
    {},
    [[]],
    [[1, 2], [3]],
    {"514": 5},
    {"lanes": []},
)


PORTS = (514, 515, 516)
_NUMBERS = {
    "verified_events": 950,
    "next_sequence": 990,
    "lost_events": 40,
    "lost_in_socket_events": 10,
    "duplicated_events": 2,
    "reordered_events": 3,
    "late_events": 1,
    "unconfirmed": [[995, 2], [1 << 20, 1]],
    "came_by": {},
}
"""What a sink says of the event numbers of a lane."""


def sound_reports() -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What a sender, a sink and an audit say of a run to three ports, one of which something maps."""
    return _sent(), _received(), _written()


def _sent() -> dict[str, Any]:
    return {
        "run_id": RUN,
        "started": "2025-08-30T10:15:30.000Z",
        "duration_s": 20.0,
        "speed": None,
        "achieved_eps": 150.0,
        "peak_eps": 151.0,
        "offered": {"intervals": 200, "below_95_percent": 1, "not_measured": 0},
        "recoveries": [],
        "stamp": "now",
        "nic": {"name": "eth0", "tx_dropped": 4},
        "lanes": [{"port": port, "sent_events": 1000, "sent_bytes": 150_000, "errors": {}} for port in PORTS],
    }


def _received() -> dict[str, Any]:
    columns = ["port", "interval", "lost_events", "lost_in_socket_events", "intervals"]
    return {
        "run_id": RUN,
        "ended_by": "idle",
        "ended": "2025-08-30T10:15:55.000Z",
        "first_arrival": "2025-08-30T10:15:30.010Z",
        "stamp_age_min_ms": 0.2,
        "tags": {"other_runs": {"00000002": 2}, "foreign_events": 2},
        "host": {"backlog_dropped": 7},
        "intervals": {
            "interval_ms": 100,
            "since_ns": 1_756_548_930_000_000_000,
            "columns": columns,
            "rows": [[514, 3, 30, 10, 1], [515, 9, 10, 0, 2]],
        },
        "lanes": [_received_lane(port) for port in PORTS[:2]],
        "mapped_lanes": [{"port": 516, **_NUMBERS, "came_by": {"515": 950}}],
    }


def _received_lane(port: int) -> dict[str, Any]:
    return {
        "port": port,
        "received_events": 960,
        "received_bytes": 144_000,
        "kernel_drops": 2,
        "drops_after_last": 1,
        "joined": True,
        "last_arrival_s": 19.0,
        "cut_events": 5,
        "doubtful_cut_events": 2,
        "cut_to_bytes": {"min": 180, "max": 180},
        "untagged_events": 1,
        "malformed_events": 1,
        "foreign_events": 1,
        **copy.deepcopy(_NUMBERS),
    }


def _written() -> dict[str, Any]:
    missing = [{"first": 3, "last": 9, "events": 7, "sent_from_s": 0.1, "sent_to_s": 0.2}]
    written = {"received_events": 900, "surplus_events": 1, "cut_events": 3, "cut_to_bytes": {"min": 512, "max": 512}}
    return {
        "kind": "audit",
        "run_id": RUN,
        "cut_events": 11,
        "cut_events_max": 14,
        "cut_to_bytes": {"min": 500, "max": 512},
        "lanes": [{"port": port, **copy.deepcopy(written), "missing": missing} for port in PORTS],
    }


def _places(node: Any) -> list[tuple[Any, Any]]:
    """Every container of a report with each of its keys or numbers."""
    found: list[tuple[Any, Any]] = []
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            found += [(node, key), *_places(node[key])]
    return found


def damaged(report: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """A report with one to three of its parts replaced, taken out, doubled, or nested."""
    report = copy.deepcopy(report)
    for _ in range(rng.randint(1, 3)):
        places = _places(report)
        if not places:
            break
        container, key = rng.choice(places)
        match rng.randrange(5):
            case 0:
                del container[key]
            case 1 if isinstance(container, list):
                container.append(copy.deepcopy(container[key]))
            case 2 if isinstance(container[key], int | float) and not isinstance(container[key], bool):
                container[key] = container[key] * rng.choice((-1, 2, 1000, 1 << 40)) + rng.choice((-1, 0, 1))
            case 3:
                container[key] = [{"lanes": container[key]}]
            case _:
                container[key] = copy.deepcopy(rng.choice(_VALUES))
    return report


def damaged_text(text: str, rng: random.Random) -> bytes:
    """The text of a report, and now and then one that is no JSON any more."""
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    match rng.randrange(40):
        case 0:
            return bytes(data[: rng.randrange(len(data) + 1)])
        case 1:
            return b"[" * 100_000
        case 2:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def fuzz_reports(seconds: float, seed: int) -> int:
    """Take damaged reports for so long; returns how many. Raises AssertionError for one that is not told well."""
    rng, deadline, tried = random.Random(seed), time.monotonic() + seconds, 0
    sound = sound_reports()
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("sent", "received", "audit")]
        log = Path(folder, "log")
        log.write_bytes(b"".join(b"text stampede=%s\n" % tag_text(int(RUN, 16), 514, number) for number in range(9)))
        while time.monotonic() < deadline:
            tried += 1
            which = rng.randrange(3)
            for number, (path, report) in enumerate(zip(paths, sound, strict=True)):
                hit = number == which or rng.random() < 0.2
                text = json.dumps(damaged(report, rng) if hit else report)
                path.write_bytes(damaged_text(text, rng) if hit else text.encode())
            sent, received, written = map(str, paths)
            words = rng.choice(
                ([sent, received], [sent, received, "--collector", written], [sent, "--collector", written])
            )
            more = rng.choice(([], ["--wide"], ["--json"], ["--max-loss", "1%"]))
            _try_reconcile([*words, *more], f"seed {seed}, no. {tried}")
            _try_audit([str(log), "--sent", sent, "--json"], f"seed {seed}, no. {tried}")
    return tried


def _try_audit(words: list[str], which: str) -> None:
    result = _said_well(CliRunner().invoke(audit, words, standalone_mode=False), which)
    if result is not None:
        told = json.loads(result.stdout)
        assert told["missing_events"] == told["lost_events"] + told["cut_events"], which
        assert told["received_events"] - told["surplus_events"] + told["missing_events"] == told["sent_events"], which


def _said_well(result: Result, which: str) -> Result | None:
    """The same, where the reports were taken; None: they were refused, in one line."""
    if isinstance(result.exception, StampedeError):
        said = str(result.exception)
        assert len(said) < 2000, f"{which}: {said[:200]!r}"
        assert "\n" not in said, f"{which}: {said!r}"
        assert said.isprintable(), f"{which}: {said!r}"
        return None
    if result.exception is not None:
        raise AssertionError(f"{which}: {result.exception!r}") from result.exception
    assert result.return_value in (0, 1), f"{which}: {result.return_value}"
    return result


def _try_reconcile(words: list[str], which: str) -> None:
    result = _said_well(CliRunner().invoke(reconcile_reports, words, standalone_mode=False), which)
    if result is None:
        return
    if "--json" in words:
        _sums_hold(json.loads(result.stdout), which)
    else:
        shares = [float(word[:-1]) for word in result.output.split() if word.endswith("%")]
        assert all(0 <= share <= 100 for share in shares), f"{which}: {result.output}"
        huge = any(len(word) > 15 and "," in word for word in result.output.split())  # a trillion, which no run sends
        assert "--wide" in words or huge or all(len(line) <= 80 for line in result.output.splitlines()), which


def _sums_hold(ledger: dict[str, Any], which: str) -> None:
    assert 0 <= ledger["lost_events"] <= ledger["sent_events"], which
    for lane in ledger["lanes"]:
        if lane["verified_events"] is not None:
            arrived = lane["verified_events"] + lane["cut_events"] + lane["cut_or_lost_events"]
            assert lane["sent_events"] == arrived + lane["lost_events"], which
        assert lane["lost_events"] is None or lane["lost_events"] >= 0, which
        assert (lane["lost_before_socket_events"] or 0) >= 0, which
    assert all(loss["events"] > 0 for loss in ledger["losses"]), which
    assert all(loss["from_s"] is None or loss["from_s"] < loss["to_s"] for loss in ledger["losses"]), which


if __name__ == "__main__":
    print(fuzz_reports(float(sys.argv[1]), int(sys.argv[2])), "pairs of reports")
