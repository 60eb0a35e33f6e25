"""The token bucket against its plain definition, at any rate and under any pattern of stalls."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from replay.clock import SECOND_NS
from replay.pacing import BURST_NS, CATCH_UP, STAMP_AGE_NS, TokenBucket, Unpaced, batch_room, train_limit

ANCHOR_NS = 10**15

rates = st.one_of(st.integers(1, 1000), st.integers(1, 20_000_000))
lanes = st.integers(1, 100)


def test_the_first_event_is_due_when_its_token_is_there() -> None:
    bucket = TokenBucket(ANCHOR_NS, rate_eps=1000, lanes=4, lane=2)

    assert bucket.ready_ns(1) == bucket.due_ns == ANCHOR_NS + 3_000_000
    assert bucket.ready_ns(2) == bucket.due_ns == ANCHOR_NS + 7_000_000


@given(rate_eps=rates, lanes=lanes, data=st.data())
def test_an_event_is_due_with_its_token_to_the_nanosecond(rate_eps: int, lanes: int, data: st.DataObject) -> None:
    lane = data.draw(st.integers(0, lanes - 1))
    spent = data.draw(st.one_of(st.integers(0, 1000), st.integers(1 << 32, 1 << 40)))
    bucket = TokenBucket(ANCHOR_NS, rate_eps, lanes, lane)
    bucket.spend(spent, ANCHOR_NS)

    exact_ns = Fraction(((spent + 1 - 1) * lanes + lane + 1) * SECOND_NS, rate_eps)
    bucket.ready_ns(1)
    assert 0 <= bucket.due_ns - ANCHOR_NS - exact_ns < 1


@given(rate_eps=rates, lanes=lanes)
def test_the_lanes_together_have_the_whole_rate(rate_eps: int, lanes: int) -> None:
    """Over one second each event of the run is due once, at its own place in the common schedule."""
    seconds = -(-lanes // rate_eps)
    due = sorted(TokenBucket(0, rate_eps, lanes, lane).ready_ns(1) for lane in range(lanes))

    assert due == [-(-(event + 1) * SECOND_NS // rate_eps) for event in range(lanes)]
    assert due[-1] <= seconds * SECOND_NS


@given(
    rate_eps=rates,
    lanes=lanes,
    train_max=st.integers(1, 128),
    stalls_ns=st.lists(st.one_of(st.integers(0, 3 * BURST_NS), st.integers(0, SECOND_NS)), min_size=1, max_size=60),
    data=st.data(),
)
def test_any_stalls_keep_the_schedule_and_the_bound_of_catching_up(
    rate_eps: int, lanes: int, train_max: int, stalls_ns: list[int], data: st.DataObject
) -> None:
    lane = data.draw(st.integers(0, lanes - 1))
    limit = train_limit(rate_eps, lanes, train_max)
    bucket = TokenBucket(ANCHOR_NS, rate_eps, lanes, lane)
    sent: list[tuple[int, int]] = []
    now_ns, total = ANCHOR_NS, 0
    for stall_ns in stalls_ns:
        now_ns += stall_ns
        for _ in range(20):
            count = data.draw(st.integers(1, limit))
            if bucket.ready_ns(count) > now_ns:
                break
            bucket.spend(count, now_ns)
            total += count
            sent.append((now_ns, count))
            # Never ahead of the tokens: no drift, no burst at the start.
            tokens = Fraction((now_ns - ANCHOR_NS) * rate_eps, SECOND_NS)
            assert (total - 1) * lanes + lane + 1 <= tokens

    # No window holds more than the catch-up rate and one burst, whatever the stalls before it were.
    peak = CATCH_UP * Fraction(rate_eps, lanes * SECOND_NS)
    for first in range(len(sent)):
        held = 0
        for place in range(first, len(sent)):
            held += sent[place][1]
            window_ns = sent[place][0] - sent[first][0]
            # Each spend rounds its gap down by less than a nanosecond.
            rounding = place - first + 1
            assert held - sent[place][1] <= peak * (window_ns + BURST_NS + rounding)


@given(rate_eps=rates, lanes=lanes, train_max=st.integers(1, 128))
def test_on_time_no_window_holds_more_than_rate_and_burst(rate_eps: int, lanes: int, train_max: int) -> None:
    """A lane that is never stalled sends each train the instant it is due, so catching up never comes in."""
    limit = train_limit(rate_eps, lanes, train_max)
    bucket = TokenBucket(ANCHOR_NS, rate_eps, lanes, 0)
    for _ in range(50):
        assert bucket.ready_ns(limit) == bucket.due_ns
        bucket.spend(limit, bucket.due_ns)


@given(rate_eps=rates, lanes=lanes, train_max=st.integers(1, 128))
def test_no_train_spans_more_than_the_burst(rate_eps: int, lanes: int, train_max: int) -> None:
    limit = train_limit(rate_eps, lanes, train_max)

    assert 1 <= limit <= train_max
    assert limit == 1 or Fraction(limit * lanes * SECOND_NS, rate_eps) <= BURST_NS


def test_a_stalled_lane_makes_up_for_all_it_missed() -> None:
    bucket = TokenBucket(0, rate_eps=100_000, lanes=1, lane=0)
    now_ns, sent = SECOND_NS, 0
    while now_ns < 6 * SECOND_NS:
        now_ns += 100_000
        while bucket.ready_ns(100) <= now_ns:
            bucket.spend(100, now_ns)
            sent += 100

    assert sent == 600_000


def test_unpaced_lanes_take_turns_and_are_always_due() -> None:
    bucket = Unpaced()
    turns = []
    for now_ns in range(3):
        turns.append(bucket.ready_ns(128))
        bucket.spend(128, now_ns)

    assert turns == [0, 1, 2]


@given(event_ns=st.integers(10, 1_000_000), most=st.integers(1, 64))
def test_batches_shrink_until_their_stamps_leave_fresh(event_ns: int, most: int) -> None:
    """Whatever a train of 128 takes, batches soon settle where they take the time a stamp may age, or one train."""
    rooms = [most]
    for _ in range(20):
        rooms.append(batch_room(rooms[-1], most, rooms[-1] * 128 * event_ns))

    assert rooms[-1] == rooms[-2]
    assert rooms[-1] == 1 or rooms[-1] * 128 * event_ns <= STAMP_AGE_NS


def test_batches_grow_again_after_a_stall() -> None:
    room = batch_room(32, 32, 10 * STAMP_AGE_NS)
    assert room == 16
    assert batch_room(room, 32, STAMP_AGE_NS // 4) == 32
    assert batch_room(1, 32, SECOND_NS) == 1
