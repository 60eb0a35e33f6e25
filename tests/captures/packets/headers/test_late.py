import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.packets.headers import late as module
from captures.packets.headers.late import HeldBack, among
from captures.packets.headers.reassembly.segments import Completed, Origin
from captures.text.messages import MESSAGE, Messages


def batch(packets: list[int], late: list[int]) -> tuple[Messages, np.ndarray]:
    """Messages of such packets, whose texts are the numbers, between other bytes; some of them come late."""
    texts = [b"%d" % packet for packet in packets]
    rows = np.zeros(len(texts), MESSAGE)
    rows["length"] = rows["original"] = [len(text) for text in texts]
    rows["place"] = np.cumsum([1, *(len(text) + 1 for text in texts[:-1])]) if texts else 0
    rows["instant_ns"] = packets
    data = np.frombuffer(b"," + b",".join(texts) + b",", np.uint8)
    messages = Completed()
    for packet in late:
        messages.add([b"%d" % packet], Origin(packet, packet, 0))
    return among(data, rows, np.array(packets, np.int64), messages)


def numbers_of(messages: Messages) -> list[int]:
    rows = messages.messages
    numbers = [int(messages.data[row["place"] : row["place"] + row["length"]].tobytes()) for row in rows]
    assert rows["instant_ns"].tolist() == numbers
    assert rows["original"].tolist() == [len(str(number)) for number in numbers]
    return numbers


@given(st.lists(st.tuples(st.lists(st.sampled_from("slp")), st.integers(0, 9) | st.none()), max_size=8))
def test_messages_go_on_in_the_order_of_their_packets(batches):
    held, packet, waiting, came = HeldBack(), 0, [], []
    for kinds, ripe in batches:
        now, late = [], []
        for kind in kinds:
            packet += 1
            if kind == "p":
                waiting.append(packet)
            else:
                (now if kind == "s" else late).append(packet)
        ready = waiting[::-1] if ripe is None else waiting[:ripe]
        waiting = [number for number in waiting if number not in ready]
        passed = held.passed(*batch(now, late[::-1] + ready), min(waiting, default=None))
        came += numbers_of(passed)
        assert not waiting or all(number < waiting[0] for number in came)
    came += numbers_of(held.passed(*batch([], waiting), None))
    assert came == list(range(1, packet + 1))
    assert held._bytes == 0


def test_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST_HELD_BYTES", 1000)
    held, came, most = HeldBack(), [], 0
    for number in range(1, 1000):
        came += numbers_of(held.passed(*batch([number], []), 0))
        most = max(most, held._bytes)
    assert most <= 1000
    came += numbers_of(held.passed(*batch([], [0]), None))
    assert sorted(came) == list(range(1000))
