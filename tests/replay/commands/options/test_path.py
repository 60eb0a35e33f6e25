"""Flags of the wire: how they are written, what they come to, and which do not go together."""

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from captures.console.errors import InputError, PreflightError
from captures.format.capture import Capture
from captures.format.reader import open_capture
from replay.commands.options.path import parse_mac, parse_vlans, path_options
from replay.path import discover, target
from replay.path.choose import choose_path
from replay.path.headers import Wire
from replay.path.request import BackendChoice, PathRequest, SourceMix
from replay.path.sources import DEFAULT_PORTS, Sources
from replay.path.target import Target
from tests.captures.content import tiny, write

TARGET = Target(socket.AF_INET, "198.18.0.2")
MAC = bytes.fromhex("02a000000001")
AUTO, UDP, PACKET = BackendChoice


@pytest.mark.parametrize("text", ["02:a0:00:00:00:01", "02:A0:00:00:00:01", "02-a0-00-00-00-01", " 02:a0:00:00:00:01 "])
def test_a_mac_address(text: str) -> None:
    assert parse_mac(text) == MAC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02a000000001",
        "02:a0:00:00:00",
        "02:a0:00:00:00:01:02",
        "02:a0:00:00:00:1",
        "02:a0:00:00:00:0g",
        "\u0660\u0662:a0:00:00:00:01",
    ],
)
def test_what_is_no_mac_address(text: str) -> None:
    with pytest.raises(ValueError, match="is no MAC address; write it like 02:00:00:00:00:01$"):
        parse_mac(text)


@pytest.mark.parametrize(
    ("text", "tags"),
    [("1", (1,)), ("4094", (4094,)), ("200.100", (200, 100)), (" 7.4094 ", (7, 4094)), ("0100", (100,))],
)
def test_tags(text: str, tags: tuple[int, ...]) -> None:
    assert parse_vlans(text) == tags


@pytest.mark.parametrize("text", ["", "a", "-1", "1.", ".1", "1.2.3", "1,2", "10000", "1 2", "\u0661"])
def test_what_are_no_tags(text: str) -> None:
    with pytest.raises(ValueError, match="is no VLAN; write it like 100, or 200.100 for one tag inside another$"):
        parse_vlans(text)


@pytest.mark.parametrize("text", ["0", "4095", "9999", "0.1", "1.0", "100.4095"])
def test_tags_that_stand_for_no_vlan(text: str) -> None:
    """IEEE 802.1Q, table 9-2: 0 is no VLAN, 4095 is reserved."""
    with pytest.raises(ValueError, match=f"^'{text}': a VLAN is a number within 1-4094, like 100, or 200.100"):
        parse_vlans(text)


GIVEN: list[tuple[str, dict[str, Any]]] = [
    ("--interface", {"interface": "wire"}),
    ("--dst-mac", {"next_mac": MAC}),
    ("--vlan", {"vlans": (100,)}),
    ("--source-ips", {"network": (4, 0xC6124001, 1)}),
    ("--source-ports", {"ports": range(1, 2)}),
    ("--source-mix", {"mix": SourceMix.UNIFORM}),
    ("--source-mix", {"mix": SourceMix.CAPTURE}),
]


@pytest.mark.parametrize(("flag", "options"), GIVEN)
def test_these_need_frames(flag: str, options: dict[str, Any]) -> None:
    assert PathRequest(**options).frames_only == flag
    assert PathRequest(UDP, **options).frames_only == flag


@pytest.mark.parametrize("backend", BackendChoice)
def test_the_backend_alone_needs_none(backend: BackendChoice) -> None:
    assert PathRequest(backend).frames_only is None


@click.command("send")
@click.option("--before", is_flag=True)
@path_options
@click.option("--behind", is_flag=True)
def send(*, path: PathRequest, before: bool, behind: bool) -> None:
    """Sends."""
    raise Told(path, before, behind)


class Told(Exception):
    """What the command was called with."""


def told(*line: str) -> tuple[PathRequest, bool, bool]:
    done = CliRunner().invoke(send, line)
    assert isinstance(done.exception, Told), done.output
    return done.exception.args


def test_a_command_is_told_nothing_of_flags_that_were_not_given() -> None:
    assert told() == (PathRequest(), False, False)


def test_a_command_gets_all_flags_as_one_argument_beside_its_own() -> None:
    line = ("--before", "--behind", "--backend", "packet", "--interface", "wire", "--dst-mac", "02:a0:00:00:00:01")
    line += ("--vlan", "200.100", "--source-ips", "198.18.64.0/30", "--source-ports", "50000-50002")
    line += ("--source-mix", "uniform")
    first = int.from_bytes(socket.inet_aton("198.18.64.1"), "big")

    options, before, behind = told(*line)

    assert (before, behind) == (True, True)
    assert options == PathRequest(
        backend=PACKET,
        interface="wire",
        next_mac=MAC,
        vlans=(200, 100),
        network=(4, first, 2),
        ports=range(50000, 50003),
        mix=SourceMix.UNIFORM,
    )


def test_a_command_keeps_its_help_and_the_order_of_its_flags() -> None:
    own = ["interface", "dst_mac", "vlan", "source_ips", "source_ports", "source_mix"]

    assert [parameter.name for parameter in send.params] == ["before", "backend", *own, "behind"]
    assert send.help == "Sends."


def test_it_takes_commands_without_flags_of_their_own() -> None:
    @path_options
    def bare(*, path: PathRequest) -> None:
        """Does."""
        raise Told(path)

    assert (bare.__name__, bare.__doc__) == ("bare", "Does.")
    done = CliRunner().invoke(click.command("bare")(bare), ["--vlan", "7"])
    assert done.exception.args == (PathRequest(vlans=(7,)),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("--backend", "tcp"), "'tcp' is not one of 'auto', 'udp', 'packet'"),
        (("--source-mix", "no"), "'no' is not one of 'auto', 'uniform', 'capture'"),
        (("--dst-mac", "xx"), "'xx' is no MAC address"),
        (("--vlan", "x"), "'x' is no VLAN"),
        (("--vlan", "4095"), "a VLAN is a number within 1-4094"),
        (("--source-ips", "x"), "'x' is no network"),
        (("--source-ports", "x"), "'x' is no range of ports"),
    ],
)
def test_a_flag_that_can_t_be_read_is_named(line: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(send, line)

    assert done.exit_code == 2
    assert f"Invalid value for '{line[0]}': " in done.output
    assert said in " ".join(done.output.split())


@pytest.fixture
def hostless(tmp_path: Path) -> Capture:
    write(tmp_path / "tiny.rcap", tiny())
    return replace(open_capture(tmp_path / "tiny.rcap"), sources=0)


@pytest.fixture
def hosts(hostless: Capture) -> Capture:
    return replace(hostless, sources=3)


@pytest.fixture
def mtu(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """That of the wire and of the route, of which nobody is asked here; change it in place."""
    mtu = [1500]

    def found(_target: Target, _ports: tuple[int, ...], options: PathRequest, *, of_capture: bool) -> Wire:
        sources = Sources(1, 1, options.ports or DEFAULT_PORTS, of_capture)
        return Wire(options.interface or "routed", MAC, options.vlans, sources, mtu[0], ())

    monkeypatch.setattr(discover, "discover", found)
    monkeypatch.setattr(target, "route_mtu", lambda _family, _address: mtu[0])
    return mtu


@pytest.mark.parametrize(("flag", "options"), GIVEN)
def test_udp_sockets_can_t_do_what_needs_frames(hosts: Capture, flag: str, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"^{flag} needs frames of our own: use --backend packet, or leave it out$"):
        choose_path(PathRequest(UDP, **options), TARGET, (514,), hosts)


@pytest.mark.usefixtures("mtu")
@pytest.mark.parametrize("backend", [AUTO, UDP])
def test_udp_sockets_do_where_nothing_needs_frames(hosts: Capture, backend: BackendChoice) -> None:
    assert choose_path(PathRequest(backend), TARGET, (514,), hosts) is None


@pytest.mark.usefixtures("mtu")
@pytest.mark.parametrize(("backend", "options"), [(PACKET, {}), *((AUTO, options) for _, options in GIVEN)])
def test_frames_where_they_are_asked_for_or_needed(
    hosts: Capture, backend: BackendChoice, options: dict[str, Any]
) -> None:
    found = choose_path(PathRequest(backend, **options), TARGET, (514,), hosts)

    assert (found.interface, found.vlans) == (options.get("interface", "routed"), options.get("vlans", ()))


@pytest.mark.parametrize("backend", [AUTO, PACKET])
def test_sources_of_a_capture_that_has_none(hostless: Capture, backend: BackendChoice) -> None:
    with pytest.raises(InputError, match="tiny.rcap: its trains have no hosts for --source-mix capture; build it from"):
        choose_path(PathRequest(backend, mix=SourceMix.CAPTURE), TARGET, (514,), hostless)


@pytest.mark.usefixtures("mtu")
@pytest.mark.parametrize(
    ("mix", "with_hosts", "without"), [(SourceMix.AUTO, True, False), (SourceMix.UNIFORM, False, False)]
)
def test_who_says_where_a_train_comes_from(
    hosts: Capture, hostless: Capture, mix: SourceMix, with_hosts: bool, without: bool
) -> None:
    for capture, expected in ((hosts, with_hosts), (hostless, without)):
        assert choose_path(PathRequest(PACKET, mix=mix), TARGET, (514,), capture).sources.of_capture is expected
    assert choose_path(PathRequest(mix=SourceMix.CAPTURE), TARGET, (514,), hosts).sources.of_capture


@pytest.mark.parametrize("backend", [UDP, PACKET])
@pytest.mark.parametrize(("host", "headers"), [("198.18.0.2", 28), ("2001:2::2", 48)])
def test_an_event_too_long_for_a_packet(
    hosts: Capture, mtu: list[int], backend: BackendChoice, host: str, headers: int
) -> None:
    there, options = Target(socket.AF_INET6 if ":" in host else socket.AF_INET, host), PathRequest(backend)
    mtu[0] = hosts.longest + headers
    choose_path(options, there, (514,), hosts)
    mtu[0] -= 1
    with pytest.raises(PreflightError, match=f"a packet of {mtu[0] + 1}, and the route to {host} takes {mtu[0]}: "):
        choose_path(options, there, (514,), hosts)
