"""What `python3 -m tools.aside` prints of a package that is unpacked already."""

import subprocess
from pathlib import Path

from tools.aside import SYSLOG_NG, shell_lines


def test_a_shell_can_take_the_environment(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    (folder / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    script = f'{shell_lines(SYSLOG_NG, folder)}\necho "$SYSLOGNG_PREFIX"; env | grep ^LD_LIBRARY_PATH='
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    libraries = f"{folder}/usr/lib/syslog-ng:{folder}/usr/lib/x86_64-linux-gnu"
    assert done.stdout.splitlines() == [f"{folder}/usr", f"LD_LIBRARY_PATH={libraries}"]


def test_of_another_package_the_folder_is_told(tmp_path: Path) -> None:
    assert shell_lines("rsyslog", tmp_path) == f"# {tmp_path}"
