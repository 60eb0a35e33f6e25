"""A moment of hostile answers and requests, others each time."""

import secrets

from tests.fuzz.fuzz_answers import fuzz_answers


def test_nothing_that_a_peer_says_ends_a_run_or_a_sink():
    seed = secrets.randbits(32)
    try:
        assert fuzz_answers(2, seed) > 0
    except BaseException as error:
        error.add_note(f"again by fuzz_answers(60, seed={seed})")
        raise
