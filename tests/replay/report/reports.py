"""Reports of runs that never were, for tests of what is made of reports."""

from typing import Any

from replay.json_file import SCHEMA
from replay.report.model import CaptureFigures, Ending, HostFigures, RunReport


def plain_report(**changed: Any) -> RunReport:
    """A run of ten seconds that sent nothing, with some fields `changed`."""
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": "measured",
        "reason": "no target was set; 0 events sent",
        "target_eps": None,
        "achieved_eps": 0.0,
        "peak_eps": 0.0,
        "sent_events": 0,
        "asked_events": None,
        "sent_bytes": 0,
        "duration_s": 10.0,
        "started": "2025-08-30T10:15:30.000Z",
        "started_ns": 1_756_548_930_000_000_000,
        "errors": {},
        "waits": {},
        "offered": None,
        "lag_ms": None,
        "cpu_percent_mean": None,
        "memory_bytes_peak": None,
        "lanes": [],
        "workers": [],
        "target": "127.0.0.1",
        "backend": "udp",
        "gso_segments": 128,
        "train_events_max": 128,
        "batch_trains": 32,
        "stamp": "now",
        "capture": CaptureFigures("few.rcap", "blake3:0", 100),
        "host": HostFigures("6.8.0", "3.11.9"),
        "version": "0",
        "ending": Ending([], None, None, None, done=True, late_ns=None, mean_target_eps=None),
    }
    return RunReport(**{**fields, **changed})
