"""Where are the sections of a capture of version 2? The header names them, as `captures.format.sections` draws it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import PAGE_BYTES
from captures.format.opening.soundness import require
from captures.format.parts import Part
from captures.format.sections import ENTRY, HEADER_2, MOST_SECTIONS, MUST_BE_KNOWN, NAMES, SECTIONS


def named_sections(raw: bytes, data: NDArray[np.uint8]) -> tuple[Any, dict[str, Part]]:
    """The header and the sections by their names, of a file `data` that begins with the page `raw`. Raises Unsound.

    A section of an unknown kind is left out if it need not be known; its name is its kind then.
    """
    header = np.frombuffer(raw, HEADER_2)[0]
    count, features = int(header["sections"]), int(header["features"])
    require(not features, f"it needs features {features:#x} that this tool does not know; use a newer one")
    require(header["entry_bytes"] == ENTRY.itemsize, f"its entries have {header['entry_bytes']} bytes")
    require(count <= MOST_SECTIONS, f"it has {count} sections, more than {MOST_SECTIONS}")
    entries = header["entries"][:count]
    parts: dict[str, Part] = {}
    end = PAGE_BYTES
    for entry in entries[np.lexsort((entries["size"], entries["offset"]))]:  # an empty one may begin where another does
        part = _part(entry, data)
        require(part.name not in parts, f"section {part.name} is there twice")
        require(part.offset >= end, f"section {part.name} begins at {part.offset}, within another one")
        end = part.offset + len(part.data)
        parts[part.name] = part
    for name, kind in SECTIONS.items():
        require(name in parts or not kind.must_be_known or name == "live", f"it has no section {name}")
    require(end == len(data), f"{len(data) - end} bytes follow the last section")
    digests = parts["digests"]
    parts["digests"] = digests._replace(digest=parts["payload"].digest)
    require(digests.digest == parts["payload"].digest, "the digests of section digests and of the payload differ")
    return header, parts


def _part(entry: Any, data: NDArray[np.uint8]) -> Part:
    """The section of one ENTRY row."""
    offset, size, rows = int(entry["offset"]), int(entry["size"]), int(entry["rows"])
    kind = bytes(entry["kind"])
    name = NAMES.get(kind, "")
    if not name:
        name = repr(kind)[1:]
        known = not int(entry["flags"]) & MUST_BE_KNOWN
        require(known, f"section {name} must be understood, and this tool does not know it; use a newer one")
    else:
        require(size == rows * SECTIONS[name].row_bytes, f"section {name}: {size} bytes are not {rows} rows")
    require(offset % PAGE_BYTES == 0, f"section {name} starts at {offset}, which is no page")
    end = offset + size
    require(end <= len(data), f"section {name} ends at {end}, the file at {len(data)}: it was cut short")
    at_once = name in SECTIONS and SECTIONS[name].checked_at_once
    return Part(name, offset, data[offset:end], bytes(entry["digest"]), at_once)
