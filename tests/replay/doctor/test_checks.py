"""Facts of machines and captures that nobody here has, and what is found about them."""

from dataclasses import replace

import pytest

from replay.doctor import checks
from replay.doctor.activity import Activity
from replay.machine.core_order import Topology
from replay.path.request import BackendChoice, PathRequest
from replay.plan.worker_count import reckon_workers
from tests.replay.doctor.examples import CAPTURE, GIB, LOAD, MACHINE, PACKET


def machine(**changed):
    return replace(MACHINE, **changed)


def capture(**changed):
    return replace(CAPTURE, **changed)


def by_name(findings):
    return {finding.check: finding for finding in findings}


def test_a_machine_that_has_it_all():
    found = checks.machine_findings(MACHINE, PACKET)
    assert {finding.state for finding in found} == {"ok"}
    assert {finding.mend for finding in found} == {None}
    assert len(found) == len(by_name(found)) == 12


@pytest.mark.parametrize("compiled", [True, False])
def test_compiled_code_that_is_not_there_yet_is_no_fault_but_where_none_stays(compiled):
    for stays, state in ((True, "ok"), (False, "warn")):
        finding = checks.compiled_code(machine(compiled=compiled, compiled_stays=stays))
        assert finding.state == state
        assert ("/compiled-" in finding.found) == stays
        assert ("each run and each sink compiles them" in finding.found) != stays
        assert ("not compiled yet" in finding.found) == (stays and not compiled)
        assert (finding.mend is None) == stays


@pytest.mark.parametrize("stays", [True, False])
def test_a_named_folder_that_is_not_used_is_told(stays):
    finding = checks.compiled_code(machine(compiled_refused="/srv/all", compiled_stays=stays))
    assert finding.state == "warn"
    assert finding.found.startswith("STAMPEDE_CACHE=/srv/all can't be used: others may write there, or it can't be ")
    assert ("are kept in" in finding.found) == stays


def test_of_the_rights_only_that_to_write_frames_can_be_missed():
    bare = machine(capabilities=frozenset())
    for load in (LOAD, replace(LOAD, path=PathRequest(backend=BackendChoice.UDP))):
        assert {finding.state for finding in checks.capabilities(bare, load)} == {"ok"}
        assert {finding.found for finding in checks.capabilities(bare, load)} == {"missing; not needed"}
    found = by_name(checks.capabilities(bare, PACKET))
    assert {name for name, finding in found.items() if finding.state == "fail"} == {"cap-net-raw"}
    assert found["cap-net-raw"].mend.startswith("sudo setcap cap_net_admin,cap_net_raw+ep $(readlink -f ")


@pytest.mark.parametrize(
    ("options", "packet"),
    [
        (PathRequest(), False),
        (PathRequest(backend=BackendChoice.UDP), False),
        (PathRequest(backend=BackendChoice.PACKET), True),
        (PathRequest(vlans=(100,)), True),
        (PathRequest(ports=range(49152, 49160)), True),
    ],
)
def test_frames_are_asked_for_by_backend_or_by_a_flag_that_needs_them(options, packet):
    assert replace(LOAD, path=options).packet is packet


@pytest.mark.parametrize(
    ("check", "changed", "state", "said", "mend"),
    [
        (checks.udp_segment, {"segments": 64}, "ok", "64 events", None),
        (checks.udp_segment, {"segments": 1}, "warn", "has none", "uname -r"),
        (checks.sendmmsg, {"sendmmsg": False}, "fail", "refused", "seccomp"),
        (checks.error_queue, {"send_buffer_bytes": None}, "fail", "refused", "uname -r"),
        (checks.error_queue, {"send_buffer_bytes": 1}, "ok", "works", None),
        (checks.governor, {"governors": {}}, "ok", "no cpufreq", None),
        (
            checks.governor,
            {"governors": {0: "performance", 2: "powersave", 3: "schedutil"}},
            "warn",
            "powersave, schedutil on cores 2-3",
            "sudo cpupower -c 2-3 frequency-set -g performance",
        ),
        (checks.isolation, {"isolated": frozenset()}, "ok", "no core is isolated", None),
        (
            checks.isolation,
            {"cpus": (0, 2), "isolated": frozenset({2, 3, 5})},
            "warn",
            "cores 0 are shared, 2-3,5 are isolated",
            "replay run ... --cpus 2-3,5",
        ),
        (checks.isolation, {"cpus": (2,)}, "ok", "cores 2 are isolated", None),
    ],
)
def test_a_machine_that_lacks_something(check, changed, state, said, mend):
    found = check(machine(**changed))
    assert found.state == state
    assert said in found.found
    assert (found.mend is None) if mend is None else (mend in found.mend)


@pytest.mark.parametrize(
    ("there", "load", "states"),
    [
        (True, PACKET, [("ok", "works")]),
        (False, PACKET, [("fail", "refused by this kernel")]),
        (False, LOAD, [("ok", "refused by this kernel")]),
        (None, PACKET, []),
    ],
)
def test_trains_as_frames_matter_to_those_who_write_frames(there, load, states):
    found = checks.vnet_header(machine(vnet_header=there), load)
    assert [(finding.state, finding.found) for finding in found] == states


@pytest.mark.parametrize(
    ("granted", "said"),
    [
        (4 << 20, "4.0 MiB granted"),
        (5 << 20, "5.0 MiB granted"),
        ((4 << 20) - 1, "4.0 MiB granted of 4.0 MiB, bounded by net.core.wmem_max"),
        (212_992, "208.0 KiB granted of 4.0 MiB, bounded by net.core.wmem_max"),
    ],
)
def test_send_buffers(granted, said):
    (found,) = checks.send_buffer(machine(send_buffer_bytes=granted))
    assert found.found == said
    assert found.mend == (None if granted >= 4 << 20 else "sudo ./tools/tune apply --role sender")


def test_of_a_socket_that_is_none_no_buffer_is_judged():
    assert checks.send_buffer(machine(send_buffer_bytes=None)) == []


@pytest.mark.parametrize(("available", "state"), [(1_500_000_000, "ok"), (1_499_999_999, "warn")])
def test_a_capture_fits_into_memory_or_not(available, state):
    found = checks.memory(CAPTURE, available)
    assert found.state == state
    if state == "warn":
        assert found.mend == "precompute build PROFILE --size 715MiB -o FILE"


@pytest.mark.parametrize(
    ("cached", "read_bytes_s", "state"),
    [
        (1_500_000_000, None, "ok"),
        (0, 1.2e9, "ok"),
        (0, 1.199e9, "warn"),
        (1_499_000_000, 6e8, "warn"),
        (1_499_000_000, 5.99e8, "warn"),
        (1_485_000_000, 6.01e6, "warn"),
        (1_485_000_000, 5.99e6, "fail"),
        (750_000_000, 3e8, "warn"),
        (750_000_000, 2.99e8, "fail"),
        (0, 5.99e8, "fail"),
        (None, 1.2e9, "ok"),
        (None, 5e8, "fail"),
    ],
)
def test_a_disk_keeps_up_with_the_rate_or_not(cached, read_bytes_s, state):
    """4,000,000 events of 150 bytes a second: 600 MB/s, of which the disk gives the share that is not cached."""
    found = checks.page_cache(capture(cached_bytes=cached, read_bytes_s=read_bytes_s), GIB * 16, LOAD)
    assert found.state == state
    assert found.mend == (None if state == "ok" else "cat '/data/a b.rcap' > /dev/null")


def test_what_a_page_cache_finding_says():
    found = checks.page_cache(capture(cached_bytes=375_000_000, read_bytes_s=300 << 20), GIB * 16, LOAD)
    assert found.found.startswith(
        "25% of 1.4 GiB are cached; the rest comes at 300.0 MiB/s, 4.00M EPS need 429.2 MiB/s"
    )
    assert "file's owner only" in checks.page_cache(capture(cached_bytes=None, read_bytes_s=1.0), GIB, LOAD).found


@pytest.mark.parametrize(("available", "mend"), [(1_500_000_000, "cat "), (1_499_999_999, "build a capture that fits")])
def test_what_does_not_fit_is_not_to_be_cached(available, mend):
    found = checks.page_cache(capture(cached_bytes=0, read_bytes_s=1.0), available, LOAD)
    assert found.mend.startswith(mend)


@pytest.mark.parametrize(
    ("staged_eps", "changed", "state", "mend"),
    [
        (20_000_000, {}, "ok", None),
        (5_555_556, {}, "ok", None),
        (5_555_555, {}, "warn", "replay run ... --workers 2"),
        (2_325_582, {}, "warn", "replay run ... --workers 2"),
        (2_325_581, {}, "warn", "give it more cores"),
        (2_000_000, {}, "warn", "give it more cores"),
        (1_999_999, {}, "fail", "give it more cores"),
        (900_000, {"cpus": (2, 3, 4, 5, 6)}, "warn", "replay run ... --workers 5"),
        (500_000, {"segments": 1, "cpus": tuple(range(20))}, "ok", None),
    ],
)
def test_cores_do_their_part_or_not(staged_eps, changed, state, mend):
    """4,000,000 events a second, which one worker is counted on for where nothing was measured; without GSO, 16."""
    found = checks.staging(capture(staged_eps=staged_eps), machine(**changed), LOAD)
    assert found.state == state
    assert (found.mend or "").startswith(mend or "")
    assert (found.mend is None) == (mend is None)


def test_a_staging_finding_counts_workers_as_the_run_does():
    found = checks.staging(capture(staged_eps=3e6), MACHINE, LOAD).found
    _, why = reckon_workers(4e6, 40, MACHINE.cpus, Topology(), gso=True, measured_eps=None)
    assert found == f"a core stages 3.00M events/s, at which 4.00M EPS take 2 workers or more; a run starts {why}"
    assert why.startswith("1: 4,000,000 EPS at 8,000,000 each, as is usual")

    calibrated = replace(LOAD, worker_eps=2_000_000)
    assert (
        "; a run starts 2: 4,000,000 EPS at 1,500,000 each, 75% of"
        in checks.staging(CAPTURE, MACHINE, calibrated).found
    )


def test_a_staging_finding_says_that_the_cores_were_busy():
    activity = Activity(busy_cores=1.0, stolen_cores=0.2, cores=2, programs=(), load=3.0)
    found = checks.staging(capture(staged_eps=3e6), machine(activity=activity), LOAD).found
    assert found.startswith("a core stages 3.00M events/s while the cores are 60% busy with other things, at which ")


def test_all_checks_of_a_capture_are_made():
    found = [finding.check for finding in checks.capture_findings(CAPTURE, MACHINE, LOAD)]
    assert found == ["memory", "page-cache", "staging"]
