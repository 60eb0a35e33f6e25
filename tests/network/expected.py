"""What a run of a capture must bring to each port."""

from collections.abc import Sequence

from replay.schedule.deal import lane_stripes
from replay.schedule.rates import STRIPE_EVENTS


def port_lines(lines: Sequence[bytes], lanes: int, loops: int = 1) -> list[list[bytes]]:
    """The events of each lane in their order: the lane's stripes of the repeated capture."""
    stream = [*lines] * loops
    return [
        [
            line
            for first, count in lane_stripes(len(stream), lanes, lane, STRIPE_EVENTS)
            for line in stream[first : first + count]
        ]
        for lane in range(lanes)
    ]
