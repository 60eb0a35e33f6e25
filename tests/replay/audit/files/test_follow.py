"""Files that are followed: what grows, rotates, is truncated or comes later is counted once and whole."""

import bz2
import gzip
import os
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from captures.format.tags import tag_text
from replay.audit.files import follow as module
from replay.audit.files.follow import FollowedFiles, Follower
from replay.audit.files.reading import Collection, DamagedFile
from replay.audit.seen import Seen
from replay.audit.tag_counts import TagCounts
from tests.replay.audit.texts import suffixed

RUN = 0x1F3A9C07


def lines(*numbers: int) -> bytes:
    return b"".join(suffixed(tag_text(RUN, 514, number)) + b"\n" for number in numbers)


def write(path: Path, text: bytes, mode: str = "ab") -> None:
    with path.open(mode) as file:
        file.write(text)


def followed(
    monkeypatch: pytest.MonkeyPatch, paths: Iterable[Path], *steps: Callable[[], object], settle_looks: int = 3
) -> tuple[Collection, FollowedFiles]:
    """What was counted where a step is done before each look; the clock goes from look to look."""
    now, left = [0], list(steps)

    def sleep(wait_ns: int) -> None:
        now[0] += wait_ns
        if left:
            left.pop(0)()

    monkeypatch.setattr(module, "sleep_ns", sleep)
    monkeypatch.setattr(module, "monotonic_ns", lambda: now[0])
    with Seen() as seen:
        found = Collection(TagCounts(seen, RUN))
        told = Follower(list(paths), found, bool, lambda: False).follow(settle_looks * module.LOOK_NS)
        assert not left
        found.lanes = found.tally.lanes(RUN)  # type: ignore[attr-defined]
    return found, told


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def counted(found: Collection) -> tuple[int, int]:
    """Events of the port, and those that came twice."""
    (lane,) = found.lanes  # type: ignore[attr-defined]
    return lane.received_events, lane.duplicated_events


def test_what_grows_is_read_on_in_pieces_of_any_length(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, content = tmp_path / "a.log", lines(*range(50))
    path.write_bytes(b"")
    cuts = [0, 1, 3, 7, 50, 51, 300, 1000, len(content) - 1, len(content)]
    steps = [lambda a=a, b=b: write(path, content[a:b]) for a, b in pairwise(cuts)]
    found, told = followed(monkeypatch, [path], *steps, settle_looks=9)
    assert counted(found) == (50, 0)
    assert (found.lines.lines, found.lines.unfinished, found.lines.bytes) == (50, 0, len(content))
    assert told == FollowedFiles(1.8, settled=True, rotations=0, truncations=0)


def test_it_ends_when_no_event_comes_however_much_others_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(0))
    theirs = suffixed(tag_text(5, 514, 0)) + b"\n"
    steps = [lambda: write(path, b"of others\n" + theirs)] * 4
    found, told = followed(monkeypatch, [path], *steps, settle_looks=4)
    assert told.settled
    assert counted(found) == (1, 0)
    assert found.lines.lines == 9


def test_a_rotated_file_is_read_on_beside_the_new_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, old = tmp_path / "a.log", tmp_path / "a.log.1"
    path.write_bytes(lines(0, 1)[:-20])

    def rotate() -> None:
        path.rename(old)
        path.write_bytes(lines(5))

    steps = [rotate, lambda: write(old, lines(0, 1)[-20:] + lines(2)), lambda: write(path, lines(6))]
    found, told = followed(monkeypatch, [path, old], *steps)
    assert counted(found) == (5, 0)
    assert (told.rotations, told.truncations) == (1, 0)
    assert found.lines.unfinished == 0


def test_of_many_rotations_the_oldest_are_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(0))

    def rotate(number: int) -> None:
        path.rename(tmp_path / f"a.log.{number}")
        path.write_bytes(lines(number))

    before = descriptors()
    most = []
    steps = [lambda number=number: (rotate(number), most.append(descriptors())) for number in range(1, 40)]
    found, told = followed(monkeypatch, [path], *steps)
    assert counted(found) == (40, 0)
    assert told.rotations == 39
    assert max(most) <= before + module.MOST_KEPT + 4  # and what counts the numbers
    assert descriptors() == before


def test_a_file_that_is_truncated_is_read_from_its_beginning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As logrotate's copytruncate does; the second time it is longer again at the next look."""
    path = tmp_path / "a.log"
    path.write_bytes(lines(0, 1, 2))
    steps = [lambda: write(path, lines(3), "wb"), lambda: write(path, lines(4, 5, 6, 7), "wb")]
    found, told = followed(monkeypatch, [path], *steps)
    assert counted(found) == (8, 0)
    assert (told.rotations, told.truncations) == (0, 2)


def test_a_file_that_comes_later_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path, late = tmp_path / "a.log", tmp_path / "late.log"
    path.write_bytes(lines(0))
    found, _ = followed(monkeypatch, [late, path], bool, lambda: write(late, lines(1)))
    assert counted(found) == (2, 0)


def refused(found: Collection) -> list[tuple[str, str]]:
    """Names and complaints of what could not be read."""
    return [(Path(each.file).name, each.complaint) for each in found.damaged if each.unreadable]


def test_a_file_that_never_comes_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(0))
    found, _ = followed(monkeypatch, [tmp_path / "never.log", tmp_path / "a.log"])
    assert counted(found) == (1, 0)
    assert refused(found) == [("never.log", "no such file, and none came")]


@pytest.mark.parametrize(
    ("put", "complaint"),
    [
        (os.mkfifo, "only a regular file can be followed; leave out --follow"),
        (Path.mkdir, "only a regular file can be followed; leave out --follow"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.write_bytes("text".encode("utf-16")), "this is UTF-16"),
        (lambda path: path.write_bytes(bz2.compress(b"text")), "this is bzip2"),
        (lambda path: path.write_bytes(gzip.compress(bytes(30 << 20)) * 9), "unpacks to more than 500 times"),
    ],
)
def test_what_can_t_be_read_after_rotation_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, put: Callable[[Path], object], complaint: str
) -> None:
    path, other = tmp_path / "a.log", tmp_path / "b.log"
    path.write_bytes(lines(0))
    other.write_bytes(lines(1))
    before = descriptors()

    def rotate() -> None:
        path.rename(tmp_path / "a.log.1")
        put(path)

    found, _ = followed(monkeypatch, [path, other], rotate, bool, lambda: write(other, lines(2)), bool)
    assert counted(found) == (3, 0)
    ((name, said),) = refused(found)
    assert name == "a.log"
    assert said.startswith(complaint)
    assert descriptors() == before


def test_what_could_not_be_read_for_a_moment_is_read_after_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "a.log"

    def mend() -> None:
        path.rmdir()
        path.write_bytes(lines(0))

    found, _ = followed(monkeypatch, [path], path.mkdir, mend)
    assert counted(found) == (1, 0)
    assert found.damaged == []


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_packed_file_grows_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path, packed = tmp_path / "a.packed", pack(lines(*range(3000))) + pack(lines(3000))
    path.write_bytes(packed[:2])
    cuts = [2, 5, len(packed) // 2, len(packed) - 3]
    steps = [lambda a=a, b=b: write(path, packed[a:b]) for a, b in pairwise(cuts)]
    found, _ = followed(monkeypatch, [path], *steps)
    assert counted(found)[0] >= 3000
    assert found.damaged == [
        DamagedFile(str(path), "its end is missing: it was cut, or is still being written", unreadable=False)
    ]
    found, _ = followed(monkeypatch, [path], lambda: write(path, packed[-3:]))
    assert counted(found) == (3001, 0)
    assert found.damaged == []


def test_a_file_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not again from its beginning at each look."""
    path, read = tmp_path / "a.log", []
    path.write_bytes(lines(*range(100)))
    now = [0]
    monkeypatch.setattr(module, "sleep_ns", lambda wait_ns: now.__setitem__(0, now[0] + wait_ns))
    monkeypatch.setattr(module, "monotonic_ns", lambda: now[0])
    with Seen() as seen:
        Follower([path], Collection(TagCounts(seen)), read.append, lambda: False).follow(10 * module.LOOK_NS)
    assert sum(read) == path.stat().st_size
