"""How is a capture packed, and a packed one made a capture again? Block by block, by all cores.

    pack(Path("system.rcap"), Path("system.rcapz"), jobs=8)
    unpack(Path("system.rcapz"), Path("again.rcap"), jobs=8)

A capture is packed only if every byte of it is what its digests say, and what is unpacked gets its name only when it is
proven to be the same capture.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from captures.console.errors import InputError
from captures.files.output_file import OutputFile, write_all
from captures.files.room import filling, require_room
from captures.format.capture import Capture
from captures.format.digests import damaged_sections
from captures.format.reader import open_capture
from captures.share.at_once import in_turn
from captures.share.blocks import Block, cut, damaged, damaged_blocks, packed_block, prove, read_block
from captures.share.packed_file import PackedCapture, head_of, index_of, is_packed, open_packed

LEVEL: Final = 3
"""How much zstd tries if nobody says: its own default."""
MOST_LEVEL: Final = 19

Progress = Callable[[int, int], object]
"""Is told the plain bytes that were worked on since its last call, and those of the whole capture."""


@dataclass(frozen=True)
class Packed:
    """What became of a capture and its packed twin."""

    digest: str
    plain_bytes: int
    packed_bytes: int

    def figures(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"schema": 1, **asdict(self)}


def pack(
    path: Path,
    output: Path,
    *,
    jobs: int = 1,
    level: int = LEVEL,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> Packed:
    """Pack the capture at `path` into `output`, by `jobs` threads, as densely as a `level` of 1 to 19 does.

    Raises CaptureError for a file that is no sound capture, InputError for one that is packed and for an output that
    may not be there, and RunError where the disk is full or the capture was changed meanwhile.
    """
    if is_packed(path):
        raise InputError(f"{path}: is packed already; unpack it first, if it is to be packed in another way")
    capture = open_capture(path)
    pieces = cut(capture)
    plain_bytes = sum(size for _, size in pieces)

    def packed(piece: tuple[int, int]) -> tuple[Block, bytes]:
        data = read_block(capture, *piece)
        return Block(*piece, blake3(data).digest()), packed_block(data, level)

    with OutputFile(output, force=force, inputs=[path]) as file, filling(output):
        head, blocks, sizes = head_of(capture.digest), list[Block](), list[int]()
        write_all(file.fd, head)
        place = len(head)
        for block, data in in_turn(jobs, packed, pieces):
            write_all(file.fd, data, place)
            place += len(data)
            blocks.append(block)
            sizes.append(len(data))
            progress(block.size, plain_bytes)
        capture.source.check()
        if wrong := damaged_blocks(capture, blocks) + damaged_sections(capture):
            raise damaged(path, "; ".join(wrong))
        index = index_of(head, sizes, blocks)
        write_all(file.fd, index, place)
        file.finish()
    return Packed(capture.digest, plain_bytes, place + len(index))


def unpack(
    path: Path, output: Path, *, jobs: int = 1, force: bool = False, progress: Progress = lambda *_: None
) -> Packed:
    """Unpack the packed capture at `path` into `output`, by `jobs` threads; the bytes are those that were packed.

    Raises CaptureError for a file that is no sound packed capture, InputError for an output that may not be there,
    PreflightError where the disk has too little room, and RunError where it fills up.
    """
    packed = open_packed(path)
    with OutputFile(output, force=force, inputs=[path]) as file, filling(output):
        require_room(output, packed.plain_bytes)
        unpack_into(file.fd, packed, jobs, progress)
        file.finish()
    return Packed(packed.digest, packed.plain_bytes, packed.packed_bytes)


def unpack_into(fd: int, packed: PackedCapture, jobs: int, progress: Progress) -> Capture:
    """Write the capture into the empty file `fd`, and prove that it is the one that was packed. Raises DamagedError."""

    def write(number: int) -> int:
        data = packed.block(number)
        write_all(fd, data, packed.blocks[number].offset)
        return len(data)

    for size in in_turn(jobs, write, range(len(packed.blocks))):
        progress(size, packed.plain_bytes)
    return prove(packed.path, fd, packed.digest, packed.blocks)
