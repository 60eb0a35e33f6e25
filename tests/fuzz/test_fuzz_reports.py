"""A short run of the fuzzer of reports, seeded anew each time."""

import random
import secrets

from tests.fuzz.fuzz_reports import damaged, fuzz_reports, sound_reports


def test_damaged_reports_end_in_one_line_or_a_ledger():
    assert fuzz_reports(2, secrets.randbits(32)) > 10


def test_reports_are_damaged_and_can_be_had_again():
    sent, _, _ = sound_reports()
    kinds = {str(damaged(sent, random.Random(seed))) for seed in range(50)}
    assert len(kinds) > 40
    assert damaged(sent, random.Random(1)) == damaged(sent, random.Random(1))
