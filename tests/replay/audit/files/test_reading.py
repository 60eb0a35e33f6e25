"""Files are read by kernels that were made ready before."""

import subprocess
import sys

import numba
import pytest

from captures.format.tags import tag_text
from tests.replay.audit.texts import suffixed

SIGNATURES = """
import sys
from pathlib import Path
from replay.audit import find, line_lengths, seen, tag_counts
from replay.audit.files.reading import Collection, prepare, read_files

def compiled():
    return {
        name: len(each.signatures)
        for module in (find, line_lengths, seen, tag_counts)
        for name, each in vars(module).items()
        if hasattr(each, "signatures")
    }

prepare()
ready = compiled()
with seen.Seen() as numbers:
    found = Collection(tag_counts.TagCounts(numbers))
    read_files([Path(sys.argv[1])], found, lambda _: None, lambda: False)
assert (found.lines.lines, found.lines.tagged, found.lines.cut_in_tag) == (6, 3, 2), vars(found.lines)
assert ready == compiled(), (ready, compiled())
assert len(ready) > 5
"""


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")
def test_nothing_is_compiled_when_a_file_is_read(tmp_path):
    lines = [suffixed(tag_text(1, 514, number)) for number in (0, 2, 1)]
    path = tmp_path / "lines"
    path.write_bytes(b"\n".join([*lines, lines[0][:-3], b"stampede=", b"x"]))
    subprocess.run([sys.executable, "-c", SIGNATURES, str(path)], check=True)
