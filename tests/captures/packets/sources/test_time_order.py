"""Rotated files follow each other in the order in which they were written."""

from itertools import islice, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.packets.sources.inputs import Input
from captures.packets.sources.time_order import in_time_order


def ordered(names: list[str], instants: dict[str, int] | None = None) -> list[str]:
    known = instants or {}
    return [
        each.name for each in in_time_order([Input(name, True, 1) for name in names], lambda each: known.get(each.name))
    ]


@pytest.mark.parametrize(
    "names",
    [
        ["f.pcap", "f.pcap1", "f.pcap2", "f.pcap9", "f.pcap10"],
        ["f.pcap00", "f.pcap01", "f.pcap11"],
        ["messages.10.gz", "messages.2.gz", "messages.1", "messages"],
        ["a.log.2.zst", "a.log.1", "a.log", "b.log.1.xz", "b.log"],
        ["messages-20250829.gz", "messages-20250830", "messages"],
        ["f_00001_20250830101530.pcapng", "f_00002_20250830101531.pcapng", "f_00010_20250830101539.pcapng"],
        ["2025/f9", "2025/f10", "2026/f1"],
    ],
)
def test_names_of_rotated_sets_tell_their_order(names):
    for given_order in islice(permutations(names), 120):
        assert ordered(list(given_order)) == names
    assert ordered(names[::-1]) == names


@given(instants=st.dictionaries(st.sampled_from([f"f.pcap{i}" for i in range(9)]), st.integers(0, 2**63 - 1)))
def test_the_first_instant_counts_more_than_the_name(instants: dict[str, int]) -> None:
    names = ordered(list(instants), instants)

    assert [instants[name] for name in names] == sorted(instants.values())


def test_a_ring_that_came_round_is_in_order_of_time_and_those_unknown_are_last():
    instants = {"f.pcap0": 70, "f.pcap1": 80, "f.pcap2": 50, "f.pcap3": 50}

    assert ordered(["f.pcap9", "f.pcap0", "f.pcap1", "f.pcap3", "f.pcap2"], instants) == [
        "f.pcap2", "f.pcap3", "f.pcap0", "f.pcap1", "f.pcap9",
    ]  # fmt: skip


def test_pipes_come_last_as_they_were_named_and_are_not_looked_into():
    def refuse_pipes(each: Input) -> int:
        assert each.size_bytes is not None
        return 5

    inputs = [Input("z", True, None), Input("-", True, None), Input("file", True, 3)]

    assert [each.name for each in in_time_order(inputs, refuse_pipes)] == ["file", "z", "-"]
