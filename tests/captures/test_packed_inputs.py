"""No command replaces the packed capture that it reads, nor the file of the cache that was unpacked of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from captures.console.errors import InputError
from captures.convert import export_capture as exporting
from captures.convert.export_request import ExportRequest, Form
from captures.rework import slicing
from captures.rework.anonymize.anonymize import anonymize
from captures.rework.anonymize.rules import Rules
from captures.rework.anonymize.tokens.secret import secret_of
from captures.rework.choosing import Choice
from captures.rework.merging import merge
from captures.share.cache import open_any
from captures.share.packing import pack, unpack
from tests.captures.share.carried import small

COMMANDS: dict[str, Callable[[Path, Path], object]] = {
    "slice": lambda path, output: slicing.slice_capture(open_any(path), output, Choice(last=9), force=True),
    "a slice of all": lambda path, output: slicing.slice_capture(open_any(path), output, Choice(), force=True),
    "merge": lambda path, output: merge.merge_captures([open_any(path)] * 2, output, force=True),
    "anonymize": lambda path, output: anonymize(
        open_any(path), output, Rules(), secret_of(bytes(range(32))), force=True
    ),
    "export": lambda path, output: exporting.export_capture(ExportRequest(path, output, Form.LINES, force=True)),
    "unpack": lambda path, output: unpack(path, output, force=True),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_read_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "cache"))
    for module in (slicing, merge, exporting):  # all is refused before a compiled loop runs
        monkeypatch.setattr(module, "make_ready", lambda *_: None)
    path, link = tmp_path / "lab.rcapz", tmp_path / "link"
    pack(small(tmp_path / "lab.rcap"), path)
    link.symlink_to(path)
    unpacked = open_any(path).mapped_path
    before = path.read_bytes(), unpacked.read_bytes()
    for output in (path, link, unpacked)[: 2 if command == "unpack" else 3]:
        with pytest.raises(InputError, match="this is the file that is read"):
            COMMANDS[command](path, output)
    assert before == (path.read_bytes(), unpacked.read_bytes())
