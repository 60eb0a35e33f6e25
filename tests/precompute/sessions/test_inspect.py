"""A capture as a program looks into it: its figures, and the page that is drawn of them."""

import pytest

from captures.console.errors import CaptureError, InputError
from precompute.inspection.figures import inspect_capture
from precompute.sessions.inspect import inspect
from tests.precompute.profiles import build, built_in, names


def test_the_figures_are_those_of_the_open_capture(tmp_path):
    capture = build(tmp_path / "a.rcap", built_in("system"), events=100)
    found = inspect(capture.path)
    assert (found.capture.digest, found.figures) == (capture.digest, inspect_capture(capture))
    assert names(tmp_path) == ["a.rcap"]
    assert inspect(capture.path, tmp_path / "page.html").figures == found.figures
    assert "<h1>a.rcap</h1>" in (tmp_path / "page.html").read_text()
    with pytest.raises(InputError, match="exists already"):
        inspect(capture.path, tmp_path / "page.html")


def test_what_is_no_capture_leaves_no_page(tmp_path):
    (tmp_path / "a.rcap").write_bytes(b"no capture")
    with pytest.raises(CaptureError):
        inspect(tmp_path / "a.rcap", tmp_path / "page.html")
    assert names(tmp_path) == ["a.rcap"]
