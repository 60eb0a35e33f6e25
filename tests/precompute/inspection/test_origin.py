"""What a capture of version 2 tells of where it came from: as figures, as text, in JSON and on the page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scapy.layers.inet import IP, TCP

from captures.convert.import_capture import import_capture
from captures.convert.import_request import ImportRequest
from captures.format.layout import TRAIN
from captures.format.reader import open_capture
from captures.format.writing.stream_writer import StreamWriter
from captures.share.verification import verify
from precompute.cli import precompute
from precompute.inspection.figures import inspect_capture
from precompute.inspection.origin import origin_of, origin_rows
from precompute.sessions.inspect import inspect
from tests.captures.recorded import OTHERS, datagram, framed, recorded, text_of
from tests.captures.samples import FOLDER

REPORTS = Path(__file__).parents[3] / "docs" / "reports.md"
SECOND = sorted(FOLDER.glob("2-*.rcap"))
FIRST_DIGEST = "ea1256ad1266be76e45595e6a27e49c21ea567bc7a4bf31ff41de7daa63452ec"
ALL = FOLDER / "2-all.rcap"


def said(*arguments) -> str:
    result = CliRunner().invoke(precompute, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_the_figures_are_those_of_the_tables():
    origin = origin_of(open_capture(ALL))
    assert (origin.version, origin.hosts, origin.flows, origin.links) == (2, 2, 2, 2)
    assert (origin.moved_events, origin.stepped_back_events, origin.exact_instants) == (4, 2, True)
    assert (origin.cut_events, origin.empty_events, origin.tagged_events) == (1, 1, 3)
    assert (origin.stamps, origin.further_stamps) == ({"ISO_MS": 2, "RFC3164": 2, "EPOCH_S_MS": 3}, 2)
    assert origin.note["made_by"] == "tests/captures/samples.py"


def test_the_tables_are_read_in_blocks(monkeypatch):
    whole = [origin_of(open_capture(path)) for path in SECOND]
    monkeypatch.setattr("precompute.inspection.origin._ROWS_AT_ONCE", 1)
    assert [origin_of(open_capture(path)) for path in SECOND] == whole


def test_version_1_tells_nothing_of_it():
    found = inspect_capture(open_capture(FOLDER / "1-plain.rcap"))
    assert found.origin is None
    assert "origin" not in found.as_json()


@pytest.mark.parametrize("path", SECOND, ids=lambda path: path.name)
def test_a_capture_of_version_2_is_looked_into(path, tmp_path):
    text = said("inspect", path, "--html", tmp_path / "page.html")
    assert "\nformat   version 2; " in text
    shown = json.loads(said("inspect", path, "--json"))
    assert shown["origin"] == inspect(path).figures.as_json()["origin"]
    page = (tmp_path / "page.html").read_text()
    assert "<h2>Origin</h2>" in page
    if shown["recipe"] is None:
        assert "profile of this tool" not in text + page.partition("</script>")[2]
        assert "recipe   none: it was not rendered from a profile\n" in text


def test_verifying_says_the_version():
    found = verify(ALL)
    assert said("verify", ALL) == f"{ALL}: sound; 7 events in format version 2, digest {found.digest}\n"
    assert json.loads(said("verify", ALL, "--json"))["version"] == 2
    assert verify(FOLDER / "1-plain.rcap").verdict.endswith(f"1-plain.rcap: sound; 40 events, digest {FIRST_DIGEST}")
    assert "version" not in verify(FOLDER / "1-plain.rcap").figures()


def test_what_is_told_is_all_there():
    assert dict(origin_rows(origin_of(open_capture(ALL)))) == {
        "format": "version 2; tests/captures/samples.py, by stampede",
        "hosts": "2: web-1, web-2",
        "flows": "2 flows over 2 links",
        "order": "4 events moved; an instant of its own for each event, 2 events of a clock that stepped back",
        "events": "1 cut short, 1 empty, 3 tagged",
        "stamps": "3 EPOCH_S_MS, 2 ISO_MS, 2 RFC3164; 2 are not the first of their event",
    }


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"made_by": 7, "tool": None, "sources": {"a": 1}, "hosts": "x", "left_out": [3]},
        {"made_by": "\x1b[2J", "tool": "\n", "sources": ["\x07", 7, "b" * 5000], "hosts": [[], "\ud800"]},
        {"made_by": "x" * 9999, "left_out": {"\x1b" * 9999: "\x1b" * 9999}},
    ],
)
def test_a_note_may_hold_anything(tmp_path, note):
    path = tmp_path / "a.rcap"
    trains = np.zeros(1, TRAIN)
    trains["count"], trains["length"] = 1, 5
    encodable = json.loads(json.dumps(note).replace("\\ud800", "?"))
    with StreamWriter(path) as writer:
        writer.add(trains, np.full(5, 65, np.uint8))
        writer.finish(start_ns=0, note=encodable, sources=1)
    text = said("inspect", path)
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text) < 10_000
    said("inspect", path, "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text().rpartition("</script>")[2]
    assert "\x1b" not in page


def test_the_manual_names_its_fields():
    table = REPORTS.read_text().partition("### A capture of version 2")[2].partition("\n#")[0]
    told = [
        name
        for line in table.splitlines()
        if line[:3] == "| `"
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    ]
    origin = inspect_capture(open_capture(ALL)).as_json()["origin"]
    assert sorted(told) == sorted(f"origin.{name}" for name in origin)


def test_flows_without_events_do_not_count(tmp_path):
    frames = [
        datagram(text_of(0)),
        *OTHERS,
        *(framed(IP() / TCP(sport=port, dport=80) / b"GET /") for port in range(9)),
    ]
    import_capture(ImportRequest((str(recorded(tmp_path / "a.pcap", frames)),), tmp_path / "a.rcap"))
    capture = open_capture(tmp_path / "a.rcap")
    assert len(capture.flows) > 9
    assert origin_of(capture).flows == 1
