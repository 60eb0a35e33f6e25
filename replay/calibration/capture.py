"""What does a calibration send when no capture is given? A small one of equal events, as long as syslog usually is.

The events have tags, since writing tags costs a run time: a trial without them would promise too high a rate.
"""

from pathlib import Path
from typing import Final

import numpy as np

from captures.format.layout import MAX_TRAIN_EVENTS, TRAIN, WINDOW, StampKind, TagKind
from captures.format.tags import BLANK, SUFFIX, TAG_BYTES
from captures.format.writing.writer import CaptureShape, CaptureWriter

EVENT_BYTES: Final = 150
EVENTS: Final = 1 << 18
"""So many events take 39 MB, which is more than a core's cache holds."""

_HEAD: Final = b"<134>1 "
_STAMP: Final = b"2026-01-01T00:00:00.000Z"
_REST: Final = b" host stampede - - - an event of a calibration, "


def make_capture(path: Path) -> Path:
    """Write the capture to `path`, and return `path`. Raises PreflightError when the disk has no room, OSError."""
    tag = (SUFFIX + BLANK).encode()
    event = (_HEAD + _STAMP + _REST).ljust(EVENT_BYTES - len(tag), b".") + tag
    count = EVENTS // MAX_TRAIN_EVENTS
    trains = np.zeros(count, TRAIN)
    trains["count"], trains["length"] = MAX_TRAIN_EVENTS, EVENT_BYTES
    trains["first_event"] = MAX_TRAIN_EVENTS * np.arange(count)
    trains["offset"] = EVENT_BYTES * MAX_TRAIN_EVENTS * np.arange(count)
    trains["stamp_kind"], trains["stamp_column"] = StampKind.ISO_MS, len(_HEAD)
    trains["tag_kind"], trains["tag_column"] = TagKind.HEX, EVENT_BYTES - TAG_BYTES
    windows = np.zeros(1, WINDOW)
    windows["trains"], windows["events"] = count, EVENTS
    shape = CaptureShape(
        recipe={"profile": {"name": "calibration"}},
        seed=0,
        windows=windows,
        templates=1,
        trains=count,
        payload_bytes=EVENTS * EVENT_BYTES,
        shortest=EVENT_BYTES,
        longest=EVENT_BYTES,
    )
    payload = np.tile(np.frombuffer(event, np.uint8), EVENTS)
    with CaptureWriter(path, shape) as writer:
        writer.part().write(0, trains, 0, payload)
        writer.finish(np.array([EVENTS], np.uint64))
    return path
