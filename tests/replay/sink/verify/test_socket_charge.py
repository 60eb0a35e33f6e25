"""When a lost event is charged to the socket: each sentence of the rule."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.sink.board import SOCKET_COUNTS
from replay.sink.verify import socket_charge
from replay.sink.verify.socket_charge import charged_events, new_charges
from tests.replay.sink.counted import OTHER, PORTS, RUN, Counted


class Charge:
    """What the sockets of a worker may have dropped, by the kernels."""

    def __init__(self, joined=0, sockets=2):
        self.charges, self.by_socket = new_charges(sockets, 9), np.zeros(sockets, SOCKET_COUNTS)
        self.by_socket["joined"] = joined

    def chargeable(self, socket, port, dropped):
        return socket_charge.chargeable_events(self.charges, socket, port, dropped)

    def charge(self, socket, events):
        self.charges.charged[socket] += events


def dropped_before(of, *messages):
    """What a charge says of messages of socket and told drops."""
    return [
        socket_charge.dropped_before(of.charges.dropped, of.by_socket[place], place, told) for place, told in messages
    ]


def test_what_the_count_has_risen_by_was_dropped_between_two_messages():
    of = Charge()
    assert dropped_before(of, (0, 0), (0, 3), (0, 3), (1, 0), (0, 5)) == [0, 3, 3, 0, 5]
    assert dropped_before(of, (1, 2), (0, 0), (0, 6)) == [2, 5, 6]


def test_the_kernels_count_begins_anew_at_2_to_the_32():
    of = Charge()
    of.by_socket["drops"] = (1 << 32) - 2
    assert dropped_before(of, (0, (1 << 32) - 1), (0, 4)) == [1, 6]


def test_where_messages_come_joined_a_packet_may_have_been_a_train():
    assert dropped_before(Charge(joined=1), (0, 2)) == [2 * MAX_TRAIN_EVENTS]


def test_a_gap_is_chargeable_for_what_was_dropped_since_the_ports_events_came_last():
    of = Charge()
    assert of.chargeable(0, port=7, dropped=5) == (5, 5)
    assert of.chargeable(0, port=7, dropped=5) == (0, 5)
    assert of.chargeable(0, port=7, dropped=8) == (3, 8)
    assert of.chargeable(0, port=8, dropped=8) == (8, 8)


def test_no_dropped_event_is_charged_twice():
    of = Charge()
    of.charge(0, 6)
    assert of.chargeable(0, port=7, dropped=8) == (2, 2)
    assert of.chargeable(1, port=7, dropped=8) == (8, 8)
    of.charge(0, 2)
    assert of.chargeable(0, port=8, dropped=8) == (0, 0)


def test_of_a_gap_no_more_is_charged_than_it_lost():
    assert charged_events(lost=10, chargeable=4, uncharged=6) == 4
    assert charged_events(lost=3, chargeable=4, uncharged=6) == 3
    assert charged_events(lost=10, chargeable=4, uncharged=2) == 2


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 4), st.integers(0, 9)), max_size=40),
    st.integers(1, 40),
)
def test_over_any_rounds_no_more_is_charged_than_was_dropped(steps, size):
    """Messages of socket, port, packets dropped before it, and events lost before it."""
    of, told, dropped, charged = Charge(), [0, 0], [], [0, 0]
    messages = []
    for socket, _, packets, _ in steps:
        told[socket] += packets
        messages.append((socket, told[socket]))
    for at in range(0, len(steps), size):
        dropped += dropped_before(of, *messages[at : at + size])
    assert dropped == [drops for _, drops in messages]
    for (socket, port, _, lost), before in zip(steps, dropped, strict=True):
        events = charged_events(lost, *of.chargeable(socket, port, before))
        of.charge(socket, events)
        charged[socket] += events
        assert 0 <= events <= lost
        assert charged[socket] <= before


def test_what_a_socket_dropped_may_be_of_any_port_that_came_there_but_only_once():
    counted = Counted()
    counted.take([(0, 0, 0)] * 3, [(number, RUN, 600 + number, 0, 10) for number in range(3)])
    counted.take([(0, 0, 12), *[(0, 0, 0)] * 2], [(number, RUN, 600 + number, 20, 10) for number in range(3)])
    lost = counted.tally.numbers["next"] - counted.tally.numbers["arrived"]
    assert lost[2:5].tolist() == [10, 10, 10]
    assert counted.tally.numbers["lost_in_socket"][2:5].tolist() == [10, 2, 0]


def test_a_gap_behind_drops_is_the_sockets_and_one_without_is_not():
    counted = Counted()
    counted.take(
        [(0, 0, 0), (0, 0, 128), (1, 0, 0), (1, 0, 0)],
        [(0, RUN, 514, 0, 10), (1, RUN, 514, 60, 10), (2, RUN, 515, 0, 5), (3, RUN, 515, 9, 4)],
    )
    assert (counted.lost(514), counted.lost(515)) == ((50, 50), (4, 0))


def test_a_drop_counts_for_the_next_event_of_the_run_and_for_no_later_one():
    counted = Counted()
    counted.take([(0, 0, 0), (0, 0, 8)], [(0, RUN, 514, 0, 10), (1, OTHER, 514, 0, 1)])
    counted.take([(0, 0, 0), (0, 1, 0)], [(0, RUN, 514, 20, 10), (1, RUN, 514, 40, 10)])
    assert counted.lost(514) == (20, 8)
    counted.take([(0, 2, 4), (0, 2, 0)], [(0, RUN, 514, 50, 10), (1, RUN, 514, 70, 10)])
    assert counted.lost(514) == (30, 8)


def test_what_a_gap_was_promised_is_not_charged_when_another_ports_gap_took_it():
    """A gap before a lone event is believed later, when others follow that event."""
    counted = Counted()
    counted.take([(0, 0, 0)] * 2, [(0, RUN, 514, 0, 10), (1, RUN, 515, 0, 10)])
    counted.take([(0, 0, 5), (0, 0, 0)], [(0, RUN, 514, 20, 1), (1, RUN, 515, 15, 10)])
    counted.take([(0, 0, 0)], [(0, RUN, 514, 21, 10)])
    assert [counted.lost(port) for port in PORTS] == [(10, 0), (5, 5)]
    counted.take([(0, 0, 0)], [(0, RUN, 514, 50, 10)])
    assert [counted.lost(port) for port in PORTS] == [(29, 0), (5, 5)]
    assert counted.tally.planes["lost_in_socket"][:2, 0].tolist() == [0, 5]
