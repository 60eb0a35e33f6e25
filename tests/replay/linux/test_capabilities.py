"""The rights of a process, as the kernel lists them."""

import subprocess
import sys

import pytest

from replay.linux import capabilities
from replay.linux.capabilities import Capability, effective_capabilities


@pytest.mark.parametrize(
    ("bits", "held"),
    [
        ("0000000000000000", set()),
        ("0000000000002000", {Capability.CAP_NET_RAW}),
        ("0000000000803000", {Capability.CAP_NET_ADMIN, Capability.CAP_NET_RAW, Capability.CAP_SYS_NICE}),
        ("000001ffffffffff", set(Capability)),
    ],
)
def test_bits_are_those_of_the_kernel(tmp_path, monkeypatch, bits, held):
    status = tmp_path / "status"
    status.write_text(f"Name:\tpython: 3\nCapPrm:\t000001ffffffffff\nCapEff:\t{bits}\nCapBnd:\t000001ffffffffff\n")
    monkeypatch.setattr(capabilities, "_STATUS", status)
    assert effective_capabilities() == held


def test_a_process_that_gave_its_rights_up_has_none():
    told = "from replay.linux.capabilities import effective_capabilities as held; print(sorted(held()))"
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run([*bare, sys.executable, "-c", told], capture_output=True, text=True, check=False)
    if "setpriv" in done.stderr:
        pytest.skip("needs root to give rights up")
    assert done.stdout == "[]\n", done.stderr
