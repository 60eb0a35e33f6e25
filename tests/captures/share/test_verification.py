"""A capture as a program verifies it: what is damaged, and whether it is the one that is meant."""

import pickle

import pytest

from captures.console.errors import CaptureError, DamagedError, InputError
from captures.format.reader import open_capture
from captures.share.verification import verify
from tests.precompute.profiles import build, built_in


@pytest.fixture
def capture(tmp_path):
    return build(tmp_path / "a.rcap", built_in("system"), events=100)


def test_a_sound_capture_differs_from_nothing(capture):
    seen = []
    found = verify(capture.path, expect=capture.digest, progress=lambda *read: seen.append(read))
    assert (found.sound, found.events, found.digest, found.difference) == (True, 100, capture.digest, "")
    assert seen == [(len(capture.payload), len(capture.payload))]
    assert found.figures() == {"digest": capture.digest, "sound": True, "damaged": [], "expected": capture.digest}


def test_another_capture_is_sound_and_not_the_one_that_is_meant(capture):
    found = verify(capture.path, expect="0" * 64)
    assert found.sound
    assert found.difference.endswith(f"sound, but another capture: its digest is {capture.digest}, not {'0' * 64}")


def test_what_is_damaged_is_told_alone_and_in_a_line(capture):
    with capture.path.open("r+b") as file:
        file.seek(capture.payload_offset)
        file.write(b"\xff")
    found = verify(capture.path)
    chunk = f"payload chunk 0 (bytes 0-{len(capture.payload) - 1} of the payload)"
    assert (found.sound, found.damaged, found.digest) == (False, (chunk,), capture.digest)
    assert found.difference == f"{capture.path}: damaged: {chunk}; copy or build the capture again"


def test_a_capture_that_can_not_be_opened_is_damaged_too(capture):
    capture.path.write_bytes(capture.path.read_bytes()[:-1])
    found = verify(capture.path)
    assert (found.sound, found.events, found.digest) == (False, 0, None)
    assert found.damaged[0].startswith("section payload ends at")
    with pytest.raises(DamagedError) as refusal:
        open_capture(capture.path)
    assert str(pickle.loads(pickle.dumps(refusal.value))) == str(refusal.value)  # noqa: S301 - our own error
    assert found.damaged == (refusal.value.damage,)


def test_what_can_not_be_verified_is_refused(capture, tmp_path):
    for more in ({"jobs": 0}, {"jobs": 1.5}, {"expect": "A" * 64}):
        with pytest.raises(InputError, match="^--"):
            verify(capture.path, **more)
    with pytest.raises(CaptureError, match="can't be opened"):
        verify(tmp_path / "none.rcap")
