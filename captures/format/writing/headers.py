"""The first page of a capture, with its own digest: of version 1, whose sections are fixed, and of version 2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from captures.format.layout import HEADER, MAGIC, SECTION_NAMES, VERSION, Table, header_digest
from captures.format.sections import ENTRY, HEADER_2, MUST_BE_KNOWN, SECTIONS, VERSION_2


class Section(NamedTuple):
    """Where a section is, and its digest: BLAKE3 of it; of the payload, of the section of digests."""

    offset: int
    size: int
    rows: int
    digest: bytes = bytes(32)


@dataclass(frozen=True)
class Facts:
    """What a header says besides its sections."""

    events: int
    shortest: int
    longest: int
    seed: int
    start_ns: int
    sources: int


def fixed_header(facts: Facts, sections: Mapping[str, Section]) -> bytes:
    """The page of version 1, with the digest of the capture at its end."""
    header = np.zeros(1, HEADER)
    _put(header, facts, VERSION)
    for row, name in zip(header["sections"][0], SECTION_NAMES, strict=True):
        section = sections[name]
        row["offset"], row["size"], row["rows"] = section.offset, section.size, section.rows
        row["digest"] = np.void(section.digest)
    return _with_digest(header)


def named_header(facts: Facts, sections: Mapping[str, Section]) -> bytes:
    """The page of version 2, whose entries are in the order of `sections`, with the capture's digest at its end."""
    header = np.zeros(1, HEADER_2)
    _put(header, facts, VERSION_2)
    header["sections"], header["entry_bytes"] = len(sections), ENTRY.itemsize
    for row, (name, section) in zip(header["entries"][0], sections.items(), strict=False):
        kind = SECTIONS[name]
        row["kind"], row["flags"] = kind.kind, MUST_BE_KNOWN if kind.must_be_known else 0
        row["offset"], row["size"], row["rows"] = section.offset, section.size, section.rows
        row["digest"] = np.void(section.digest)
    return _with_digest(header)


def _put(header: Table, facts: Facts, version: int) -> None:
    header["magic"], header["version"] = np.void(MAGIC), version
    header["events"], header["shortest"], header["longest"] = facts.events, facts.shortest, facts.longest
    header["seed"], header["start_ns"], header["sources"] = facts.seed, facts.start_ns, facts.sources


def _with_digest(header: Table) -> bytes:
    header["digest"] = np.void(header_digest(header.tobytes()))
    return header.tobytes()
