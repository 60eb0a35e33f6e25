"""How does a capture get to a store? Its blocks that are not there yet, and then its manifest.

    push(Path("lab.rcap"), "s3://captures/tuesday", licence="internal", contact="siem@example.org")

A push that ends early leaves whole blocks, and no manifest. The next one finds them and goes on.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from captures.console.errors import InputError
from captures.format.capture import Capture
from captures.format.digests import damaged_sections
from captures.share.at_once import in_turn
from captures.share.blocks import Block, cut, damaged, damaged_blocks, packed_block, read_block
from captures.share.cache import open_any
from captures.share.manifest import (
    MANIFEST_ENDING,
    MOST_MANIFEST_BYTES,
    Manifest,
    check_given,
    manifest_of,
    read_manifest,
)
from captures.share.store import Store, block_name

CONNECTIONS: Final = 8
"""So many blocks move at once if nobody says: enough to fill a long link, in some 300 MiB of memory."""
MOST_CONNECTIONS: Final = 64

Progress = Callable[[int, int], object]
"""Is told the plain bytes that were dealt with since its last call, and those of the whole capture."""


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    manifest: str
    """The URL of the manifest, without a password."""
    digest: str
    blocks: int
    moved_blocks: int
    moved_bytes: int
    """As they were sent: packed."""

    def figures(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"schema": 1, **asdict(self)}


@dataclass(frozen=True)
class PushRequest:
    """What a user can ask of a push."""

    capture: Path
    url: str
    """The folder for the blocks and the manifest."""
    licence: str | None = None
    contact: str | None = None
    connections: int = CONNECTIONS
    level: int = 3
    """How much zstd tries, 1 to 19."""
    force: bool = False
    """Send all blocks, also those that are there, and replace the manifest of another capture of this name."""
    name: str | None = None
    """What it is called in the store; None: as its file."""


def push(request: PushRequest, progress: Progress = lambda *_: None) -> Pushed:
    """Bring a capture, packed or not, to a store.

    Raises CaptureError for a capture that is not sound, InputError for a name that can't be one and where another
    one has it there, PreflightError where a library is missing, and RunError where a transfer fails.
    """
    store = Store(request.url)
    name = f"{(request.name or request.capture.name).removesuffix('.rcapz').removesuffix('.rcap')}.rcap"
    check_given(name, request.licence, request.contact)
    capture = open_any(request.capture)
    _check_name(store, name, capture.digest, force=request.force)
    pieces = cut(capture)
    total = sum(size for _, size in pieces)
    own = {offset: bytes(digest) for offset, digest in _own_digests(capture)}

    def carry(piece: tuple[int, int]) -> tuple[Block, int]:
        data = read_block(capture, *piece)
        block = Block(*piece, blake3(data).digest())
        if own.get(block.offset, block.digest) != block.digest:
            return block, 0  # it is damaged, and nobody needs it
        if not request.force and store.has(block_name(block.digest)):
            return block, 0
        packed = packed_block(data, request.level)
        store.put(block_name(block.digest), packed)
        return block, len(packed)

    blocks, moved, sha256 = list[Block](), list[int](), hashlib.sha256()
    for block, moved_bytes in in_turn(request.connections, carry, pieces, store.stop):
        sha256.update(read_block(capture, block.offset, block.size))
        blocks.append(block)
        moved.append(moved_bytes)
        progress(block.size, total)
    capture.source.check()
    if wrong := damaged_blocks(capture, blocks) + damaged_sections(capture):
        raise damaged(request.capture, "; ".join(wrong))
    written = manifest_of(
        capture, blocks, name=name, sha256=sha256.hexdigest(), licence=request.licence, contact=request.contact
    )
    _put_manifest(store, written, capture.files)
    where = store.where(name + MANIFEST_ENDING)
    return Pushed(where, capture.digest, len(blocks), sum(map(bool, moved)), sum(moved))


def _own_digests(capture: Capture) -> list[tuple[int, bytes]]:
    """Where each block of the payload begins in the file, and the digest that the capture says it has."""
    offsets = [offset for offset, _ in cut(capture) if offset >= capture.payload_offset]
    return list(zip(offsets, (bytes(digest) for digest in capture.digests), strict=False))


def _check_name(store: Store, name: str, digest: str, *, force: bool) -> None:
    """Refuse to put a capture in the place of another one. Raises InputError."""
    try:
        there = read_manifest(store.get(name + MANIFEST_ENDING, MOST_MANIFEST_BYTES), store.where(name))
    except FileNotFoundError:
        return
    except InputError:
        if force:
            return
        raise
    if there.digest != digest and not force:
        raise InputError(
            f"{store.where(name)}: another capture has this name there; give another --name, or --force to replace it"
        )


def _put_manifest(store: Store, manifest: Manifest, inputs: Iterable[Path]) -> None:
    """Write the list for sha256sum(1) and then the manifest, by which the capture is there.

    Neither takes the place of one of `inputs`, the files that were read.
    """
    data = manifest.as_json()
    sums = f"{manifest.sha256}  {manifest.name}\n{hashlib.sha256(data).hexdigest()}  {manifest.name}{MANIFEST_ENDING}\n"
    store.put(f"{manifest.name}.sha256", sums.encode(), inputs)
    store.put(manifest.name + MANIFEST_ENDING, data, inputs)
