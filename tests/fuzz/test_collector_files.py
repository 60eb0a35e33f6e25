"""Some seconds of random collector files, others each time; a failure names its seed."""

import secrets

from tests.fuzz.fuzz_collector_files import fuzz_collector_files


def test_random_collector_files_are_audited_as_plainly() -> None:
    assert fuzz_collector_files(2, secrets.randbits(32)) > 0
