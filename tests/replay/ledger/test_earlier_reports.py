"""Reports of an audit and of a watch that were written before reports had the number of a schema: they are read."""

import json
from pathlib import Path

import pytest

from captures.console.errors import InputError
from replay.json_file import SCHEMA, read_report
from replay.receiver_host.reading import read_watch
from replay.sessions.reconcile import reconcile_files

GOLDEN = Path(__file__).parent / "golden"
OLD_AUDIT, OLD_WATCH = GOLDEN / "audit_before_schema.json", GOLDEN / "watch_before_schema.json"
OLD_RUN = Path(__file__).parents[1] / "report" / "golden" / "run_before_schema.json"


def test_an_audit_is_reconciled_with_the_run_that_it_is_of() -> None:
    found = reconcile_files(OLD_RUN, None, OLD_AUDIT, None).report().figures()
    assert (found["sent_events"], found["collected_events"], found["lost_events"]) == (4000, 3990, 10)
    assert [(loss["port"], loss["where"], loss["events"]) for loss in found["losses"]] == [(25514, "collector", 10)]


def test_a_watch_is_read_and_says_when_it_was() -> None:
    assert "schema" not in read_report(OLD_WATCH)
    assert [lane.port for lane in read_watch(read_report(OLD_WATCH)).lanes] == [25514, 25515]
    found = reconcile_files(OLD_RUN, None, OLD_AUDIT, OLD_WATCH)
    assert "did not watch this run" in " ".join(found.text(wide=False).split())  # the run watched its own host


@pytest.mark.parametrize("old", [OLD_AUDIT, OLD_WATCH])
def test_one_of_a_later_schema_is_refused(old: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.json"
    later.write_text(json.dumps(read_report(old) | {"schema": SCHEMA + 1}), encoding="utf-8")
    audit, watch = (later, None) if old == OLD_AUDIT else (OLD_AUDIT, later)
    with pytest.raises(InputError, match=r"later\.json: a report of schema 2, and this version .* reads up to 1"):
        reconcile_files(OLD_RUN, None, audit, watch)
