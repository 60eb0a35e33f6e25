"""What stands beside the blocks of a carried capture: a manifest, and a list for sha256sum(1).

The manifest says what the capture is, before any of it is fetched, and of which blocks it is made. Nothing of it is
believed: whoever fetches compares every block with its digest, and in the end all that the manifest says with what the
capture says itself.
"""

import json
from typing import Annotated, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from captures import __version__
from captures.console.errors import InputError
from captures.console.harmless import harmless
from captures.console.units import counted
from captures.format.capture import Capture
from captures.format.layout import DIGEST_BLOCK_BYTES, PAGE_BYTES, StampKind
from captures.share.blocks import MOST_BLOCKS, Block

SCHEMA: Final = 1
"""The version of what the fields say; it grows when one goes or changes its meaning."""
MOST_MANIFEST_BYTES: Final = 256 << 20
MANIFEST_ENDING: Final = ".json"

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+@=-]{0,199}$")]
Text = Annotated[str, StringConstraints(max_length=2000)]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Stamps(_Model):
    """How many events have their first stamp in one form."""

    kind: Annotated[str, StringConstraints(max_length=64)]
    events: Count


class Facts(_Model):
    """What a capture says of itself."""

    version: Count
    """Of its format."""
    events: Count
    trains: Count
    payload_bytes: Count
    shortest: Count
    longest: Count
    sources: Count
    mix: list[Count] = Field(max_length=1 << 16)
    """Events of each template of its recipe; empty if it was not rendered from one."""
    stamps: list[Stamps] = Field(max_length=256)
    tagged: bool
    start_ns: Count
    """Its first instant, since 1970 UTC."""
    duration_ns: Count
    """The length of its time axis; 0: it has none."""
    windows: Count
    """Of its time axis."""


class ManifestBlock(_Model):
    """A block of the capture's file, in its order."""

    digest: Digest
    """BLAKE3 of the plain bytes."""
    size: int = Field(ge=1, le=DIGEST_BLOCK_BYTES)
    """Plain bytes."""


class Manifest(_Model):
    """All that is needed to fetch a capture, and to know whether one wants it."""

    schema_: int = Field(alias="schema", ge=SCHEMA, le=SCHEMA)
    name: Name
    digest: Digest
    """Of the capture, as `replay run` reports it."""
    sha256: Digest
    """Of the whole file."""
    size: int = Field(ge=PAGE_BYTES, lt=1 << 63)
    """Bytes of the whole file."""
    tool: Annotated[str, StringConstraints(max_length=200)]
    """Which version of Stampede wrote the manifest."""
    licence: Text | None = None
    contact: Text | None = None
    facts: Facts
    recipe: dict[str, Any] | None = None
    """What `precompute build` makes the same bytes of; None: they were not rendered."""
    blocks: list[ManifestBlock] = Field(min_length=1, max_length=MOST_BLOCKS)

    @property
    def pieces(self) -> list[Block]:
        """Its blocks, each with its place in the file."""
        ends = np.cumsum([block.size for block in self.blocks], dtype=np.int64).tolist()
        return [
            Block(end - block.size, block.size, bytes.fromhex(block.digest))
            for end, block in zip(ends, self.blocks, strict=True)
        ]

    def terms(self) -> dict[str, str]:
        """What it says of licence and contact, fit for a terminal."""
        given = {"licence": self.licence, "contact": self.contact}
        return {name: harmless(text) for name, text in given.items() if text}

    def summary(self) -> dict[str, Any]:
        """All of it but what is long: its blocks and its recipe."""
        return self.model_dump(mode="json", by_alias=True, exclude={"blocks", "recipe"})

    def as_json(self) -> bytes:
        """The bytes of the file."""
        return (json.dumps(self.model_dump(mode="json", by_alias=True), indent=1) + "\n").encode()


def facts_of(capture: Capture) -> Facts:
    """What an open capture says of itself."""
    return Facts(
        version=capture.version,
        events=capture.events,
        trains=len(capture.trains),
        payload_bytes=len(capture.payload),
        shortest=capture.shortest,
        longest=capture.longest,
        sources=capture.sources,
        mix=capture.mix.tolist(),
        stamps=_stamps(capture),
        tagged=capture.tagged,
        start_ns=capture.start_ns,
        duration_ns=capture.duration_ns,
        windows=len(capture.windows),
    )


def _stamps(capture: Capture) -> list[Stamps]:
    kinds = capture.trains["stamp_kind"]
    known = {int(kind): kind.name.lower() for kind in StampKind}
    found = np.unique(kinds).tolist()
    counts = [int(capture.trains["count"][kinds == kind].sum(dtype=np.int64)) for kind in found]
    return [
        Stamps(kind=known.get(kind, f"kind {kind}"), events=count) for kind, count in zip(found, counts, strict=True)
    ]


class _Given(_Model):
    """What a manifest says that its capture does not."""

    name: Name
    licence: Text | None
    contact: Text | None


def check_given(name: str, licence: str | None, contact: str | None) -> None:
    """Refuse what can't stand in a manifest. Raises InputError."""
    try:
        _Given(name=name, licence=licence, contact=contact)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        if wrong["loc"] != ("name",):
            raise InputError(f"--{wrong['loc'][0]}: {wrong['msg']}") from None
        raise InputError(
            f"{name}: can't be a name in a store, where it has up to 200 letters of ASCII, digits and _ . + @ = -; "
            "give another one by --name"
        ) from None


def manifest_of(
    capture: Capture, blocks: list[Block], *, name: str, sha256: str, licence: str | None, contact: str | None
) -> Manifest:
    """The manifest of an open capture that was cut into `blocks`; what is given was checked by `check_given`."""
    return Manifest(
        schema=SCHEMA,
        name=name,
        digest=capture.digest,
        sha256=sha256,
        size=sum(block.size for block in blocks),
        tool=f"stampede {__version__}",
        licence=licence,
        contact=contact,
        facts=facts_of(capture),
        recipe=capture.recipe,
        blocks=[ManifestBlock(digest=block.digest.hex(), size=block.size) for block in blocks],
    )


def read_manifest(data: bytes, where: str) -> Manifest:
    """The manifest that `data` is. Raises InputError, of one line, for whatever else it is."""
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise InputError(f"{where}: is no manifest of a capture: {_complaint(error)}") from None
    if sum(block.size for block in manifest.blocks) != manifest.size:
        raise InputError(f"{where}: this manifest lies: its blocks are not {counted(manifest.size, 'byte')}")
    return manifest


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return harmless(f"{place}: {first['msg']}" if place else first["msg"])


def differences(manifest: Manifest, capture: Capture, sha256: str) -> list[str]:
    """What the manifest says otherwise than the capture, whose file has that SHA-256, as text."""
    found = facts_of(capture)
    said, seen = manifest.facts.model_dump(), found.model_dump()
    wrong = [name for name, value in seen.items() if said[name] != value]
    wrong += ["recipe"] if manifest.recipe != capture.recipe else []
    return wrong + (["sha256"] if manifest.sha256 != sha256 else [])
