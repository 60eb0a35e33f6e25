"""The kernel that moves the stamps that stand in events: each is read, and written again, later by the same time.

So what an imported event says keeps its distance from the instant at which it came, event by event.
"""

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.kinds import LOCAL_ZONE, WIDTHS
from captures.format.stamps.reading import stamp_at
from replay.rewrite.stamping import StampRoom, repeat_stamp, write_instant


@kernel
def move_stamps(
    buffer: NDArray[np.uint8],
    words: NDArray[np.uint64],
    place: int,
    step: int,
    behind: int,
    count: int,
    kind: int,
    zone_minutes: int,
    moved_ns: int,
    reference_ns: int,
    room: StampRoom,
) -> None:
    """Move the stamps of `count` events at `place` and each `step` bytes behind it by `moved_ns`.

    Each event goes on for `behind` bytes from where its stamp begins. `words` is `buffer` by `words_of`. A date without
    a year is the one that is nearest to `reference_ns`. What is no stamp of that kind, or would be before 1970, stays.
    """
    room.own_zone[0, 1] = 0 if zone_minutes == LOCAL_ZONE else zone_minutes
    for _ in range(count):
        found, _zone, instant_ns = stamp_at(
            buffer, words, place, place + behind, reference_ns, room.own_zone, room.minutes
        )
        if found == kind and instant_ns + moved_ns >= 0:
            write_instant(room, kind, zone_minutes, instant_ns + moved_ns)
            repeat_stamp(words, place, step, 1, room.words, WIDTHS[kind])
        place += int64(step)
