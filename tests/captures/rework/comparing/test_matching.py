"""Events are matched as a slow list would match them, however few rows fit the memory."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.rework.comparing.matching import NONE, Matches

HASHES = st.lists(st.sampled_from([0, 1, 2, 255, 256, 1 << 63, (1 << 63) + 1, (1 << 64) - 1]), max_size=40)


def slow(left: list[int], right: list[int]) -> list[int]:
    """The right event for each left one."""
    found = [NONE] * len(left)
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            break
        found[number] = number
    match_single(left, right, found)
    match_behind(left, right, found)
    free = defaultdict(list)
    for number, value in enumerate(right):
        if number not in found:
            free[value].append(number)
    for number, value in enumerate(left):
        if found[number] == NONE and free[value]:
            found[number] = free[value].pop(0)
    return found


def match_single(left: list[int], right: list[int], found: list[int]) -> None:
    rest = [number for number in range(len(left)) if found[number] == NONE]
    others = [number for number in range(len(right)) if number not in found]
    for number in rest:
        alike = [other for other in others if right[other] == left[number]]
        if len(alike) == 1 and [left[other] for other in rest].count(left[number]) == 1:
            found[number] = alike[0]


def match_behind(left: list[int], right: list[int], found: list[int]) -> None:
    last = (NONE, NONE)
    for number, value in enumerate(left):
        twin = last[1] + number - last[0]
        if found[number] == NONE and twin < len(right) and twin not in found and right[twin] == value:
            found[number] = twin
        if found[number] != NONE:
            last = (number, found[number])


@given(HASHES, HASHES, st.integers(1, 50))
def test_matches_are_those_of_a_slow_list(left: list[int], right: list[int], most_rows: int) -> None:
    found = Matches(np.array(left, np.uint64), np.array(right, np.uint64), most_rows)
    assert found.right_of.tolist() == slow(left, right)
    back = [NONE] * len(right)
    for number, other in enumerate(slow(left, right)):
        if other != NONE:
            back[other] = number
    assert found.left_of.tolist() == back
