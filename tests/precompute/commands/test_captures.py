"""`precompute inspect`: one set of figures, as text, as JSON and as a page."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from captures.console.errors import CaptureError, InputError, PreflightError
from precompute.cli import precompute
from precompute.inspection.as_text import summary
from precompute.inspection.figures import inspect_capture
from tests.precompute.foreign import foreign
from tests.precompute.profiles import build, built_in, names


def said(*arguments) -> str:
    result = CliRunner().invoke(precompute, ["inspect", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return build(tmp_path_factory.mktemp("made") / "a.rcap", built_in("system"), events=3000)


def test_the_summary_is_for_people(capture):
    assert said(capture.path) == summary(inspect_capture(capture)) + "\n"


def test_json_has_all_figures(capture):
    assert json.loads(said(capture.path, "--json")) == inspect_capture(capture).as_json()


def test_events_are_printed_too(capture):
    first = [line.decode() for _, line in zip(range(3), capture.lines(), strict=False)]
    assert said(capture.path, "--events", "3").splitlines()[-4:] == ["", *first]
    assert json.loads(said(capture.path, "--json", "--events", "3"))["first_events"] == first


def test_a_page_is_written_beside_the_summary(capture, tmp_path):
    assert said(capture.path, "--html", tmp_path / "page.html") == said(capture.path)
    assert names(tmp_path) == ["page.html"]
    assert "<h1>a.rcap</h1>" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("place", ["none/page.html", "file/page.html"])
def test_a_page_that_can_not_be_written_prints_nothing(capture, tmp_path, place):
    (tmp_path / "file").touch()
    result = CliRunner().invoke(precompute, ["inspect", str(capture.path), "--html", str(tmp_path / place)])
    assert isinstance(result.exception, InputError)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""


def test_a_page_that_is_there_is_replaced_by_force_alone(capture, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("old")
    result = CliRunner().invoke(precompute, ["inspect", str(capture.path), "--html", str(page)])
    assert str(result.exception) == f"{page}: exists already; choose another name, or --force to replace it"
    assert page.read_text() == "old"
    said(capture.path, "--html", page, "--force")
    assert "<h1>a.rcap</h1>" in page.read_text()
    assert names(tmp_path) == ["page.html"]


def test_what_keeps_a_page_from_being_written_is_said_before_the_capture_is_read(capture, tmp_path, monkeypatch):
    """The reading takes long, and its figures are not printed when the page can't be written."""

    def read(_capture: object) -> None:
        raise AssertionError

    monkeypatch.setattr("precompute.sessions.inspect.inspect_capture", read)
    page = tmp_path / "page.html"
    page.touch()
    result = CliRunner().invoke(precompute, ["inspect", str(capture.path), "--html", str(page)])
    assert isinstance(result.exception, InputError)
    monkeypatch.setitem(sys.modules, "plotly", None)
    result = CliRunner().invoke(precompute, ["inspect", str(capture.path), "--html", str(tmp_path / "new.html")])
    assert isinstance(result.exception, PreflightError)
    assert str(result.exception) == "a page needs plotly; install it with: pip install plotly"
    assert names(tmp_path) == ["page.html"]


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_a_page_never_takes_the_captures_place(tmp_path, link):
    capture = build(tmp_path / "a.rcap", built_in("system"), events=100)
    page = tmp_path / "b.rcap" if link else capture.path
    if link:
        link(page, capture.path)
    before = capture.path.read_bytes()
    for force in ([], ["--force"]):
        result = CliRunner().invoke(precompute, ["inspect", str(capture.path), "--html", str(page), *force])
        assert "this is the file that is read" in str(result.exception)
    assert capture.path.read_bytes() == before


def test_what_is_no_capture_is_refused(tmp_path):
    (tmp_path / "a.rcap").write_bytes(b"no capture")
    result = CliRunner().invoke(precompute, ["inspect", str(tmp_path / "a.rcap")])
    assert isinstance(result.exception, CaptureError)


def test_events_of_others_can_not_drive_the_terminal(tmp_path):
    capture = foreign(tmp_path / "a.rcap", b"\x1b[2J\r\n\xff".ljust(64), {"by": "\x1b[2J"})
    for text in (said(capture.path, "--events", "1"), said(capture.path, "--json", "--events", "1")):
        assert text.replace("\n", "").isprintable()
