"""Staging: for any capture, lanes and pace, the bytes of all trains are those of plain Python, in order of due time."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.format.layout import STAMP_WIDTHS, StampKind, TagKind
from captures.format.tags import MAX_SEQUENCE, TAG_BYTES
from replay.board.journal import STAGED_TRAINS, TRAINS, clear, new_journal
from replay.engine.arrays import Lanes, Rewrite, new_batch, new_lanes
from replay.engine.staging import NOW, OWN, aim, is_sound, stage, train_of
from replay.schedule import rates
from replay.schedule.axis import LoopedAxis
from replay.schedule.deal import Deal, Start, lane_quota
from replay.schedule.demand import TimeScale
from replay.schedule.rates import OnAxis, Steady
from tests.captures.content import Content, content, noise
from tests.replay.axes import shapes, windows_of
from tests.replay.engine.plain import Part, PlainLane, parts_of, stored, texts_of, top_up

PORTS = (514, 5140, 65535, 1)
ROOM = 32 + TAG_BYTES
WALL_NS = 1_756_548_930_123_456_789
STYLES = (
    *((StampKind.ISO_MS, 0), (StampKind.RFC3164, -210), (StampKind.RFC3339_US, 0)),
    *((StampKind.RFC3339_US_OFFSET, 120), (StampKind.NONE, 0)),
)


@pytest.fixture(autouse=True)
def short_stripes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that small numbers already make many rounds, and runs come round in a lane's memory."""
    monkeypatch.setattr(rates, "STRIPE_EVENTS", 16)


@dataclass
class Case:
    """What some lanes are to send, and how."""

    held: Content
    deal: Deal
    time_scale: TimeScale
    start: Start
    rewrite: Rewrite
    sent: list[int]
    """How many events each lane has sent already."""
    stalls_ns: list[int]
    """How late the worker is at each train, in turn."""

    def runs(self, lane: int) -> Iterator[Any]:
        return self.deal.runs(lane, self.time_scale, self.start, self.sent[lane])

    def stall_ns(self, turn: int) -> int:
        return self.stalls_ns[turn % len(self.stalls_ns)]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    windows = windows_of([(min(events, 200), ns) for events, ns in draw(shapes)])
    axis, sizes, left = LoopedAxis(windows), list[int](), int(windows["events"].sum())
    while left:
        sizes.append(min(left, draw(st.integers(1, 128))))
        left -= sizes[-1]
    lengths = [draw(st.integers(ROOM, 120)) for _ in sizes]
    gaps = [draw(st.integers(0, length - ROOM)) for length in lengths]
    styles = [draw(st.sampled_from(STYLES)) for _ in sizes]
    held = content(noise(zip(sizes, lengths, strict=True)), stamp_columns=gaps, styles=styles)
    held.trains["tag_column"] = [gap + STAMP_WIDTHS[kind] for gap, (kind, _) in zip(gaps, styles, strict=True)]
    held.trains["tag_kind"] = TagKind.HEX if draw(st.booleans()) else TagKind.NONE

    total = draw(st.integers(1, 3 * axis.loop_events))
    speed = draw(st.sampled_from([Fraction(1), Fraction(10), Fraction(1, 3)]))
    rate_eps = draw(st.sampled_from([None, 1, 1000, 999_999, 4_000_000]))
    pace = draw(st.sampled_from([Steady(rate_eps, total), OnAxis(axis, speed, total=total)]))
    lanes, stamp = draw(st.integers(1, len(PORTS))), draw(st.integers(0, OWN))
    deal = Deal(pace, lanes, draw(st.integers(1, 128)), axis.loop_events, axis if stamp == OWN else None)
    factor = draw(st.sampled_from([Fraction(1), Fraction(3, 7), Fraction(1, 1000), Fraction(25)]))
    wall_ns = draw(st.sampled_from([WALL_NS, 9_200_000_000 * 10**9]))
    return Case(
        held,
        deal,
        TimeScale(draw(st.integers(0, 10**12)), draw(st.integers(0, 10**12)), factor, total),
        Start(draw(st.integers(1, 2**60)), wall_ns),
        Rewrite(stamp, draw(st.sampled_from([0, 0x1F3A9C07]))),
        [draw(st.integers(0, lane_quota(total, lanes, lane))) for lane in range(lanes)],
        draw(st.lists(st.integers(0, 10**7), min_size=1, max_size=5)),
    )


Staged = list[tuple[int, int, int, int, bytes]]
"""For each train its lane, instant, source, events of its lane so far, and bytes."""


def plainly(case: Case) -> Staged:
    lanes = [PlainLane(parts_of(case.held, case.runs(lane))) for lane in range(case.deal.lanes)]
    done: Staged = []
    now_ns, through = 0, list(case.sent)
    while heads := [(lane.ready_ns, i) for i, lane in enumerate(lanes) if lane.head is not None]:
        ready_ns, i = min(heads)
        now_ns = max(now_ns, ready_ns) + case.stall_ns(len(done))
        part: Part = lanes[i].take(now_ns)
        text = texts_of(case.held, part, case.rewrite, PORTS[i], through[i], WALL_NS + len(done))
        through[i] += part.count
        done.append((i, part.due_ns, int(part.train["source"]), through[i], text))
    return done


def new_lanes_of(case: Case) -> Lanes:
    lanes = new_lanes(case.deal.lanes)
    for i, row in enumerate(lanes.rows):
        row["lane"], row["port"], row["events"], row["bytes"] = i, PORTS[i], case.sent[i], 1000 * case.sent[i]
    return lanes


def staged(case: Case, batch_trains: int) -> Staged:
    """What the kernels stage, in batches of so many trains."""
    lanes, capture, journal, batch = (
        new_lanes_of(case),
        stored(case.held),
        new_journal(),
        new_batch(1_735_689_600_000_000_000),
    )
    runs, done, now_ns, used = [case.runs(i) for i in range(case.deal.lanes)], [], 0, 0
    through = lanes.rows["bytes"].tolist()
    while True:
        for i, row in enumerate(lanes.rows):
            if not row["count"]:
                top_up(lanes, i, runs[i])
                assert aim(lanes, i, capture, True)
        heads = [(int(row["ready_ns"]), i) for i, row in enumerate(lanes.rows) if row["count"]]
        if not heads:
            break
        ready_ns, i = min(heads)
        now_ns = max(now_ns, ready_ns) + case.stall_ns(len(done))
        if journal.state[STAGED_TRAINS] == batch_trains:
            clear(journal)
            used = 0
        before, place = used, int(journal.state[STAGED_TRAINS])
        used = stage(capture, lanes, i, batch, journal, case.rewrite, used, now_ns, WALL_NS + len(done))
        note = journal.staged[place]
        assert (note["lane"], note["place"], used) == (i, before, before + note["count"] * note["length"])
        through[i] += used - before
        assert note["bytes"] == through[i] == lanes.rows["bytes"][i]
        text = batch.buffer[before:used].tobytes()
        done.append((i, int(note["due_ns"]), int(note["source"]), int(note["events"]), text))
        lanes.rows["count"][i] = 0
    assert not lanes.rows["left"].any()
    assert lanes.rows["last"].all()
    return done


@settings(max_examples=100)
@given(case=cases(), batch_trains=st.integers(1, TRAINS))
def test_what_is_staged_is_what_plain_python_says(case: Case, batch_trains: int) -> None:
    """Each event once, at its exact instant, in trains of 2 ms; lanes that are late catch up with a bound."""
    expected = plainly(case)

    assert staged(case, batch_trains) == expected
    events = [through for *_, through, _ in expected]
    assert not events or max(events) <= lane_quota(case.time_scale.total or 0, case.deal.lanes, 0)


def one_lane(held: Content, port: int, before: int) -> Case:
    deal = Deal(Steady(None, before + int(held.trains["count"].sum())), 1, 128, int(held.trains["count"].sum()))
    case = Case(held, deal, TimeScale(total=deal.schedule.total), Start(), Rewrite(NOW, 7), [before], [0])
    assert PORTS[0] == port
    return case


@pytest.mark.parametrize("before", [2**32 - 100, 2**32 - 1, 2**40 - 128 * 3 - 1, MAX_SEQUENCE + 1 - 128 * 3])
def test_tags_count_on_past_32_bits_and_to_the_last_number(before: int) -> None:
    held = content(noise([(128, 60)] * 3), styles=[(StampKind.NONE, 0)] * 3)
    held.trains["tag_kind"], held.trains["tag_column"] = TagKind.HEX, 20
    case = one_lane(held, 514, before)

    assert staged(case, 4) == plainly(case)


def test_without_tagging_or_stamping_events_stay_as_they_are() -> None:
    held = content(noise([(3, 60)]), stamp_columns=[3])
    held.trains["tag_kind"], held.trains["tag_column"] = TagKind.HEX, 30
    case = one_lane(held, 514, 0)
    case.rewrite = Rewrite(0, 0)

    assert [text for *_, text in staged(case, 1)] == [held.payload.tobytes()]


@given(counts=st.lists(st.integers(1, 65535), min_size=1, max_size=50), data=st.data())
def test_the_train_of_an_event_is_found(counts: list[int], data: st.DataObject) -> None:
    trains = content(noise([(1, 1)] * len(counts))).trains.view(stored(content(noise([(1, 1)]))).trains.dtype)
    far = data.draw(st.sampled_from([0, 2**33, 2**62]))
    trains["first_event"] = far + np.cumsum(counts) - counts
    trains["count"] = counts
    event = data.draw(st.integers(0, sum(counts) - 1))
    plain = next(place for place, end in enumerate(np.cumsum(counts).tolist()) if event < end)

    assert train_of(trains, far + event) == plain


numbers = st.sampled_from([0, 1, 2, 15, 24, 40, 100, 127, 128, 2**16 - 1])
far_numbers = st.one_of(
    numbers, st.sampled_from([2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1]), st.integers(0, 2**64 - 1)
)


@settings(max_examples=300)
@given(
    far=st.tuples(far_numbers, far_numbers),
    near=st.tuples(numbers, numbers, numbers, numbers),
    kinds=st.tuples(st.integers(0, 255) | st.integers(0, 4), st.integers(0, 2)),
    event=numbers,
    payload_bytes=st.sampled_from([0, 1, 100, 65507, 2**40]),
)
def test_a_train_is_sound_if_all_that_it_says_lies_within_it_and_the_payload(
    far: tuple[int, int],
    near: tuple[int, int, int, int],
    kinds: tuple[int, int],
    event: int,
    payload_bytes: int,
) -> None:
    (offset, first), (count, length, stamp, tag), (stamp_kind, tag_kind) = far, near, kinds
    trains = new_lanes(1).trains
    trains[0] = (offset, first, count, length, stamp, tag, stamp_kind, tag_kind, 0, 0)
    known = stamp_kind < len(StampKind)
    ends = [STAMP_WIDTHS[stamp_kind] + stamp if stamp_kind and known else 0, 24 + tag if tag_kind else 0]
    holds = first <= event < first + count or first - 2**64 <= event < first - 2**64 + count
    sized = (length > 0 or count == 1) and count * length <= 65507
    fits = max(ends) <= length and sized and offset + count * length <= payload_bytes

    assert is_sound(trains[0], event, payload_bytes) == (known and holds and fits)


@settings(max_examples=200)
@given(
    length=st.integers(0, 60),
    count=st.integers(1, 5),
    kinds=st.tuples(st.integers(0, 4), st.integers(0, 1)),
    steps=st.tuples(*[st.integers(-1, 1)] * 4),
)
def test_a_train_is_sound_to_the_last_byte_and_no_further(
    length: int, count: int, kinds: tuple[int, int], steps: tuple[int, int, int, int]
) -> None:
    """Stamp, tag, events and payload end where they must, or one byte before or behind that."""
    widths = STAMP_WIDTHS[StampKind(kinds[0])], TAG_BYTES
    columns = [max(0, length - width + step) for width, step in zip(widths, steps, strict=False)]
    event, offset = 1000 + (count if steps[2] > 0 else steps[2]), 7
    trains = new_lanes(1).trains
    trains[0] = (offset, 1000, count, length, *columns, *kinds, 0, 0)
    fits = [column + width <= length for column, width, kind in zip(columns, widths, kinds, strict=True) if kind]

    sound = is_sound(trains[0], event, offset + count * length + steps[3])
    assert sound == (all(fits) and (length > 0 or count == 1) and 1000 <= event < 1000 + count and steps[3] >= 0)
