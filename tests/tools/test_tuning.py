"""Kernel settings: what is planned, what is put back, and that nothing is lost on the way."""

import json
import mmap
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.command import run
from captures.console.errors import InputError, PreflightError, RunError
from captures.console.units import parse_size
from replay.commands.sink import sink
from replay.engine.backends.packet import SEND_BUFFER_BYTES as PACKET_BUFFER_BYTES
from replay.engine.backends.udp import SEND_BUFFER_BYTES as UDP_BUFFER_BYTES
from tools import tuning
from tools.settings import Reading, least, plan, udp_memory_pages
from tools.tuning import Host, apply, tune, undo

ROOT = Path(__file__).parents[2]
GIB = 1 << 30
DEBIAN = {
    "net.core.wmem_max": (212992,),
    "net.core.rmem_max": (212992,),
    "net.core.rmem_default": (212992,),
    "net.ipv4.udp_mem": (190000, 253000, 380000),
    "net.ipv4.udp_rmem_min": (4096,),
    "net.core.netdev_max_backlog": (1000,),
}
"""The defaults of a host with 8 GiB."""
ROLES = st.sampled_from(["sender", "receiver", "both"])
QUEUE = "device/eth0/txqueuelen"


def path_of(root: Path, name: str) -> Path:
    return root / name.replace(".", "/")


def values(root: Path) -> dict[str, tuple[int, ...]]:
    return {name: tuple(map(int, path_of(root, name).read_text().split())) for name in DEBIAN}


@pytest.fixture
def root(tmp_path) -> Path:
    """A tree like /proc/sys."""
    for name, value in DEBIAN.items():
        file = path_of(tmp_path / "sys", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\t".join(map(str, value)) + "\n")
    return tmp_path / "sys"


@pytest.fixture
def state(tmp_path) -> Path:
    return tmp_path / "run" / "tuning.json"


def planned(host: Host, role: str = "both", memory_bytes: int = 8 * GIB):
    readings = {name: host.read(name) for name in DEBIAN}
    return plan({name: found for name, found in readings.items() if found}, memory_bytes, role)


def outcomes(steps) -> dict[str, str]:
    return {step.name: step.outcome for step in steps}


# What is planned


def test_the_plan_of_each_role_on_a_fresh_host():
    current = {name: Reading(value) for name, value in DEBIAN.items()}

    sender = {step.name: step.wanted for step in plan(current, 64 * GIB, "sender")}
    receiver = {step.name: step.wanted for step in plan(current, 64 * GIB, "receiver")}

    assert sender == {"net.core.wmem_max": (4194304,)}
    assert receiver == {
        "net.core.rmem_max": (67108864,),
        "net.core.rmem_default": (16777216,),
        "net.ipv4.udp_mem": (12 * 10**9 // mmap.PAGESIZE,) * 3,
        "net.ipv4.udp_rmem_min": (262144,),
        "net.core.netdev_max_backlog": (65536,),
    }
    assert {step.name for step in plan(current, 64 * GIB, "both")} == set(DEBIAN)
    assert set(outcomes(plan(current, 64 * GIB, "both")).values()) == {"change"}


def test_the_sizes_are_those_the_programs_ask_for():
    wanted = {name: value for name, value, _ in least(64 * GIB, "both")}

    (asked,) = [option.default for option in sink.params if option.name == "buffer_bytes"]
    assert wanted["net.core.rmem_max"] == (parse_size(asked),)
    assert wanted["net.core.wmem_max"] == (UDP_BUFFER_BYTES,) == (PACKET_BUFFER_BYTES,)


@pytest.mark.parametrize(
    ("memory_bytes", "udp_bytes"),
    [(2 * GIB, GIB), (8 * GIB, 4 * GIB), (16 * GIB, 5 * GIB), (32 * GIB, 8 * GIB), (1024 * GIB, 12 * 10**9)],
    ids=lambda size: f"{size / GIB:.0f}GiB",
)
def test_udp_memory_follows_the_host_s(memory_bytes, udp_bytes):
    assert udp_memory_pages(memory_bytes) == udp_bytes // mmap.PAGESIZE


@given(st.integers(1 << 28, 1 << 43))
def test_udp_memory_leaves_half_of_the_memory_and_holds_40_ports_where_it_can(memory_bytes):
    udp_bytes = udp_memory_pages(memory_bytes) * mmap.PAGESIZE

    assert udp_bytes <= min(memory_bytes // 2, 12 * 10**9)
    assert udp_bytes + mmap.PAGESIZE > min(memory_bytes // 2, 40 * (64 << 20))


@st.composite
def hosts(draw):
    """Settings as a host may have them, some of them missing."""
    number = st.integers(0, 2**31 - 1)
    vectors = st.lists(number, min_size=3, max_size=3).map(sorted).map(tuple)
    whole = {name: draw(vectors if len(DEBIAN[name]) == 3 else st.tuples(number)) for name in DEBIAN}
    whole[QUEUE] = draw(st.tuples(number))
    return {name: Reading(whole[name], draw(st.booleans())) for name in draw(st.sets(st.sampled_from(sorted(whole))))}


@given(hosts(), st.integers(1 << 28, 1 << 43), ROLES, st.sampled_from([None, "eth0"]))
def test_no_number_is_ever_lowered(current, memory_bytes, role, device):
    for step in plan(current, memory_bytes, role, device):
        if step.name not in current:
            assert (step.outcome, step.now) == ("absent", None)
            continue
        reading = current[step.name]
        assert step.now == reading.value
        assert all(new >= old for new, old in zip(step.wanted, reading.value, strict=True))
        assert list(step.wanted) == sorted(step.wanted)
        assert (step.outcome == "enough") == (step.wanted == reading.value)
        assert step.outcome != "change" or reading.writable


@given(hosts(), st.integers(1 << 28, 1 << 43), ROLES)
def test_a_host_as_planned_needs_nothing_more(current, memory_bytes, role):
    after = current | {
        step.name: Reading(step.wanted) for step in plan(current, memory_bytes, role) if step.outcome == "change"
    }

    assert "change" not in outcomes(plan(after, memory_bytes, role)).values()


def test_a_device_s_queue_is_the_sender_s():
    assert QUEUE in outcomes(plan({}, GIB, "sender", "eth0"))
    assert QUEUE not in outcomes(plan({}, GIB, "receiver", "eth0"))
    assert not any(name.startswith("device") for name in outcomes(plan({}, GIB, "both")))


# Applied and undone, on a tree like /proc/sys


def test_undo_puts_back_what_apply_changed(root, state, capsys):
    host = Host(root)
    done = apply(host, planned(host), state)

    assert set(outcomes(done).values()) == {"changed"}
    assert values(root) == {step.name: step.wanted for step in done}
    assert state.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in state.parent.iterdir()] == ["tuning.json"]
    assert "net.core.rmem_max: 212992 -> 67108864\n" in capsys.readouterr().err

    undone = undo(host, state)

    assert set(outcomes(undone).values()) == {"restored"}
    assert values(root) == DEBIAN
    assert not state.exists()
    assert "net.core.rmem_max: 67108864 -> 212992\n" in capsys.readouterr().err


def test_nothing_to_change_leaves_no_state_file(root, state, capsys):
    path_of(root, "net.core.wmem_max").write_text("8388608\n")
    host = Host(root)

    assert outcomes(apply(host, planned(host, "sender"), state)) == {"net.core.wmem_max": "enough"}
    assert capsys.readouterr().err == "nothing to change\n"
    assert not state.exists()
    assert values(root)["net.core.wmem_max"] == (8388608,)


class Failing(Host):
    """Refuses to set one setting."""

    name = "net.ipv4.udp_mem"

    def write(self, name, value):
        if name == self.name:
            raise OSError(22, "Invalid argument")
        super().write(name, value)


def test_a_change_that_fails_leaves_the_others_undoable(root, state):
    host = Failing(root)
    with pytest.raises(RunError, match=r"net\.ipv4\.udp_mem can't be set to .*: Invalid argument; .*undo --state"):
        apply(host, planned(host), state)
    assert values(root)["net.core.rmem_max"] == (67108864,)
    assert values(root)["net.ipv4.udp_rmem_min"] == (4096,)

    undone = outcomes(undo(Host(root), state))

    assert values(root) == DEBIAN
    assert undone["net.core.rmem_max"] == "restored"
    assert undone["net.ipv4.udp_mem"] == undone["net.ipv4.udp_rmem_min"] == "unchanged"


def test_the_old_values_are_on_disk_before_the_first_change(root, state):
    class Looking(Host):
        def write(self, name, value):
            saved = json.loads(state.read_text())["changes"]
            assert {name: tuple(change["old"]) for name, change in saved.items()} == DEBIAN
            super().write(name, value)

    host = Looking(root)
    assert len(apply(host, planned(host), state)) == len(DEBIAN)


def test_nothing_is_changed_where_the_old_values_can_t_be_kept(root):
    host = Host(root)
    with pytest.raises(PreflightError, match="nothing changed: the state file .* can't be written"):
        apply(host, planned(host), Path("/proc/no-place/tuning.json"))
    assert values(root) == DEBIAN


def test_a_second_apply_keeps_the_first_values(root, state):
    host = Host(root)
    apply(host, planned(host, "receiver"), state)
    path_of(root, "net.core.rmem_max").write_text("1000000\n")

    done = apply(host, planned(host, "both"), state)

    assert {name for name, outcome in outcomes(done).items() if outcome == "changed"} == {
        "net.core.wmem_max",
        "net.core.rmem_max",
    }
    undo(host, state)
    assert values(root) == DEBIAN


def test_values_of_an_earlier_apply_are_ours_too(root, state):
    host = Host(root)
    apply(host, planned(host, memory_bytes=8 * GIB), state)
    larger = Failing(root)
    with pytest.raises(RunError):
        apply(larger, planned(larger, memory_bytes=32 * GIB), state)

    undo(host, state)

    assert values(root) == DEBIAN


def test_what_somebody_else_set_is_left_alone(root, state, capsys):
    host = Host(root)
    apply(host, planned(host), state)
    path_of(root, "net.core.rmem_max").write_text("134217728\n")

    undone = outcomes(undo(host, state))

    assert undone.pop("net.core.rmem_max") == "foreign"
    assert set(undone.values()) == {"restored"}
    assert values(root) == DEBIAN | {"net.core.rmem_max": (134217728,)}
    assert "net.core.rmem_max: left at 134217728, set by somebody else since; it was 212992" in capsys.readouterr().err
    assert not state.exists()


def test_an_undo_that_fails_keeps_the_file_for_the_next(root, state):
    host = Host(root)
    apply(host, planned(host), state)

    with pytest.raises(RunError, match="udp_mem can't be put back to 190000 253000 380000: Invalid argument; .* kept"):
        undo(Failing(root), state)
    assert {name for name, value in values(root).items() if value != DEBIAN[name]} == {"net.ipv4.udp_mem"}

    assert outcomes(undo(host, state))["net.ipv4.udp_mem"] == "restored"
    assert values(root) == DEBIAN


def test_settings_that_a_namespace_lacks_or_only_shows_are_skipped(root, state, capsys):
    path_of(root, "net.ipv4.udp_mem").unlink()
    path_of(root, "net.core.rmem_max").chmod(0o444)
    host = Host(root)

    done = outcomes(apply(host, planned(host, "receiver"), state))

    assert done["net.ipv4.udp_mem"] == "absent"
    assert done["net.core.rmem_max"] == "fixed"
    lines = capsys.readouterr().err
    assert "net.ipv4.udp_mem: skipped, this network namespace has none\n" in lines
    assert "net.core.rmem_max: skipped, this network namespace can't set it\n" in lines
    assert set(json.loads(state.read_text())["changes"]) == {
        "net.core.rmem_default",
        "net.ipv4.udp_rmem_min",
        "net.core.netdev_max_backlog",
    }


def test_a_setting_that_is_gone_is_no_obstacle(root, state):
    host = Host(root)
    apply(host, planned(host), state)
    path_of(root, "net.core.netdev_max_backlog").unlink()

    assert outcomes(undo(host, state))["net.core.netdev_max_backlog"] == "absent"
    assert not state.exists()


def test_a_file_of_another_namespace_is_refused(root, state):
    host = Host(root)
    apply(host, planned(host), state)
    host.namespace += 1

    for act in (lambda: undo(host, state), lambda: apply(host, planned(host), state)):
        with pytest.raises(InputError, match="is of another network namespace"):
            act()
    assert state.exists()


# The command


@pytest.fixture
def command(root, monkeypatch, capsys):
    """Calls the command on the tree, as root; answers with exit code, stdout and stderr."""
    monkeypatch.setattr(tuning, "PROC_SYS", root)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def call(*words) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tools/tune", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            run(tune)
        printed = capsys.readouterr()
        return int(left.value.code), printed.out, printed.err

    return call


def test_show_is_the_default_and_needs_no_root(command, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    code, table, error = command()

    assert (code, error) == (0, "")
    lines = table.splitlines()
    settings = [line.split(":")[0] for line in lines if not line.startswith(" ")]
    assert settings == [name for name, _, _ in least(GIB, "both")]
    assert max(map(len, lines)) <= 80
    assert command("show")[1] == table


def test_json_stands_alone_on_stdout(command, root, state):
    shown = json.loads(command("show", "--role", "sender", "--json")[1])
    assert [(step["name"], step["now"], step["wanted"], step["outcome"]) for step in shown] == [
        ("net.core.wmem_max", [212992], [4194304], "change")
    ]

    applied = json.loads(command("apply", "--state", state, "--json")[1])
    assert {step["outcome"] for step in applied} == {"changed"}

    undone = json.loads(command("undo", "--state", state, "--json")[1])
    assert {step["outcome"] for step in undone} == {"restored"}
    assert values(root) == DEBIAN


@pytest.mark.parametrize("action", ["apply", "undo"])
def test_apply_and_undo_need_root(command, root, state, monkeypatch, action):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert command(action, "--state", state) == (
        3,
        "",
        "tools/tune: apply and undo need root; `tools/tune show` does not\n",
    )
    assert values(root) == DEBIAN


def test_undo_without_a_state_file_says_so(command, state):
    assert command("undo", "--state", state) == (
        2,
        "",
        f"tools/tune: nothing to undo: there is no state file {state}\n",
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"namespace": 1, "changes": {"net.core.rmem_max": {"old": ["many"], "ours": []}}}',
        b'{"namespace": 1, "changes": {"../../etc/passwd": {"old": [1], "ours": []}}}',
        b'{"namespace": 1, "changes": {"device/../txqueuelen/x": {"old": [1], "ours": []}}}',
        b'{"namespace": 1, "changes": {"kernel.panic": {"old": [1], "ours": []}}}',
    ],
)
@pytest.mark.parametrize("action", ["apply", "undo"])
def test_a_damaged_state_file_is_one_line(command, root, state, action, content):
    state.parent.mkdir()
    state.write_bytes(content)

    code, out, line = command(action, "--state", state)

    assert (code, out) == (2, "")
    assert line.startswith(f"tools/tune: {state} is damaged: ")
    assert line.count("\n") == 1
    assert values(root) == DEBIAN
    assert state.read_bytes() == content


def test_a_folder_as_state_file_is_one_line(command, tmp_path):
    assert command("undo", "--state", tmp_path) == (2, "", f"tools/tune: {tmp_path}: Is a directory\n")


@pytest.mark.parametrize("words", [("--device", "nosuchdevice0"), ("--device", "lo", "--role", "receiver")])
def test_a_device_that_nothing_is_sent_through_is_refused(command, root, words):
    code, _, line = command("apply", *words)

    assert code == 2
    assert line.startswith(f"tools/tune: there is no device {words[1]} to send through")
    assert values(root) == DEBIAN


# For real, in a network namespace of its own


def in_a_namespace(script: str, *, mounts: bool = False) -> subprocess.CompletedProcess[str]:
    """What a shell script does in a new network namespace, with `tune` as the command."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare for a network namespace")
    tune_command = f'tune() {{ "{sys.executable}" -m tools.tuning "$@"; }}\n'
    words = ["unshare", "--net", *(["--mount"] if mounts else []), "sh", "-euc", tune_command + script]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


OUTSIDE = ["net.core.rmem_max", "net.core.wmem_max", "net.core.rmem_default", "net.ipv4.udp_mem"]


def test_a_namespace_s_own_settings_are_applied_and_undone(tmp_path):
    """Of the sysctls only udp_rmem_min can be set there, so this machine stays as it is."""
    outside = {name: Host(tuning.PROC_SYS).read(name) for name in [*OUTSIDE, "net.ipv4.udp_rmem_min"]}
    state = tmp_path / "tuning.json"
    look = "cat /proc/sys/net/ipv4/udp_rmem_min; ip -o link show lo | grep -o 'qlen [0-9]*'"

    done = in_a_namespace(
        f"""
        echo 5000 > /proc/sys/net/ipv4/udp_rmem_min
        ip link set lo txqueuelen 900
        tune apply --device lo --state {state}
        {look}
        tune undo --state {state}
        {look}
        """
    )

    assert (done.returncode, done.stdout.split("\n")) == (
        0,
        ["262144", "qlen 10000", "5000", "qlen 900", ""],
    ), done.stderr
    assert "net.core.rmem_max: skipped, this network namespace can't set it\n" in done.stderr
    assert "net.ipv4.udp_rmem_min: 5000 -> 262144\n" in done.stderr
    assert "device/lo/txqueuelen: 10000 -> 900\n" in done.stderr
    assert not state.exists()
    assert {name: Host(tuning.PROC_SYS).read(name) for name in outside} == outside


def test_sysctls_that_are_mounted_read_only_are_an_environment_error(tmp_path):
    done = in_a_namespace(
        f"""
        mount --bind /proc/sys /proc/sys
        mount -o remount,ro,bind /proc/sys
        tune apply --state {tmp_path}/tuning.json
        """,
        mounts=True,
    )

    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("tools/tune: /proc/sys is mounted read-only: ")
    assert list(tmp_path.iterdir()) == []
