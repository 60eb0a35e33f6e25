"""What errnos mean: each has one name and one meaning."""

import errno

import numpy as np
import pytest

from replay.board.errnos import (
    ERRNO_NAMES,
    GSO_REFUSALS,
    REFUSALS,
    UNREACHABLE,
    WAITS,
    errno_name,
    errno_place,
    errors_of,
    refusal,
    waits_of,
)


def test_an_errno_is_a_wait_a_refusal_or_an_answer_of_the_network() -> None:
    refused = {errno.errorcode[code] for code in REFUSALS}
    kinds = [set(WAITS), set(UNREACHABLE), refused]
    assert len(set.union(*kinds)) == sum(map(len, kinds))
    assert set(WAITS) | set(UNREACHABLE) < set(ERRNO_NAMES)


def test_a_train_that_can_not_be_cut_is_refused_for_good_unless_it_is_cut_here() -> None:
    assert GSO_REFUSALS < REFUSALS
    assert errno.EMSGSIZE not in GSO_REFUSALS


@pytest.mark.parametrize(("code", "name"), [(errno.EAGAIN, "EAGAIN"), (9999, "OTHER")])
def test_each_errno_has_a_column(code: int, name: str) -> None:
    assert ERRNO_NAMES[errno_place(code)] == name


def test_errors_and_waits_are_told_apart_by_name() -> None:
    counts = np.zeros(len(ERRNO_NAMES), np.int64)
    for code, count in ((errno.ECONNREFUSED, 5), (errno.ENOBUFS, 2), (errno.EAGAIN, 1)):
        counts[errno_place(code)] = count
    assert errors_of(counts) == {"ECONNREFUSED": 5}
    assert list(waits_of(counts).items()) == [("EAGAIN", 1), ("ENOBUFS", 2)]


def test_an_errno_is_told_by_name_and_what_to_do() -> None:
    assert (errno_name(errno.EPERM), errno_name(9999)) == ("EPERM", "9999")
    assert "build shorter events" in refusal(errno.EMSGSIZE)
    assert "the kernel refuses to send: EIO" in refusal(errno.EIO)
