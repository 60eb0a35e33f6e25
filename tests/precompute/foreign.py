"""Captures that this package did not make."""

from pathlib import Path

import numpy as np

from captures.format.capture import Capture
from captures.format.layout import TRAIN, WINDOW
from captures.format.reader import open_capture
from captures.format.writing.writer import CaptureShape, CaptureWriter


def foreign(path: Path, line: bytes, recipe: dict[str, object], templates: int = 0, stamp_column: int = 0) -> Capture:
    """A capture of one event."""
    shape = CaptureShape(
        recipe=recipe,
        seed=0,
        windows=np.array([(0, 0, 0, 1, 1)], WINDOW),
        templates=templates,
        trains=1,
        payload_bytes=len(line),
        shortest=len(line),
        longest=len(line),
    )
    train = np.zeros(1, TRAIN)
    train["count"], train["length"], train["stamp_column"] = 1, len(line), stamp_column
    with CaptureWriter(path, shape) as writer:
        writer.part().write(0, train, 0, np.frombuffer(line, np.uint8))
        writer.finish(np.eye(1, templates, dtype=np.uint64)[0])
    return open_capture(path)
