"""Somebody writes to the capture while a worker sends it: the run ends, or what is sent is sound."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.compiled.words import words_of
from captures.format.capture import Capture
from captures.format.layout import TRAIN, StampKind, TagKind
from captures.format.reader import open_capture
from captures.format.sections import LIVE
from replay.board.journal import STAGED_TRAINS, clear
from replay.engine.arrays import LIVE_RECORD, RECORD, Batch, Rewrite, Stored
from replay.engine.counting import count
from replay.engine.messages import describe
from replay.engine.serving import Reason, aim_lanes, serve, stage_due
from replay.engine.staging import MOVED, NOW, OWN
from replay.linux.sockets.udp_send import max_segments
from replay.plan.pace import Extent, Pace
from replay.rewrite.stamps_at_sending import Stamp
from tests.captures.content import content, noise, write
from tests.captures.imported import imported
from tests.replay.engine.worked import Bench, bench_of, board_for, listening, plan_of, ports_of

LANES = 3


@pytest.fixture(scope="module")
def receivers() -> Iterator[Any]:
    with listening(LANES) as sockets:
        yield sockets


def bench_for(capture: Capture, receivers: Any, stamp: Stamp = Stamp.KEEP, **changes: Any) -> Bench:
    plan = plan_of(capture, ports_of(receivers), Extent(loops=50), None, stamp=stamp, **changes)
    board = board_for(plan)
    board.control["start_wall_ns"], board.control["start_ns"] = 1_800_000_000_123_456_789, 1
    return bench_of(capture, plan, board)


PAD = 1 << 17
INSIDE, OUTSIDE = 0x55, 0xEE
edges = st.sampled_from([0, 1, 2, 23, 24, 32, 100, 127, 128, 255, 511, 2**16 - 1, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
instants = st.one_of(edges, st.integers(0, 2**64 - 1))
if numba.config.DISABLE_JIT:  # Python's numbers do not wrap around, as those of a compiled kernel do
    instants = st.integers(0, 2**61)
changes = st.lists(
    st.tuples(
        st.integers(0, 7),
        st.sampled_from(TRAIN.names),
        st.one_of(edges, st.integers(0, 2**64 - 1)),
    ),
    max_size=6,
)
rows = st.lists(st.tuples(st.integers(0, 7), st.binary(min_size=TRAIN.itemsize, max_size=TRAIN.itemsize)), max_size=2)


def read_only(table: np.ndarray) -> np.ndarray:
    """The same memory, for a kernel that only reads it."""
    seen = table.view()
    seen.flags.writeable = False
    return seen


def laid_out(
    capture: Capture, bench: Bench, live: np.ndarray | None = None, times: np.ndarray | None = None
) -> tuple[Any, np.ndarray, Bench]:
    """The same bench with tables that can be changed, and with payload and buffer in the midst of other memory."""
    trains = capture.trains.copy().view(RECORD)
    memory = np.full(len(capture.payload) + 2 * PAD, OUTSIDE, np.uint8)
    payload = memory[PAD:-PAD]
    payload[:] = INSIDE
    size = len(bench.loop.batch.buffer)
    around = np.full(size + 2 * PAD, OUTSIDE, np.uint8)
    buffer = around[PAD:-PAD]
    buffer[:] = 0
    batch = Batch(buffer, words_of(buffer), bench.loop.batch.stamp)
    seen, kept = trains.view(), payload.view()
    seen.flags.writeable = kept.flags.writeable = False
    loop = bench.loop._replace(
        stored=Stored(
            seen,
            kept,
            bench.loop.stored.live if live is None else read_only(live),
            capture.times if times is None else read_only(times),
        ),
        batch=batch,
        messages=bench.loop.messages._replace(buffer=buffer),
    )
    return trains, around, bench._replace(loop=loop)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """Eight trains, with stamps of each kind and tags."""
    held = content(noise([(128, 511), (10, 100), *[(30, 120)] * 6]), styles=[(StampKind(i % 5), 0) for i in range(8)])
    held.trains["tag_kind"], held.trains["tag_column"] = TagKind.HEX, 40
    path = tmp_path_factory.mktemp("hostile") / "sound.rcap"
    write(path, held)
    return open_capture(path)


@settings(max_examples=300)
@given(
    stamp=st.sampled_from([0, NOW, OWN]),
    run=st.sampled_from([0, 7]),
    singly=st.booleans(),
    steps=st.lists(st.tuples(changes, rows), min_size=1, max_size=8),
)
def test_a_capture_that_is_changed_meanwhile_ends_the_run_or_sends_what_is_sound(
    stamp: int, run: int, singly: bool, steps: list[Any], sound: Capture, receivers: Any
) -> None:
    """Whatever its tables say: no byte from outside the payload is sent, and none is written beside the buffer."""
    stamps = {0: Stamp.KEEP, NOW: Stamp.NOW, OWN: Stamp.SHIFT}
    trains, around, bench = laid_out(sound, bench_for(sound, receivers, stamps[stamp]))
    bench.backend.close()
    loop = bench.loop._replace(rewrite=Rewrite(stamp, run))
    buffer = loop.batch.buffer
    for fields, raw in steps:
        for row, name, number in fields:
            trains[name][row] = np.uint64(number).astype(trains.dtype[name])
        for row, text in raw:
            trains[row : row + 1] = np.frombuffer(text, TRAIN)
        if not aim_lanes(loop, False):
            break
        clear(loop.journal)
        whole = stage_due(loop, bench.settings._replace(turn_trains=3), 1)
        notes = loop.journal.staged[: loop.journal.state[STAGED_TRAINS]]
        assert (notes["count"] * notes["length"] <= 65507).all()
        assert (notes["place"] + notes["count"] * notes["length"] <= len(buffer)).all()
        assert (notes["count"] <= max_segments()).all()
        assert not (buffer == OUTSIDE).any()
        if not stamp and not run:
            assert (buffer[: (notes["count"] * notes["length"]).sum()] == INSIDE).all()
        describe(loop.journal, loop.messages, 0, singly)
        if not whole:
            break
        bench.refill()
    assert (around[:PAD] == OUTSIDE).all()
    assert (around[-PAD:] == OUTSIDE).all()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """Trains of which each has three stamps, some empty events, and an instant of each event."""
    texts = [(b"<13>" + b"2025-08-30T10:15:30.123Z " * 3).ljust(100, b".")] * 120
    texts[60:63] = [b""] * 3
    fields = [(column, StampKind.ISO_MS, 0) for column in (4, 29, 54)]
    path = tmp_path_factory.mktemp("own") / "own.rcap"
    return imported(path, texts, [100_000 * k for k in range(120)], fields=fields, most=15)


own_changes = st.lists(
    st.one_of(
        st.tuples(st.just("times"), st.integers(0, 119), st.just(""), instants),
        st.tuples(st.just("live"), st.integers(0, 15), st.sampled_from(LIVE.names), edges),
        st.tuples(st.just("trains"), st.integers(0, 7), st.sampled_from(TRAIN.names), edges),
    ),
    max_size=6,
)


@settings(max_examples=300)
@given(
    stamp=st.sampled_from([0, NOW, MOVED]), singly=st.booleans(), steps=st.lists(own_changes, min_size=1, max_size=8)
)
def test_instants_and_further_stamps_that_are_changed_meanwhile_harm_nothing(
    stamp: int, singly: bool, steps: list[Any], own: Capture, receivers: Any
) -> None:
    stamps = {0: Stamp.KEEP, NOW: Stamp.NOW, MOVED: Stamp.SHIFT}
    live, times = own.live.copy().view(LIVE_RECORD), own.times.copy()
    bench = bench_for(own, receivers, stamps[stamp], pace=Pace(speed=Fraction(1)))
    trains, around, bench = laid_out(own, bench, live, times)
    bench.backend.close()
    loop = bench.loop._replace(rewrite=Rewrite(stamp, 0, own.start_ns))
    tables = {"live": live, "trains": trains}
    for fields in steps:
        for table, row, name, number in fields:
            if table == "times":
                times[row] = np.uint64(number)
            else:
                tables[table][name][row] = np.uint64(number).astype(tables[table].dtype[name])
        if not aim_lanes(loop, True):
            break
        clear(loop.journal)
        whole = stage_due(loop, bench.settings._replace(paced=True, turn_trains=3), 2**62)
        notes = loop.journal.staged[: loop.journal.state[STAGED_TRAINS]]
        assert (notes["count"] * notes["length"] <= 65507).all()
        assert (notes["count"] <= max_segments()).all()
        assert not (loop.batch.buffer == OUTSIDE).any()
        describe(loop.journal, loop.messages, 0, singly)
        count(loop.journal, loop.counters, True, 1)
        if not whole:
            break
        bench.refill()
    assert (around[:PAD] == OUTSIDE).all()
    assert (around[-PAD:] == OUTSIDE).all()


def test_a_changed_capture_is_told(sound: Capture, receivers: Any) -> None:
    trains, _, bench = laid_out(sound, bench_for(sound, receivers))
    trains["length"] = 0

    assert serve(bench.loop, bench.settings) == Reason.CHANGED
    assert not bench.loop.counters.lanes["sent_events"].any()


def test_a_train_that_is_changed_between_its_check_and_its_sending_is_sent_as_it_was(
    sound: Capture, receivers: Any
) -> None:
    trains, around, bench = laid_out(sound, bench_for(sound, receivers))
    loop = bench.loop
    assert aim_lanes(loop, False)
    trains["length"], trains["offset"] = 65535, 2**63 - 1
    clear(loop.journal)

    assert not stage_due(loop, bench.settings, 1)
    assert loop.journal.staged[0]["length"] == sound.trains["length"][0]
    assert (around != OUTSIDE).sum() == len(loop.batch.buffer)
