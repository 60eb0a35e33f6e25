"""scapy leaves the user's home alone, and its environment as it was."""

import os
import subprocess
import sys
from pathlib import Path

LOADING = """
import os
before = dict(os.environ)
from replay.path.scapy_layers import IP
assert os.environ == before
print(IP(src="198.18.0.1").src)
"""


def test_nothing_is_read_or_made_in_the_users_home(tmp_path: Path) -> None:
    """A cache that can't be unpickled would be removed, and one that is absent would be made."""
    folders = {name: tmp_path / name.lower() for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    cached = folders["XDG_CACHE_HOME"] / "scapy" / "ethertypes.pickle"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"no pickle")
    done = subprocess.run(
        [sys.executable, "-c", LOADING],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"HOME": str(tmp_path), "XDG_DATA_HOME": ""} | {name: str(at) for name, at in folders.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("198.18.0.1\n", "")
    assert cached.read_bytes() == b"no pickle"
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == [cached]
