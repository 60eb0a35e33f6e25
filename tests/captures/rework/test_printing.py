"""What is printed is what the events hold, with what was asked for in front of each."""

import os
import pty
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.format.capture import Capture
from captures.format.layout import DIGEST_BLOCK_BYTES
from captures.format.reader import open_capture
from captures.format.sections import FLOW
from captures.rework.printing import PrintRequest, printed
from tests.captures.content import content, write
from tests.captures.rework.made import PLANS, Event, events_of, make
from tests.captures.share.carried import mangled

REQUESTS = st.builds(
    PrintRequest,
    first=st.integers(0, 20),
    end=st.none() | st.integers(1, 60),
    original_order=st.booleans(),
    template=st.none() | st.integers(0, 2),
    number=st.booleans(),
    time=st.booleans(),
    flow=st.booleans(),
)


def flow_text(raw: bytes) -> str:
    row = np.frombuffer(raw, FLOW)[0]
    sides = []
    for side in ("source", "target"):
        address = ip_address(row[side].tobytes()[: 4 if row["family"] == 4 else 16])
        host = str(address) if address.version == 4 else f"[{address}]"
        sides.append(f"{host}:{row[side + '_port']}")
    return f"protocol-0 {sides[0]} > {sides[1]}"


def line(request: PrintRequest, place: int, width: int, event: Event) -> bytes:
    front = ""
    if request.number:
        front += f"{place:{width}} "
    if request.time:
        second, rest = divmod(event.captured_ns, 10**9)
        front += f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z "
    if request.flow:
        assert event.flow is not None
        front += f"{flow_text(event.flow)} "
    return front.encode() + event.text


@given(PLANS, REQUESTS)
def test_lines_are_what_the_events_hold(
    tmp_path_factory: pytest.TempPathFactory, plan: dict[str, Any], request_: PrintRequest
) -> None:
    capture = make(tmp_path_factory.mktemp("print") / "a.rcap", plan)
    request = replace(
        request_,
        flow=request_.flow and len(capture.flow_of) > 0,
        time=request_.time and (len(capture.times) > 0 or capture.duration_ns > 0),
        template=request_.template if len(capture.templates) else None,
        first=min(request_.first, capture.events - 1),
    )
    events = events_of(capture)
    if request.original_order:
        events.sort(key=lambda event: event.number)
    end = min(request.end or capture.events, capture.events)
    expected = [
        line(request, place, len(str(end - 1)), event)
        for place, event in enumerate(events)
        if request.first <= place < end and (request.template is None or event.template == request.template)
    ]
    pieces = list(printed(capture, request))
    assert [text for lines in pieces for text in lines.texts()] == expected
    ended = b"".join(text.removesuffix(b"\n") + b"\n" for text in expected)
    assert b"".join(lines.ended().tobytes() for lines in pieces) == ended


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (PrintRequest(time=True), "has no time axis"),
        (PrintRequest(flow=True), "has no addresses"),
        (PrintRequest(template=1), "does not tell of which template"),
        (PrintRequest(first=12), "has no event 12; they are numbered from 0 to 11"),
    ],
)
def test_what_a_capture_does_not_tell_is_said(tmp_path: Path, request_: PrintRequest, complaint: str) -> None:
    plan = {"version": 1, "shapes": [(12, 9)], "cuts": [], "window_ns": [0]}
    with pytest.raises(InputError, match=complaint):
        list(printed(make(tmp_path / "a.rcap", plan), request_))


def capture_of(path: Path, text: bytes, events: int) -> Path:
    write(path, content([np.array([[*text]] * events, np.uint8)] * 100, window_ns=0))
    return path


def command(path: Path, *flags: str) -> list[str]:
    return [sys.executable, "-c", "from captures.entry import main; main()", "print", str(path), *flags]


def test_a_reader_may_leave(tmp_path: Path) -> None:
    path = capture_of(tmp_path / "a.rcap", b"x" * 500, 100)
    with subprocess.Popen(command(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"x" * 500 + b"\n"
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(60) == 0
    assert [line for line in said.splitlines() if not line.startswith("compiling")] == []


def test_events_of_a_damaged_block_are_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "a.rcap"
    write(path, content([np.full((100, 500), 120, np.uint8)] * 700, window_ns=0))
    at = open_capture(path).payload_offset + DIGEST_BLOCK_BYTES
    path.write_bytes(mangled(path.read_bytes(), at))
    done = subprocess.run(command(path), capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert set(done.stdout.splitlines()) == {b"x" * 500}
    assert 25_000 < done.stdout.count(b"\n") <= DIGEST_BLOCK_BYTES // 500
    assert done.stderr.decode().endswith("of the payload); copy or build the capture again\n")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    path = capture_of(tmp_path / "a.rcap", b"x" * 500, 100)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command(path), stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 4
    assert b"stdout can't be written: No space left on device" in done.stderr


def test_only_a_terminal_gets_bytes_escaped(tmp_path: Path) -> None:
    path = capture_of(tmp_path / "a.rcap", b"a\x1b[2J\xff\xc3\xa9\nb", 1)
    told = subprocess.run(command(path, "--range", "0"), capture_output=True, check=True, timeout=60)
    assert told.stdout == b"a\x1b[2J\xff\xc3\xa9\nb\n"
    master, slave = pty.openpty()
    subprocess.run(
        command(path, "--range", "0"), stdout=slave, check=True, timeout=60, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    os.close(slave)
    shown = os.read(master, 1000)
    os.close(master)
    assert shown == b"a\\x1b[2J\\xff\xc3\xa9\\nb\r\n"


def test_bounds_of_a_range_are_both_shown(tmp_path: Path) -> None:
    path = capture_of(tmp_path / "a.rcap", b"text", 3)
    told = subprocess.run(command(path, "--range", "9-11", "--number"), capture_output=True, check=True, timeout=60)
    assert told.stdout == b" 9 text\n10 text\n11 text\n"


def test_numbers_of_a_capture_that_is_open(tmp_path: Path) -> None:
    capture: Capture = make(
        tmp_path / "a.rcap", {"version": 1, "shapes": [(128, 9)] * 80, "cuts": [], "window_ns": [0]}
    )
    told = [text for lines in printed(capture, PrintRequest(number=True)) for text in lines.texts()]
    assert [int(text[:5]) for text in told] == [*range(128 * 80)]
