"""The report of an audit: what is lost and surplus, by the sender's report and without one; verdict and exit code."""

import io
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captures.console.errors import ExitCode, InputError
from replay.audit.cut import CutLengths
from replay.audit.files.follow import FollowedFiles
from replay.audit.files.reading import Collection, DamagedFile
from replay.audit.files.sources import Windows
from replay.audit.find import PORT_BITS
from replay.audit.lines import LineCounts, Lines, LineTags
from replay.audit.report.audit_report import Question, audit_report
from replay.audit.report.model import AuditReport, ForeignRun, MissingRange
from replay.audit.report.table import audit_table, unreadable_line
from replay.audit.seen import Seen
from replay.audit.sent import SentRun, sent_of
from replay.audit.tag_counts import TagCounts
from replay.ledger.models import sent as sender
from replay.ledger.models.reading import checked

RUN = 0x1F3A9C07
STEADY = {
    "run_id": "1f3a9c07",
    "lanes": [{"port": 514, "sent_events": 10}, {"port": 515, "sent_events": 0}],
    "duration_s": 5.0,
    "achieved_eps": 2.0,
    "peak_eps": 2.0,
    "speed": None,
    "recoveries": [],
    "offered": {"below_95_percent": 0},
}


def take(counts: LineCounts, text: bytes) -> None:
    """Count the lines of a text that has no whole tag."""
    lines, windows = Lines(counts), Windows(io.BytesIO(text))
    while (window := windows.next()) is not None:
        lines.take(window)
    lines.end()


def said(report: AuditReport) -> str:
    """What people read, in one line."""
    return " ".join(audit_table(report).split())


def report_on(
    heard: dict[int, Iterable[int]],
    sent: SentRun | None = None,
    max_loss: str = "0",
    malformed: int = 0,
    foreign: int = 0,
    refused: int = 0,
    cut: Iterable[bytes] = (),
    damaged: Iterable[str] = (),
    unreadable: Iterable[str] = (),
    followed: FollowedFiles | None = None,
    interrupted: bool = False,
) -> AuditReport:
    """The report on a collection with these numbers by port."""
    with Seen() as seen:
        tally = TagCounts(seen)
        found = Collection(tally)
        lines = found.lines
        for port, numbers in heard.items():
            rows = np.array(list(numbers), np.int64)
            lines.lines += len(rows)
            lines.tagged += len(rows)
            tally.take(LineTags(np.full(len(rows), RUN << PORT_BITS | port), rows))
        if foreign:
            tally.take(LineTags(np.full(foreign, 5 << PORT_BITS | 514), np.arange(foreign)))
        tally.refused[RUN] += refused
        lines.lines += malformed
        lines.marked = malformed
        for text in cut:
            take(lines, text)
        found.damaged += [DamagedFile(file, "its end is missing", unreadable=False) for file in damaged]
        for file in unreadable:
            found.refuse(Path(file), InputError(f"{file}: this is bzip2"))
        question = Question(["a.log"], sent, Fraction(max_loss), followed, interrupted=interrupted)
        report = audit_report(question, RUN, found, seen)
    assert said(report).endswith(report.verdict)
    return report


def sent(lanes: dict[int, int], steady_s: float | None = None, event_bytes: tuple[int, int] | None = None) -> SentRun:
    return SentRun(RUN, lanes, steady_s, event_bytes, 20)


def test_all_is_there() -> None:
    report = report_on({514: range(10), 515: range(9)}, sent({514: 10, 515: 9}))
    assert report.exit_code == ExitCode.MET
    assert report.verdict == "all 19 events of run 1f3a9c07 are there"
    assert (report.received_events, report.lost_events, report.loss_percent) == (19, 0, 0.0)


def test_a_gap_is_named_with_the_time_when_it_was_sent() -> None:
    report = report_on({514: [*range(20), *range(70, 100)], 515: range(100)}, sent({514: 100, 515: 100}, 10.0))
    assert report.exit_code == ExitCode.MISSED
    assert report.verdict == ("25.00% lost: 50 of 200, on port 514 (no. 20 to 69, sent between 2.0 s and 7.0 s)")
    assert report.lanes[0].missing == [MissingRange(20, 69, 50, 2.0, 7.0)]
    assert report.lanes[0].missing_ranges == 1


def test_what_is_lost_at_the_end_and_whole_ports_show_with_the_sender_s_report() -> None:
    heard = {514: range(90), 515: range(100)}
    without = report_on(heard)
    assert (without.lost_events, without.sent_events, without.exit_code) == (0, None, ExitCode.MET)
    assert without.verdict == "nothing is missing of run 1f3a9c07 below the last of its 190 events on each port"
    assert "shows with --sent" in said(without)

    report = report_on(heard, sent({514: 100, 515: 100, 516: 100}))
    assert [lane.lost_events for lane in report.lanes] == [10, 0, 100]
    assert report.verdict.startswith("36.67% lost: 110 of 300, most on port 516 (all of its 100); 10 of them are")
    assert report.lanes[2].missing[0] == MissingRange(0, 99, 100, None, None)


@pytest.mark.parametrize(
    ("max_loss", "code"), [("0", 1), ("0.0999", 1), ("0.1", 0), ("1", 0)], ids=["0%", "9.99%", "10%", "100%"]
)
def test_the_loss_that_is_allowed_is_exact(max_loss: str, code: int) -> None:
    report = report_on({514: [*range(5), *range(6, 10)]}, sent({514: 10}), max_loss)
    assert report.exit_code == code
    assert report.loss_percent == 10.0


def test_what_was_never_sent_is_no_success() -> None:
    report = report_on({514: range(12), 999: [3]}, sent({514: 10}))
    assert (report.surplus_events, report.lost_events) == (3, 0)
    assert report.exit_code == ExitCode.MISSED
    assert "3 events never sent" in report.verdict


def test_events_that_came_twice_are_told_and_are_no_loss() -> None:
    report = report_on({514: [0, 2, 1, 1, 2, 0]}, sent({514: 3}))
    lane = report.lanes[0]
    assert (lane.received_events, lane.duplicated_events, lane.reordered_events) == (3, 3, 1)
    assert (lane.reorder_depth_max, lane.highest_number) == (1, 2)
    assert report.exit_code == ExitCode.MET


def test_damaged_tags_count_as_loss_where_the_sender_s_report_is_not_there_to_tell() -> None:
    without = report_on({514: range(9)}, malformed=1)
    assert (without.lost_events, without.loss_percent) == (0, 10.0)
    assert without.exit_code == ExitCode.MISSED
    assert report_on({514: range(9)}, max_loss="0.1", malformed=1).exit_code == ExitCode.MET
    assert report_on({514: range(9)}, sent({514: 9}), malformed=1).exit_code == ExitCode.MET
    assert without.verdict.endswith(
        "1 line with a tag that is damaged; 1 of 10 count as lost or cut, since without --sent lines with a damaged or "
        "cut tag stand for missing events: 10.00%, and --max-loss allows 0%"
    )
    both = report_on({514: [*range(5), *range(6, 10)]}, max_loss="0.05", malformed=3)
    assert (both.expected_events, both.lost_events, both.loss_percent) == (12, 1, 25.0)
    assert both.verdict.startswith("8.33% lost: 1 of 12, ")
    assert "; 3 of 12 count as lost or cut, since " in both.verdict


def test_what_is_allowed_is_said_where_more_is_lost_or_cut() -> None:
    report = report_on({514: range(18)}, sent({514: 20}), "0.05")
    assert report.verdict.endswith("; 2 of 20 count as lost or cut: 10.00%, and --max-loss allows 5%")
    assert "--max-loss" not in report_on({514: range(19)}, sent({514: 20}), "0.05").verdict


def test_what_has_no_limit_is_cut_or_lost() -> None:
    """Two that are parted are no evidence for what has no trace of a tag: it may be of others."""
    lines = [CUT_512[0]] * 2 + [b"x" * 510 + b"\n"] * 5
    report = report_on({514: range(10)}, sent({514: 30}), "0.5", cut=lines)
    assert (report.cut_events, report.cut_events_max, report.lost_events, report.lost_events_min) == (
        2, 7, 18, 13
    )  # fmt: skip
    assert report.verdict.startswith("between 43.33% and 60.00% lost: 13 to 18 of 30; 6.67% cut: 2 are there")
    assert "5 events were cut or lost: lines without a tag are as long as cut ones" in report.verdict
    assert report.exit_code == ExitCode.MISSED
    assert report.untagged_lines == 5


def test_files_that_can_t_be_read_are_no_success() -> None:
    report = report_on({514: range(9)}, sent({514: 9}), unreadable=["a.bz2"])
    assert report.damaged_files == [DamagedFile("a.bz2", "this is bzip2", unreadable=True)]
    assert report.verdict == "not all was read: a.bz2 can't be; all 9 events of run 1f3a9c07 are there"
    assert (report.passed, unreadable_line(report)) == (False, "a.bz2: this is bzip2")
    many = report_on({514: range(9)}, sent({514: 9}), unreadable=map(str, range(12)))
    assert many.verdict.startswith("not all was read: 12 files can't be; ")
    assert (
        unreadable_line(many) == "12 files can't be read: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and 2 more; the report says why"
    )


CUT_512 = [b"x" * 486 + b"stampede=1f3a9c07-0202-0\n"] * 3 + [b"x" * 492 + b"stampede=1f3a9c07-02\n"] * 2
"""Of three of them the port is still there."""
UNTRACED_512 = [b"x" * 510 + b"\n"] * 5
assert {len(line) - 1 for line in CUT_512 + UNTRACED_512} == {510, 512}


def test_cut_events_are_their_own_kind() -> None:
    """Ten of twenty are there without their tag: none is lost. Of three the port is still there."""
    report = report_on({514: range(10)}, sent({514: 20}), cut=CUT_512 + UNTRACED_512)
    assert (report.missing_events, report.lost_events, report.cut_events) == (10, 0, 10)
    assert report.cut_to_bytes == CutLengths(510, 512)
    assert (report.cut_lines, report.malformed_lines, report.untagged_lines) == (10, 0, 0)
    lane = report.lanes[0]
    assert (lane.missing_events, lane.cut_events, lane.lost_events) == (10, 3, 0)
    assert lane.cut_or_lost_events == 7
    rows = [line.split() for line in audit_table(report).split("\n")[1:4]]
    assert [(row[0], row[3]) for row in rows] == [("514", "0"), ("?", "0"), ("all", "0")]
    assert lane.cut_to_bytes == CutLengths(510, 510)
    assert report.verdict == (
        "none of 20 events of run 1f3a9c07 is known to be lost; 50.00% cut: 10 are there without a tag, in "
        "lines cut to 510 to 512 bytes; raise the size that is allowed (rsyslog: maxMessageSize, syslog-ng: "
        "log-msg-size), or build the capture with --tagged-front"
    )
    assert "of 7 cut events the port is cut off as well" in said(report)
    assert report.loss_percent == 0
    assert report.exit_code == ExitCode.MISSED
    assert report_on({514: range(10)}, sent({514: 20}), "0.5", cut=CUT_512 + UNTRACED_512).exit_code == ExitCode.MET


def test_cut_lines_that_may_be_of_other_runs_or_have_come_twice_hide_no_loss() -> None:
    """One says its run; of the other five nobody knows."""
    lines = [CUT_512[0], *[b"x" * 490 + b"stampede=1f3a\n"] * 5]
    other = report_on({514: range(10)}, sent({514: 30}), "0.5", cut=lines, foreign=3)
    assert (other.cut_events, other.cut_events_max, other.lost_events, other.lost_events_min) == (
        1, 6, 19, 14
    )  # fmt: skip
    assert other.verdict.startswith("between 46.67% and 63.33% lost: 14 to 19 of 30; ")
    assert "5 events were cut or lost: whose the cut lines are can't be told" in other.verdict
    twice = report_on({514: [*range(27)] * 2}, sent({514: 30}), cut=CUT_512 * 2)
    assert (twice.cut_events, twice.lost_events, twice.lost_events_min) == (0, 3, 0)
    assert twice.verdict.startswith("between 0.00% and 10.00% lost: 0 to 3 of 30")
    assert twice.exit_code == ExitCode.MISSED


def test_a_loss_of_a_moment_has_the_tenth_that_holds_it() -> None:
    report = report_on({514: range(1, 1000)}, sent({514: 1000}, 1.0))
    assert report.verdict == "0.10% lost: 1 of 1,000, on port 514 (no. 0, sent between 0.0 s and 0.1 s)"


def test_the_table_has_80_columns_and_no_figures_that_are_0_everywhere() -> None:
    plain = audit_table(report_on({5140: range(1009)}, sent({5140: 1009}))).splitlines()
    assert plain[0].split() == ["port", "sent", "received", "lost"]
    assert plain[1].split() == ["5140", "1,009", "1,009", "0"]
    odd = report_on({514: [3, 1, 1, 2, 40]}, sent({514: 30}), cut=CUT_512)
    names = ("sent_events", "received_events", "lost_events", "cut_events", "duplicated_events")
    rows = audit_table(replace(odd, **dict.fromkeys(names, 10**12))).splitlines()[: len(odd.lanes) + 2]
    assert max(map(len, rows)) <= 80


def test_what_is_lost_beside_what_is_cut_is_told_apart() -> None:
    report = report_on({514: range(10)}, sent({514: 30}), cut=CUT_512)
    assert (report.lost_events, report.cut_events) == (15, 5)
    assert report.verdict.startswith("50.00% lost: 15 of 30; 16.67% cut: 5 are there")


def test_no_more_is_cut_than_is_missing() -> None:
    """Two of these lines are of events that came twice, or of others."""
    report = report_on({514: range(27)}, sent({514: 30}), cut=CUT_512)
    assert (report.lost_events, report.cut_events, report.cut_lines) == (0, 3, 5)


def test_the_cut_events_of_other_runs_are_theirs() -> None:
    theirs = [b"x" * 488 + b"stampede=0000000a-0202-00\n"] * 4
    assert report_on({514: range(10)}, sent({514: 20}), cut=theirs).cut_events == 0
    unknown = [b"x" * 490 + b"stampede=1f3a\n", b"x" * 490 + b"stampede=1f3b\n"]
    assert report_on({514: range(10)}, sent({514: 20}), cut=unknown).cut_events == 2


def test_without_the_sender_s_report_a_port_may_be_cut_altogether() -> None:
    report = report_on({515: range(10)}, cut=CUT_512[:3])
    assert [(lane.port, lane.cut_events) for lane in report.lanes] == [(514, 3), (515, 0)]
    assert (report.lost_events, report.cut_events) == (0, 3)
    assert report.exit_code == ExitCode.MISSED


def whole_line(length: int, number: int = 0) -> bytes:
    text = f" stampede={RUN:08x}-0202-{number:010x}".encode()
    return b"x" * (length - len(text)) + text + b"\n"


def test_where_nothing_is_parted_lines_of_one_length_are_cut_or_lost() -> None:
    """A third of the events has 600 bytes, and all of these are cut to 512 before their tag."""
    lines = [whole_line(200), *[b"y" * 512 + b"\n"] * 20]
    report = report_on({514: range(40)}, sent({514: 60}, event_bytes=(100, 600)), cut=[b"".join(lines)])
    assert (report.lost_events, report.lost_events_min, report.cut_events) == (20, 0, 0)
    assert (report.cut_events_max, report.piled_up) == (20, True)
    assert report.verdict.startswith("between 0.00% and 33.33% lost: 0 to 20 of 60")
    assert "as long as the longest of them, 512 bytes, as if cut there: check" in report.verdict
    assert "maxMessageSize" in report.verdict
    assert "--tagged-front" in report.verdict
    assert report.exit_code == ExitCode.MISSED


@pytest.mark.parametrize(
    ("lengths", "numbers", "event_bytes", "cut"),
    [
        ([100, 180], 20, (100, 600), 10),
        ([100, 180], 20, (100, 183), 10),
        ([100, 180], 20, (100, 182), None),  # a priority value has one to three digits
        ([95, 180], 20, (100, 187), None),  # the collector leaves out 5 bytes of each
        ([300, 380], 20, (100, 383), 10),
        ([100, 180], 20, None, None),
        ([100, 180], 18, (100, 600), None),  # the longest may be among what is missing
        ([100, 180], 19, (100, 600), 10),
        ([*range(101, 120), 180], 20, (100, 600), None),  # nothing piles up
    ],
)
def test_lines_that_keep_their_tag_and_end_at_one_length_were_cut(
    lengths: list[int], numbers: int, event_bytes: tuple[int, int] | None, cut: int | None
) -> None:
    lines = [whole_line(lengths[number % len(lengths)], number) for number in range(20)]
    report = report_on({514: range(numbers)}, sent({514: 20}, None, event_bytes), cut=[b"".join(lines)])
    told = (report.cut_behind_tag_lines, report.cut_behind_tag_to_bytes)
    assert told == ((cut, max(lengths)) if cut else (0, None))
    assert ("were cut behind their tags" in report.verdict) is bool(cut)


@pytest.mark.parametrize("event_bytes", [(100, 600), None])
def test_lines_of_others_hide_no_loss_however_many_are_of_one_length(event_bytes: tuple[int, int] | None) -> None:
    lines = b"".join([whole_line(600), *[b"y" * 300 + b"\n"] * 1000])
    report = report_on({514: range(10)}, sent({514: 1010}, None, event_bytes), "0.5", cut=[lines])
    assert (report.cut_events_max, report.lost_events_min, report.untagged_lines) == (0, 1000, 1000)
    assert report.verdict.startswith("99.01% lost: 1,000 of 1,010")
    assert report.exit_code == ExitCode.MISSED


def test_lines_of_one_length_show_no_loss_without_the_sender_s_report() -> None:
    lines = [b"y" * 300 + b"\n"] * 1000
    report = report_on({514: range(10)}, cut=lines)
    assert (report.lost_events, report.exit_code) == (0, ExitCode.MET)
    gap = report_on({514: [*range(10), *range(15, 20)]}, cut=lines)
    assert (gap.lost_events_min, gap.lost_events, gap.expected_events) == (0, 5, 20)


def test_the_last_of_each_port_may_not_be_flushed_yet() -> None:
    report = report_on({514: range(95), 515: range(90)}, sent({514: 100, 515: 100}))
    assert [lane.tail_events for lane in report.lanes] == [5, 10]
    assert report.verdict == (
        "7.50% lost: 15 of 200, most on port 515 (no. 90 to 99); they are the last of ports of which all before is "
        "there, so maybe not flushed yet: wait, or use --follow"
    )
    assert report.exit_code == ExitCode.MISSED
    settled = FollowedFiles(5.0, settled=True, rotations=0, truncations=0)
    quiet = report_on({514: range(95), 515: range(90)}, sent({514: 100, 515: 100}), followed=settled)
    assert quiet.verdict.endswith("of which all before is there, and no event came for 5 s")


def test_a_port_with_a_gap_has_lost_its_last_as_well() -> None:
    report = report_on({514: [*range(50), *range(60, 95)], 515: range(98)}, sent({514: 100, 515: 100}))
    assert [lane.tail_events for lane in report.lanes] == [0, 2]
    assert "; 2 of them are the last of ports of which all before is there" in report.verdict
    assert report_on({515: range(98)}, sent({514: 100, 515: 98})).tail_events == 0


def test_a_line_that_is_not_finished_is_said() -> None:
    report = report_on({514: range(9)}, sent({514: 10}), cut=[b"<6>text stampede=1f3a9c07-0202"])
    assert (report.unfinished_lines, report.cut_events, report.malformed_lines) == (1, 0, 0)
    assert report.verdict.endswith("; 1 last line is not finished, and maybe not flushed yet")


def test_files_that_are_not_whole_are_named() -> None:
    report = report_on({514: range(9)}, sent({514: 9}), damaged=["a.gz"])
    assert report.damaged_files == [DamagedFile("a.gz", "its end is missing", unreadable=False)]
    assert report.verdict.endswith("; a.gz is not whole, and what could be read was counted")
    assert " a.gz: its end is missing " in said(report)
    assert report.exit_code == ExitCode.MET


def test_an_interrupted_audit_is_no_success() -> None:
    report = report_on({514: range(9)}, sent({514: 9}), interrupted=True)
    assert report.verdict.startswith("interrupted: not all was read; all 9 events")
    assert (report.passed, report.exit_code) == (False, ExitCode.INTERRUPTED)


def test_an_account_that_is_not_whole_is_no_success() -> None:
    report = report_on({514: range(9)}, sent({514: 9}), refused=4)
    assert report.exit_code == ExitCode.MISSED
    assert "4 tags too scattered" in report.verdict


def test_other_runs_are_named() -> None:
    report = report_on({514: range(9)}, foreign=3)
    assert report.foreign_tags == 3
    assert report.foreign_runs == [ForeignRun("00000005", 3)]
    assert "3 tags of other runs: 00000005 (3)" in said(report)
    assert report.exit_code == ExitCode.MET


def test_a_small_loss_is_not_rounded_away() -> None:
    report = report_on({514: [*range(5), *range(6, 100_000)]})
    assert report.verdict.startswith("under 0.01% lost: 1 of 100,000, on port 514 (no. 5)")


def test_several_gaps_are_counted() -> None:
    report = report_on({514: range(0, 60, 2)})
    lane = report.lanes[0]
    assert (lane.missing_ranges, len(lane.missing), lane.lost_events) == (29, 10, 29)
    assert "(no. 1, and 28 other gaps)" in report.verdict


def read(report: dict[str, Any]) -> SentRun:
    return sent_of(checked(sender.Sent, report))


def test_a_steady_run_has_times() -> None:
    assert read(STEADY) == SentRun(RUN, {514: 10, 515: 0}, 5.0)


@pytest.mark.parametrize(
    "change",
    [
        {"speed": 2.0},
        {"speed": "max"},
        {"offered": None},
        {"offered": {"below_95_percent": 1}},
        {"offered": {"below_95_percent": 3, "intervals": 50}},
        {"offered": {"below_95_percent": 0, "intervals": 50, "not_measured": 1}},
        {"recoveries": [{"worker": 0}]},
        {"peak_eps": 2.2},
        {"duration_s": 0},
        {"peak_eps": None},
    ],
    ids=str,
)
def test_any_other_run_has_none(change: dict[str, Any]) -> None:
    assert read(STEADY | change).steady_s is None


LATE = STEADY | {
    "offered": {"below_95_percent": 40, "intervals": 50},
    "peak_eps": 2.9,
    "lag_ms": {"max": 27.4},
    "intervals": {"interval_ms": 500.0, "joined": 1, "due_events": [1] * 10, "sent_events": [0, 2] * 5},
}
"""A run that was due evenly, and whose events left late."""


def test_where_events_were_due_evenly_the_latest_bounds_all_times() -> None:
    found = read(LATE)
    assert (found.steady_s, found.late_s, found.untimed) == (5.0, pytest.approx(0.0274), None)
    report = report_on({514: [*range(40), *range(61, 100)]}, replace(found, lanes={514: 100}))
    assert report.lanes[0].missing[0].sent_from_s == pytest.approx(1.973)
    assert report.lanes[0].missing[0].sent_to_s == pytest.approx(3.077)
    assert "sent between 1.9 s and 3.1 s" in report.verdict


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"intervals": {"interval_ms": 500.0, "due_events": [1] * 6 + [9] * 4}}, "not at one rate"),
        ({"intervals": {"interval_ms": 500.0, "due_events": [1] * 9 + [None]}}, "not at one rate"),
        ({"lag_ms": None}, "not at one rate"),
        ({"recoveries": [{"worker": 0}]}, "a worker of the run failed"),
        ({"speed": 2.0}, "time axis of its capture"),
        ({"parts": [{"run_id": f"{RUN:08x}"}] * 2}, "a merged one, and its hosts may not have begun together"),
    ],
)
def test_where_times_are_not_known_it_is_said_why(change: dict[str, Any], why: str) -> None:
    report = report_on({514: range(9)}, read(LATE | change))
    assert report.lanes[0].missing[0].sent_from_s is None
    assert "it is not known when, since" in report.verdict
    assert why in report.untimed
    assert why in report.verdict


def test_a_run_with_a_few_weak_intervals_still_has_times() -> None:
    assert read(STEADY | {"offered": {"below_95_percent": 2, "intervals": 50}}).steady_s == 5.0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"lanes": None}, "lanes with the counts port, sent_events"),
        ({"lanes": []}, "lanes with the counts port, sent_events"),
        ({"lanes": [{"port": 514}]}, "lanes with the counts port, sent_events"),
        ({"lanes": [{"port": 514, "sent_events": -1}]}, "lanes with the counts port, sent_events"),
        ({"lanes": [{"port": 514, "sent_events": True}]}, "lanes with the counts port, sent_events"),
        ({"lanes": [{"port": 514, "sent_events": 10**19}]}, "lanes.0.sent_events: Input should be less than"),
        ({"lanes": [{"port": 514, "sent_events": 1}] * 2}, "port 514 stands there twice"),
        ({"duration_s": float("inf")}, "duration_s: Input should be a finite number"),
        ({"peak_eps": "5"}, "peak_eps: Input should be a valid number"),
        ({"run_id": 7}, "run_id: "),
        ({"run_id": "x"}, "run_id: "),
    ],
)
def test_what_is_no_sender_s_report_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(STEADY | change)


def test_a_run_without_tags_has_no_id() -> None:
    assert read(STEADY | {"run_id": None}).run is None
