"""The built-in `system` profile: its line, its sizes, its mix, its pools, and the names that rules look for."""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest

from captures.format.capture import Capture
from precompute.notation.template import Placeholder, Segment, parse_template
from precompute.rendering.frames import make_frames
from tests.precompute.profiles import build, built_in, chi_square

LINE = re.compile(
    rb"<(?P<pri>\d{1,3})>(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) "
    rb"(?P<host>server\d{3,4}) (?P<tag>[A-Za-z]+)(\[(?P<pid>\d{1,5})\])?: (?P<message>[ -~]+)"
)
# (group, priority, start of the message, share of all events)
MIX = (
    ("systemd", 6, b"Starting ", 0.40 * 40 / 80),
    ("systemd", 6, b"Started ", 0.40 * 30 / 80),
    ("systemd", 6, b"Stopping ", 0.40 * 10 / 80),
    ("kernel", 4, b"CPU", 0.15),
    ("kernel", 3, b"Out of memory: ", 0.05),
    ("kernel", 6, b"e", 0.05),
    ("sshd", 6, b"Accepted publickey for ", 0.15),
    ("sshd", 4, b"Failed password for ", 0.05),
    ("cron", 5, b"Job ", 0.08),
    ("rsyslog", 6, b"action ", 0.04),
    ("NetworkManager", 6, b"<info> ", 0.03),
)
EVENTS = 250_000


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    return build(tmp_path_factory.mktemp("system") / "system.rcap", built_in("system"), events=EVENTS)


@pytest.fixture(scope="module")
def parsed(capture: Capture) -> list[re.Match[bytes]]:
    found = [LINE.fullmatch(line) for line in capture.lines()]
    assert None not in found
    return found


def test_every_part_keeps_its_bounds_whatever_is_drawn():
    profile = built_in("system")
    frames = make_frames(profile)
    lengths = {name: [len(value) for (value,), _ in field.rows()] for name, field in profile.fields.items()}

    def bounds(parts: Iterable[Segment]) -> tuple[int, int]:
        sizes = [
            (min(lengths[part.field]), max(lengths[part.field])) if isinstance(part, Placeholder) else (len(part),) * 2
            for part in parts
        ]
        return sum(low for low, _ in sizes), sum(high for _, high in sizes)

    for _, style, template in profile.templates():
        line = template.line(style)
        for parts, low, high in (
            (parse_template(template.host), 8, 12),
            (parse_template(template.message), 50, 200),
            ((line.head, profile.start, *line.tail), 96, 260),
        ):
            shortest, longest = bounds(parts)
            assert low <= shortest <= longest <= high
        name = template.tag + ("" if template.pid is None else f"[{template.pid}]")
        shortest, longest = bounds(parse_template(name))
        assert 6 <= shortest <= longest <= (21 if template.tag == "NetworkManager" else 15)
    assert abs(frames.mean_bytes - 150) <= 3


def test_the_pools_have_their_sizes():
    fields = built_in("system").fields
    sizes = {name: len({value for value, _ in field.rows()}) for name, field in fields.items()}
    assert (sizes["host"], sizes["service"], sizes["pid"], sizes["text"]) == (1000, 100, 10_000, 500)
    assert len({len(value) for (value,), _ in fields["text"].rows()}) == 16


def test_every_line_has_its_form_and_the_mean_its_length(capture, parsed):
    assert len(parsed) == EVENTS
    assert abs(len(capture.payload) / EVENTS - 150) < 3
    assert 96 <= capture.shortest <= capture.longest <= 260
    assert {match["stamp"] for match in parsed} == {b"2026-01-01T00:00:00.000Z"}


def test_the_names_are_those_that_rules_look_for(parsed):
    pids = {}
    for match in parsed:
        pids.setdefault(match["tag"], set()).add(match["pid"])
    assert pids.pop(b"kernel") == {None}
    assert pids.pop(b"systemd") == {b"1"}
    assert set(pids) == {b"sshd", b"cron", b"rsyslog", b"NetworkManager"}
    assert all(1000 <= int(pid) <= 10_999 for of_tag in pids.values() for pid in of_tag)


def test_the_mix_is_exact(parsed):
    found = Counter[int]()
    for match in parsed:
        tag, pri, message = match["tag"].decode(), int(match["pri"]), match["message"]
        (kind,) = (
            number for number, (group, code, start, _) in enumerate(MIX)
            if (group, code) == (tag, pri) and message.startswith(start)
        )  # fmt: skip
        found[kind] += 1
    for number, (_, _, _, share) in enumerate(MIX):
        assert abs(found[number] - share * EVENTS) <= 1


@pytest.mark.parametrize(("part", "size", "share"), [("host", 1000, 0.999), ("pid", 10_000, 0.9)])
def test_hosts_and_processes_are_uniform(parsed, part, size, share):
    """Those of the commonest length, which have just their share of all."""
    values = [match[part] for match in parsed if match[part] not in (None, b"1")]
    common = {"host": 9, "pid": 4}[part]
    found = Counter(value for value in values if len(value) == common)
    assert abs(found.total() - share * len(values)) <= 1
    possible = round(share * size)
    counts = np.array([*found.values(), *[0] * (possible - len(found))])
    assert len(counts) == possible
    assert abs(chi_square(counts, np.full(possible, counts.mean()))) < 4


def test_neighbouring_events_are_unlike(parsed):
    """Of the hosts whose names have the commonest length: a rare length comes in trains."""
    pairs = [(a["host"], b["host"]) for a, b in pairwise(parsed) if len(a["host"]) == len(b["host"]) == 9]
    alike = sum(a == b for a, b in pairs)
    assert len(pairs) / 999 * 0.7 < alike < len(pairs) / 999 * 1.3
