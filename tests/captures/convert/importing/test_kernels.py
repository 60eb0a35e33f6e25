"""What an import needs of compiled code is there before it begins, whatever it reads."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

RUN = """
import gc, sys
from pathlib import Path
from numba.core.dispatcher import Dispatcher
from captures.convert import import_capture
from captures.convert.import_request import ImportRequest, TextForm, TextRequest
from captures.convert.importing.kernels import make_import_ready
from captures.text.wrapping import rfc3164_header, rfc5424_header
from tests.captures.recorded import incident

TEXTS = {
    TextForm.LINES: "2025-08-30T10:15:30Z h app: x\\nnone\\n",
    TextForm.JSON: '{"m": "2025-08-30T10:15:30Z h app: x"}\\n',
    TextForm.JOURNAL: "__REALTIME_TIMESTAMP=1756548930000000\\nMESSAGE=x\\n\\n",
}

def compiled():
    made = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]
    return {(each.py_func.__module__, each.py_func.__name__, str(each.signatures)) for each in made if each.signatures}

folder, of_text = Path(sys.argv[1]), sys.argv[2] == "text"
make_import_ready(of_text=of_text)
before = compiled()
if of_text:
    for form, text in TEXTS.items():
        (folder / form).write_text(text * 3)
        for header in (None, rfc3164_header(13, "h", "a"), rfc5424_header(13, "h", "a")):
            asked = TextRequest(form, "m", header, modern=header is not None)
            request = ImportRequest((str(folder / form),), folder / "a.rcap", True, text=asked, regroup_ns=10**9)
            import_capture.import_capture(request)
else:
    import_capture.import_capture(ImportRequest((str(incident(folder / "a.pcap")),), folder / "a.rcap"))
print(len(before), *sorted(compiled() - before))
"""


@pytest.mark.parametrize("what", ["text", "packets"])
def test_an_import_compiles_nothing_more(tmp_path: Path, what: str) -> None:
    root = Path(__file__).parents[4]
    line = [sys.executable, "-c", RUN, str(tmp_path), what]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    found = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300, check=True)
    before, *more = found.stdout.split(maxsplit=1)
    assert more == []
    assert (int(before) > 0) is not bool(numba.config.DISABLE_JIT)
