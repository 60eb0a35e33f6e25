"""How does a part of a capture become a capture of its own? Trains are cut, and all that is known of events stays.

Events keep their bytes, their order and their instants, to the nanosecond. What numbers events, flows or trains is
numbered anew. The new capture begins at the instant of its first event. A slice that holds every event is a copy of the
file, with the same digest.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from captures import __version__
from captures.compiled.readiness import make_ready
from captures.events.axis import Axis
from captures.events.gathering import compilations, gathered
from captures.events.scratch import scratch
from captures.events.stretches import Stretch
from captures.files.output_file import OutputFile
from captures.files.room import filling
from captures.format.capture import Capture
from captures.format.layout import Table
from captures.format.sections import BACK
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.choosing import Choice
from captures.rework.chosen import Chosen, Numbers
from captures.rework.history import with_step
from captures.rework.soundness import prove

Progress = Callable[[int, int], object]
"""Is told the bytes that were worked on since its last call, and those of the whole payload."""
_BLOCK_ROWS: Final = 1 << 16
_NOTHING: Final = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Sliced:
    """What became of a slice."""

    digest: str
    events: int
    of_events: int
    payload_bytes: int
    start_ns: int
    """Its first instant, since 1970 UTC."""
    copied: bool
    """Whether it is the whole capture, byte for byte."""

    def figures(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {"schema": 1, **asdict(self)}


def prepare() -> None:
    """Compile or load the kernels of a slice."""
    make_ready("slicing", compilations())


def slice_capture(
    capture: Capture, output: Path, choice: Choice, *, force: bool = False, progress: Progress = lambda *_: None
) -> Sliced:
    """Write the events that are chosen into the capture `output`.

    Raises InputError where nothing is chosen, where the capture does not say what is asked of it, and for an output
    that may not be there; DamagedError where what is read is damaged; PreflightError and RunError where the disk fills
    up.
    """
    prepare()
    OutputFile(output, force=force, inputs=capture.files).close()  # whatever is wrong with it is said at once
    chosen = Chosen(capture, choice, output)
    if chosen.events == capture.events:
        return _copy(capture, output, progress, force=force)
    with StreamWriter(output, force=force, inputs=capture.files) as writer:
        prove(capture, lambda _: None, chosen.blocks())
        return _Slice(capture, chosen, writer).write(choice, progress)


def _copy(capture: Capture, output: Path, progress: Progress, *, force: bool) -> Sliced:
    """Copy the whole file."""
    size = len(capture.payload)
    with OutputFile(output, force=force, inputs=capture.files) as file, filling(output):
        prove(capture, lambda read: progress(read, size))
        with open(capture.source.fd, "rb", closefd=False) as whole, open(file.fd, "wb", closefd=False) as copy:
            whole.seek(0)
            shutil.copyfileobj(whole, copy, 1 << 20)
        capture.source.check()
        file.finish()
    return Sliced(capture.digest, capture.events, capture.events, size, capture.start_ns, copied=True)


class _Slice:
    """A slice being written."""

    def __init__(self, capture: Capture, chosen: Chosen, writer: StreamWriter) -> None:
        self._capture, self._chosen, self._writer = capture, chosen, writer
        self._axis, self._path = Axis(capture), capture.path
        self._numbers = Numbers(capture, chosen)
        self._start_ns = int(self._axis.since_start_ns(self._numbers.first)[0])
        self._windows = _whole_windows(capture, chosen)
        self._flow = self._write_flows()
        self._mix = np.zeros(len(capture.mix), np.uint64)
        self._payload_bytes = 0

    def _write_flows(self) -> NDArray[Any]:
        """Write the flows that chosen events have; the new number of each."""
        capture = self._capture
        used = scratch(len(capture.flows), np.bool_)
        for stretch, meant in self._chosen if len(used) else ():
            used[capture.flow_of[stretch.first : stretch.end][meant]] = True
        number, count = scratch(len(used), np.uint32), 0
        for start in range(0, len(used), _BLOCK_ROWS):
            part = used[start : start + _BLOCK_ROWS]
            number[start : start + len(part)] = np.maximum(count + np.cumsum(part) - 1, 0)
            count += int(np.count_nonzero(part))
            self._writer.add_flows(capture.flows[start : start + len(part)][part])
        self._writer.add_links(capture.links)
        return number

    def write(self, choice: Choice, progress: Progress) -> Sliced:
        """Write all that is chosen, and finish the file."""
        capture, events, size = self._capture, self._chosen.events, len(self._capture.payload)
        done = 0
        for stretch, meant in self._chosen:
            self._add(stretch, meant)
            reached = int(stretch.place[-1] + stretch.length[-1])
            progress(reached - done, size)
            done = reached
        capture.source.check()
        step = {"parents": [capture.digest], "asked": choice.asked(), "events": events, "of_events": capture.events}
        start_ns, windows = capture.start_ns + self._start_ns, None
        if self._windows is not None:
            windows = capture.windows[self._windows].copy()
            for name in ("start_ns", "first_train"):
                windows[name] -= windows[name][0]
        digest = self._writer.finish(
            start_ns=start_ns,
            sources=capture.sources,
            note=with_step(capture.note, {"what": "slice", "version": __version__, **step}),
            windows=windows,
            mix=self._mix if len(capture.templates) and len(self._mix) else None,
        )
        return Sliced(digest, events, capture.events, self._payload_bytes, start_ns, copied=False)

    def _add(self, stretch: Stretch, meant: NDArray[np.bool_]) -> None:
        """Write the chosen events of a stretch, at least one."""
        capture = self._capture
        trains, train = self._trains(stretch, meant)
        live = stretch.live(capture)
        live = live[train[live["train"].astype(np.int64)] >= 0]
        live["train"] = train[live["train"].astype(np.int64)]
        events = int(np.count_nonzero(meant))
        order, numbers = self._numbers.take(stretch, meant)
        held = slice(stretch.first, stretch.end)
        templated = len(capture.templates) > 0
        if templated and len(self._mix):
            self._mix += np.bincount(capture.templates[held][meant], minlength=len(self._mix)).astype(np.uint64)
        self._writer.add(
            trains,
            self._payload(stretch, meant),
            times=self._times(numbers),
            flow_of=self._flow[capture.flow_of[held][meant]] if len(self._flow) else None,
            order=order,
            templates=capture.templates[held][meant] if templated else None,
            original=capture.original[held][meant] if len(capture.original) else None,
            live=live,
            back=self._back(numbers) if len(capture.back) else None,
        )
        assert len(numbers) == events

    @staticmethod
    def _trains(stretch: Stretch, meant: NDArray[np.bool_]) -> tuple[Table, NDArray[np.int64]]:
        """The trains that have chosen events, with so many of them; and the new row of each old train, or -1."""
        count = np.bincount(stretch.train_of[meant], minlength=len(stretch.trains))
        kept = count > 0
        trains = stretch.trains[kept]
        trains["count"] = count[kept]
        return trains, np.where(kept, np.cumsum(kept) - 1, -1)

    def _payload(self, stretch: Stretch, meant: NDArray[np.bool_]) -> NDArray[np.uint8]:
        payload = self._capture.payload
        if meant.all():
            data = payload[stretch.place[0] : stretch.place[-1] + stretch.length[-1]]
        else:
            data = gathered(payload, stretch.place[meant], stretch.length[meant])
        self._payload_bytes += len(data)
        return data

    def _times(self, numbers: NDArray[np.int64]) -> NDArray[np.uint64] | None:
        if self._windows is not None or not self._axis.exists:
            return None
        return (self._axis.since_start_ns(numbers) - self._start_ns).astype(np.uint64)

    def _back(self, numbers: NDArray[np.int64]) -> Table:
        """The BACK rows of events, whose numbers in the original order ascend; they count from the first of these."""
        by_ns = self._axis.back_ns(numbers)
        late = np.flatnonzero(by_ns)
        rows = np.zeros(len(late), BACK)
        rows["event"], rows["by_ns"] = late, by_ns[late]
        return rows


def _whole_windows(capture: Capture, chosen: Chosen) -> slice | None:
    """The windows that say the instants of all chosen events as they said them before.

    That is so where the events are those of whole windows, one behind the other; else they need a TIME of their own, or
    have one anyway, or no instants at all: then it is None.
    """
    if not capture.duration_ns or len(capture.times) or len(capture.order):
        return None
    if chosen.last_chosen - chosen.first_chosen + 1 != chosen.events:
        return None
    end = np.cumsum(capture.windows["events"].astype(np.int64))
    first, last = (int(np.searchsorted(end, event, "right")) for event in (chosen.first_chosen, chosen.last_chosen))
    starts = int(end[first]) - int(capture.windows["events"][first])
    whole = starts == chosen.first_chosen and int(end[last]) == chosen.last_chosen + 1
    return slice(first, last + 1) if whole else None
