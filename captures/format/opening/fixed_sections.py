"""Where are the sections of a capture of version 1? Six, in a fixed order, as `captures.format.layout` draws it."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import (
    DIGEST_BYTES,
    HEADER,
    PAGE_BYTES,
    SECTION_NAMES,
    TRAIN,
    WINDOW,
    Table,
    page_aligned,
)
from captures.format.opening.soundness import require
from captures.format.parts import Part

_ROW_BYTES: Final = dict(zip(SECTION_NAMES, (1, WINDOW.itemsize, 8, DIGEST_BYTES, TRAIN.itemsize, 1), strict=True))
_CHECKED_AT_ONCE: Final = ("recipe", "windows", "mix", "digests")


def fixed_sections(raw: bytes, data: NDArray[np.uint8]) -> tuple[Any, dict[str, Part]]:
    """The header and the sections by their names, of a file `data` that begins with the page `raw`. Raises Unsound."""
    header = np.frombuffer(raw, HEADER)[0]
    table: Table = header["sections"]
    parts, expected = {}, PAGE_BYTES
    for name, row in zip(SECTION_NAMES, table, strict=True):
        offset, size, rows = int(row["offset"]), int(row["size"]), int(row["rows"])
        require(offset == expected, f"section {name} starts at {offset}, not at {expected}")
        require(size == rows * _ROW_BYTES[name], f"section {name}: {size} bytes are not {rows} rows")
        end = offset + size
        require(end <= len(data), f"section {name} ends at {end}, the file at {len(data)}: it was cut short")
        digest = bytes(table["digest"][-1 if name == "digests" else SECTION_NAMES.index(name)])
        parts[name] = Part(name, offset, data[offset:end], digest, name in _CHECKED_AT_ONCE)
        expected = page_aligned(end)
    require(end == len(data), f"{len(data) - end} bytes follow the payload")
    return header, parts
