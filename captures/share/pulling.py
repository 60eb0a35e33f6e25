"""How does a capture come from a store? Block by block into a part of the file, which gets its name when all is proven.

    pull("https://lab.example/tuesday/lab.rcap.json", Path("lab.rcap"))

The part itself says what is there: blocks whose bytes have the digest that the manifest says. So a pull goes on where
the one before ended, however that one ended. Nothing from the store is believed: a block is at most as large as the
manifest says, unpacked it is as large as that and has its digest, and in the end the capture must have the manifest's
digest and say what the manifest says. The store's names become no names here.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captures.console.errors import CaptureError, InputError, RunError
from captures.files.output_file import write_all
from captures.files.part_file import PartFile
from captures.files.room import filling, require_room
from captures.format.digests import digest_range
from captures.share.at_once import in_turn
from captures.share.blocks import MOST_PACKED_BYTES, Block, WrongBlockError, plain_block, prove
from captures.share.manifest import MANIFEST_ENDING, MOST_MANIFEST_BYTES, Manifest, differences, read_manifest
from captures.share.pushing import CONNECTIONS, Progress
from captures.share.store import Store, block_name

_READ_BYTES: Final = 1 << 20
_WRONG_TRIES: Final = 3
"""So often a block is fetched that is another one than its name says: a proxy on the way may have broken it."""


@dataclass(frozen=True)
class Pulled:
    """What a pull did."""

    manifest: Manifest
    moved_blocks: int
    moved_bytes: int
    """As they came: packed."""
    kept_blocks: int
    """Blocks that were there from a pull before."""


def fetch_manifest(url: str) -> tuple[Store, Manifest]:
    """The store and the manifest of a URL that `push` told.

    Raises InputError where there is none, PreflightError where a library is missing, and RunError.
    """
    folder, slash, name = url.rpartition("/")
    if not name.endswith(MANIFEST_ENDING):
        raise InputError(f"{url}: name the manifest of a capture, as push tells it: it ends in .rcap{MANIFEST_ENDING}")
    store = Store(folder or (slash or "."))
    try:
        data = store.get(name, MOST_MANIFEST_BYTES)
    except FileNotFoundError:
        raise InputError(f"{store.where(name)}: there is no such manifest") from None
    return store, read_manifest(data, store.where(name))


def read_here(store: Store, url: str, manifest: Manifest) -> Iterator[Path]:
    """The files of this machine that a pull of `url` may read, which it must not replace: its manifest and blocks."""
    for name in (url.rpartition("/")[2], *(block_name(block.digest) for block in manifest.pieces)):
        if path := store.path(name):
            yield path


def pull(
    url: str,
    output: Path,
    *,
    connections: int = CONNECTIONS,
    force: bool = False,
    progress: Progress = lambda *_: None,
) -> Pulled:
    """Fetch the capture whose manifest is at `url` into the file `output`, by so many connections at once.

    Raises InputError for a URL, an output or a manifest that can't be used, PreflightError where the disk has too
    little room or a library is missing, and RunError where a transfer fails or the disk fills up; in that case the part
    stays, and the next pull goes on from there.
    """
    store, manifest = fetch_manifest(url)
    pieces, inputs = manifest.pieces, read_here(store, url, manifest)
    advice = "what has come stays; make room, and pull again"
    with PartFile(output, force=force, inputs=inputs) as part, filling(part.part, advice):
        missing = _missing(part.fd, pieces, progress, manifest.size)
        require_room(output, sum(block.size for block in missing))
        moved_bytes, sha256 = _fetch(store, part.fd, missing, connections, progress, manifest.size)
        try:
            capture = prove(output, part.fd, manifest.digest, pieces)
        except CaptureError as error:
            part.discard()
            raise InputError(f"{url}: this manifest lies: {error}") from None
        if wrong := differences(manifest, capture, sha256):
            part.discard()
            raise InputError(
                f"{url}: this manifest lies: it says something else than the capture of {', '.join(wrong)}"
            )
        part.finish()
    return Pulled(manifest, len(missing), moved_bytes, len(pieces) - len(missing))


def _missing(fd: int, pieces: Sequence[Block], progress: Progress, size: int) -> list[Block]:
    """The blocks that the part does not hold; it is read for this. What is behind the last block is cut off."""
    there_bytes = os.fstat(fd).st_size
    if there_bytes > size:
        os.ftruncate(fd, size)

    def is_there(block: Block) -> bool:
        return digest_range(fd, block.offset, block.size) == block.digest

    whole = [block for block in pieces if block.offset + block.size <= there_bytes]
    looked_at = [block for block in whole if _has_data(fd, block)]
    there = set()
    for block, found in zip(looked_at, in_turn(len(os.sched_getaffinity(0)), is_there, looked_at), strict=True):
        if found:
            there.add(block.offset)
            progress(block.size, size)
    return [block for block in pieces if block.offset not in there]


def _has_data(fd: int, block: Block) -> bool:
    """Whether anything was written where a block stands (lseek(2), SEEK_DATA)."""
    try:
        return os.lseek(fd, block.offset, os.SEEK_DATA) < block.offset + block.size
    except OSError as error:
        if error.errno == errno.ENXIO:  # there is nothing but a hole up to the end
            return False
        raise


def _fetch(
    store: Store, fd: int, missing: Sequence[Block], connections: int, progress: Progress, size: int
) -> tuple[int, str]:
    """Fetch blocks into the part; returns the bytes that came, and the SHA-256 of the whole file.

    Raises RunError, and InputError for a wrong block.
    """
    sha256, hashed_bytes, moved_bytes = hashlib.sha256(), 0, 0

    def fetch(block: Block) -> tuple[Block, int]:
        data, packed_bytes = _right_block(store, block)
        write_all(fd, data, block.offset)
        return block, packed_bytes

    def hash_up_to(end: int) -> None:
        nonlocal hashed_bytes
        while hashed_bytes < end:
            data = os.pread(fd, min(_READ_BYTES, end - hashed_bytes), hashed_bytes)
            if not data:
                raise RunError("the part was cut while it was written; start again")
            sha256.update(data)
            hashed_bytes += len(data)

    for block, packed_bytes in in_turn(connections, fetch, missing, store.stop):
        moved_bytes += packed_bytes
        hash_up_to(block.offset + block.size)  # all that is before it is there as well, since they come in order
        progress(block.size, size)
    hash_up_to(size)
    return moved_bytes, sha256.hexdigest()


def _right_block(store: Store, block: Block) -> tuple[bytes, int]:
    """The plain bytes of a block, and how many came. Raises InputError where the store has another one, RunError."""
    name = block_name(block.digest)
    for tries_left in reversed(range(_WRONG_TRIES)):
        try:
            packed = store.get(name, MOST_PACKED_BYTES)
            return plain_block(packed, block.size, block.digest), len(packed)
        except FileNotFoundError:
            raise InputError(
                f"{store.where(name)}: this block of the capture is missing; have it pushed again"
            ) from None
        except WrongBlockError as error:
            if not tries_left:
                raise InputError(
                    f"{store.where(name)}: is not the block it is named after: {error}; "
                    "have it pushed again, with --force"
                ) from None
    raise AssertionError("the last try returns or raises")
