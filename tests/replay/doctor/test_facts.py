"""What is gathered of a machine and of a capture, against what is known of both."""

import errno
import itertools
import os
import socket

import numpy as np
import pytest

from captures.format.reader import open_capture
from replay.clock import monotonic_ns
from replay.doctor import facts
from replay.doctor.facts import SAMPLE_NS, capture_facts, machine_facts, read_rate
from replay.engine.backends.messages import SEND_BUFFER_BYTES
from replay.linux.page_cache import WINDOW_BYTES
from tests.captures.content import content, noise, write
from tests.replay.doctor.examples import LOAD

LAST_BYTES = 1000


def fill(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.fixture
def sysfs(tmp_path, monkeypatch):
    """Four cores on two nodes, of which two are isolated and three have a governor."""
    monkeypatch.setattr(facts, "_CPUS", tmp_path)
    for cpu in range(4):
        fill(tmp_path / f"cpu{cpu}/node{cpu // 2}")
    for cpu, name in enumerate(("performance", "powersave", "schedutil")):
        fill(tmp_path / f"cpu{cpu}/cpufreq", scaling_governor=name + "\n")
    fill(tmp_path, isolated="1,3\n")
    return tmp_path


@pytest.mark.usefixtures("sysfs")
def test_cores_as_sysfs_shows_them():
    found = machine_facts([1, 2, 3], [0, 1, 2, 3])
    assert (found.cpus, found.allowed) == ((1, 2, 3), (0, 1, 2, 3))
    assert found.governors == {1: "powersave", 2: "schedutil"}
    assert found.isolated == {1, 3}
    assert found.nodes == {0: 0, 1: 0, 2: 1, 3: 1}


@pytest.mark.parametrize("isolated", ["\n", None])
def test_cores_of_which_sysfs_says_nothing(sysfs, isolated):
    (sysfs / "isolated").unlink() if isolated is None else (sysfs / "isolated").write_text(isolated)
    found = machine_facts([7], [7])
    assert (found.governors, found.isolated, found.nodes) == ({}, frozenset(), {})


def test_this_kernel_has_what_all_tests_need():
    found = machine_facts([0], [0])
    assert found.segments in (64, 128)
    assert found.sendmmsg
    assert found.send_buffer_bytes is not None
    assert 0 < found.send_buffer_bytes <= SEND_BUFFER_BYTES
    assert 0 < found.available_bytes <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("ready", "compiled"),
    [
        ({"the sender", "the sink"}, True),
        ({"the sender", "the sink of one port"}, True),
        ({"the sender"}, False),
        ({"the sink", "the sink of one port"}, False),
    ],
)
def test_compiled_means_sender_and_sink(monkeypatch, ready, compiled):
    monkeypatch.setattr(facts, "is_ready", ready.__contains__)
    assert machine_facts([0], [0]).compiled is compiled


def test_a_cache_that_was_named_and_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(facts, "cache_folder", lambda: tmp_path / "compiled-0123456789abcdef")
    for named, refused in (("", None), (str(tmp_path), None), (f"{tmp_path}/.", None), ("/srv/all", "/srv/all")):
        monkeypatch.setenv("STAMPEDE_CACHE", named)
        assert machine_facts([0], [0]).compiled_refused == refused
    monkeypatch.delenv("STAMPEDE_CACHE")
    assert machine_facts([0], [0]).compiled_refused is None


def refuse(code):
    def refused(*_):
        raise OSError(code, os.strerror(code))

    return refused


@pytest.mark.parametrize(
    ("what", "code", "field", "value"),
    [
        ("sendmmsg", errno.ENOSYS, "sendmmsg", False),
        ("sendmmsg", errno.EPERM, "sendmmsg", False),
        ("open_packet_socket", errno.EPERM, "vnet_header", None),
        ("open_packet_socket", errno.ENOPROTOOPT, "vnet_header", False),
        ("open_packet_socket", errno.EAFNOSUPPORT, "vnet_header", False),
        ("open_socket", errno.ENOPROTOOPT, "send_buffer_bytes", None),
    ],
)
def test_what_the_kernel_refuses(monkeypatch, what, code, field, value):
    monkeypatch.setattr(facts, what, refuse(code))
    assert getattr(machine_facts([0], [0]), field) is value


def test_frames_can_be_tried_by_those_who_may(monkeypatch):
    monkeypatch.setattr(facts, "open_packet_socket", lambda *_: socket.socket())
    assert machine_facts([0], [0]).vnet_header is True


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """Three windows of the page cache and a bit."""
    path = tmp_path_factory.mktemp("facts") / "noise.rcap"
    trains = 3 * WINDOW_BYTES // (128 * 256)
    write(path, content(noise([(128, 256)] * trains + [(1, LAST_BYTES)])))
    return open_capture(path)


@pytest.fixture
def staged(monkeypatch):
    """Nothing is staged: that would map the pages of the capture, and what is mapped stays in the page cache."""
    monkeypatch.setattr(facts, "staged_eps", lambda *_: 5e6)


def evict(capture):
    with capture.path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.usefixtures("staged")
def test_a_capture_all_in_the_cache(capture):
    capture.path.read_bytes()
    found = capture_facts(capture, LOAD, monotonic_ns)
    assert found.cached_bytes == found.payload_bytes == 3 * WINDOW_BYTES + LAST_BYTES
    assert found.read_bytes_s is None
    assert (found.longest, found.sources) == (LAST_BYTES, capture.sources)
    assert found.staged_eps == 5e6
    assert found.event_bytes == pytest.approx(len(capture.payload) / capture.events)


@pytest.mark.usefixtures("staged")
def test_a_capture_on_the_disk_is_sampled(capture):
    evict(capture)
    found = capture_facts(capture, LOAD, monotonic_ns)
    if found.cached_bytes == found.payload_bytes:
        pytest.skip("needs a file system that lives on a disk")
    assert found.read_bytes_s > 0
    # All of so small a capture is its sample, so now it is in the cache.
    assert capture_facts(capture, LOAD, monotonic_ns).cached_bytes == found.payload_bytes


@pytest.mark.usefixtures("staged")
def test_a_capture_of_which_nothing_is_told_is_sampled(capture, monkeypatch):
    monkeypatch.setattr(facts, "may_be_told", lambda _: False)
    found = capture_facts(capture, LOAD, monotonic_ns)
    assert found.cached_bytes is None
    assert found.read_bytes_s > 0


def clock(*instants):
    ticks = iter(instants)
    return lambda: next(ticks)


@pytest.fixture
def reads(monkeypatch):
    """Which windows are read, by place and size in the file."""
    made = []
    monkeypatch.setattr(facts.os, "pread", lambda _, size, place: made.append((place, size)))
    return made


def test_the_rate_counts_what_was_not_cached(capture, reads):
    """Windows 1 and 3 lack a half and all: as many bytes in two seconds."""
    cached = np.array([WINDOW_BYTES, WINDOW_BYTES // 2, WINDOW_BYTES, 0])
    rate = read_rate(capture, cached, clock(7, 8, 9, 7 + 2 * SAMPLE_NS))
    assert rate == (WINDOW_BYTES // 2 + LAST_BYTES) / 2
    begin = capture.payload_offset
    assert reads == [(begin + WINDOW_BYTES, WINDOW_BYTES), (begin + 3 * WINDOW_BYTES, LAST_BYTES)]


def test_a_slow_disk_is_not_waited_for(capture, reads):
    """The second window is begun at the last moment."""
    ticks = clock(9, 9 + SAMPLE_NS, 10 + SAMPLE_NS, 9 + 2 * SAMPLE_NS)
    assert read_rate(capture, None, ticks) == WINDOW_BYTES
    assert len(reads) == 2


def test_nothing_to_read(capture, reads):
    full = np.array([WINDOW_BYTES] * 3 + [LAST_BYTES])
    assert read_rate(capture, full, clock()) is None
    assert reads == []


def test_a_clock_that_stands_still_divides_by_no_zero(capture, reads):
    assert read_rate(capture, None, clock(*[0] * 9)) == len(capture.payload) * SAMPLE_NS
    assert len(reads) == 4


def test_a_sample_is_bounded_and_spread_over_the_file(capture, reads, monkeypatch):
    monkeypatch.setattr(facts, "SAMPLE_BYTES", 2 * WINDOW_BYTES)
    ticks = itertools.count()
    assert read_rate(capture, None, lambda: next(ticks)) is not None
    begin = capture.payload_offset
    assert reads == [(begin, WINDOW_BYTES), (begin + 3 * WINDOW_BYTES, LAST_BYTES)]
