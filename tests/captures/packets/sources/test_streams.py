"""Packed bytes are unpacked as they were, in any pieces; cut or damaged ones up to there, with a clear error."""

import gzip
import hashlib
import lzma
import os
import subprocess
import sys

import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import Input
from tests.captures.packets import plain

PACKERS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lambda text: lz4.frame.compress(text, content_checksum=True),
    "xz": lzma.compress,
}
WORDS = st.sampled_from([b"one line\n", b"another one, and longer\n", b"\0\xff\x1f\x8b", b"x" * 300])
TEXTS = st.lists(WORDS, max_size=30).map(b"".join)


def read(content: bytes, room_bytes: int = 1 << 16) -> tuple[bytes, BrokenInput | None]:
    with plain.stored(content) as source:
        return read_input(source, room_bytes)


def read_input(source: Input, room_bytes: int = 1 << 16) -> tuple[bytes, BrokenInput | None]:
    text, room = b"", memoryview(bytearray(room_bytes))
    try:
        with source.opened() as stream:
            while count := stream.read_into(room):
                text += room[:count]
    except BrokenInput as error:
        return text, error
    return text, None


@given(
    name=st.sampled_from(sorted(PACKERS)),
    texts=st.lists(TEXTS, min_size=1, max_size=4),
    room=st.sampled_from([1, 7, 4096]),
)
def test_parts_that_follow_each_other_are_one_text(name: str, texts: list[bytes], room: int) -> None:
    assert read(b"".join(map(PACKERS[name], texts)), room) == (b"".join(texts), None)


@given(
    content=st.binary(max_size=300).filter(
        lambda content: content[:1] not in (b"\x1f", b"\x28", b"\x04", b"\xfd", b"P")
    )
)
def test_what_is_not_packed_is_read_as_it_is(content: bytes) -> None:
    assert read(content, 7) == (content, None)


LONG = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(1250)) + b"a line that is there many times\n" * 50_000


@pytest.mark.parametrize("name", PACKERS)
def test_a_long_text_is_unpacked_whole(name):
    assert read(PACKERS[name](LONG) + PACKERS[name](LONG), 10_000) == (LONG + LONG, None)


@settings(max_examples=60)
@given(name=st.sampled_from(sorted(PACKERS)), cut=st.floats(0, 1, exclude_max=True))
def test_one_that_was_cut_gives_all_before_and_says_so(name: str, cut: float) -> None:
    first, second = (PACKERS[name](text) for text in (b"the first part\n" * 9, b"the second part\n" * 99))
    content = (first + second)[: 8 + int(cut * (len(first + second) - 8))]

    text, broken = read(content)

    assert (b"the first part\n" * 9 + b"the second part\n" * 99).startswith(text)
    if len(content) >= len(first):
        assert text.startswith(b"the first part\n" * 9)
    assert (broken is None) == (len(content) == len(first))
    assert broken is None or "its end is missing" in broken.why


@pytest.mark.parametrize("name", PACKERS)
def test_only_what_stands_shortly_before_damage_is_lost(name):
    packed = bytearray(PACKERS[name](LONG))
    packed[38_000] ^= 0x55

    text, broken = read(bytes(packed) + PACKERS[name](b"behind"))

    assert broken is not None
    if name == "gzip":  # random bytes are stored as they are
        assert LONG[:37_000] == text[:37_000]
    if name == "xz":
        assert LONG.startswith(text)
    assert b"behind" not in text


def test_gzip_of_which_only_the_checksum_is_wrong_gives_all_its_text():
    packed = bytearray(gzip.compress(b"line\n" * 100_000))
    packed[-8] ^= 1

    text, broken = read(bytes(packed))

    assert text == b"line\n" * 100_000
    assert broken is not None
    assert "incorrect data check" in broken.why


@settings(max_examples=200)
@given(
    name=st.sampled_from(sorted(PACKERS)),
    text=TEXTS,
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damage_never_ends_in_anything_but_text_or_one_error(
    name: str, text: bytes, changes: list[tuple[int, int]]
) -> None:
    packed = bytearray(PACKERS[name](text))
    for place, value in changes:
        packed[place % len(packed)] = value

    read(bytes(packed))


@pytest.mark.parametrize("name", PACKERS)
def test_something_else_behind_is_said(name):
    text, broken = read(PACKERS[name](b"text") + b"something else that is not packed")

    assert text == b"text"
    assert broken is not None
    assert broken.why == "something else follows the end of what is packed"
    assert "of the " in broken.where


@pytest.mark.parametrize("name", ["gzip", "xz"])
def test_padding_between_parts_is_passed_over(name):
    pack = PACKERS[name]

    assert read(pack(b"one") + bytes(8) + pack(b"two") + bytes(70_000)) == (b"onetwo", None)


def test_a_skippable_frame_may_come_first():
    assert read(b"\x50\x2a\x4d\x18\4\0\0\0size" + zstandard.compress(b"text")) == (b"text", None)


@pytest.mark.parametrize("name", PACKERS)
def test_one_that_unpacks_to_very_much_takes_little_memory(name):
    bomb = PACKERS[name](bytes(64 << 20)) * 8
    program = (
        "import sys, resource\n"
        "from captures.packets.sources.inputs import find_inputs\n"
        "room, total = memoryview(bytearray(1 << 20)), 0\n"
        "with find_inputs(['-']).each[0].opened() as stream:\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    while count := stream.read_into(room):\n"
        "        total += count\n"
        "print(total, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], input=bomb, capture_output=True, check=True)

    total, more_kb = map(int, done.stdout.split())
    assert total == 8 * (64 << 20)
    assert more_kb < 200 << 10


def test_a_pipe_that_does_not_block_is_waited_for():
    inside, outside = os.pipe2(os.O_NONBLOCK)
    writer = subprocess.Popen(
        [sys.executable, "-c", f"import os,time; time.sleep(0.3); os.write({outside}, b'late')"], pass_fds=[outside]
    )
    os.close(outside)

    text, broken = read_input(Input(f"/proc/self/fd/{inside}", True, None))

    assert (text, broken) == (b"late", None)
    assert writer.wait() == 0
    os.close(inside)


def test_what_the_disk_does_not_give_is_broken():
    with pytest.raises(BrokenInput, match="byte 0: Is a directory"), Input("/", True, 0).opened():
        pass
