"""The manual against the code: links, commands, profiles, exit codes, fields of reports, names of modules."""

import gzip
import importlib.machinery
import importlib.util
import ipaddress
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from captures.cli import captures
from captures.console.errors import ExitCode
from captures.format.tags import tag_text
from captures.notation.models import MAX_WEIGHT, Model
from captures.notation.strict_yaml import MAX_DEPTH, MAX_FILE_BYTES
from precompute.cli import precompute
from precompute.fields.kinds import KINDS
from precompute.fields.plain import MAX_TEXTS, MAX_VALUES, MAX_ZIPF
from precompute.profile.line_limits import MAX_EVENT_BYTES, MAX_FRAMES, PARTS, RFC3164_TAG
from precompute.profile.lines import Format
from precompute.profile.loading import built_in_names, load_profile
from precompute.profile.recipe import MAX_EVENTS, MAX_RATE_EPS, Recipe
from precompute.profile.variants import MAX_OPTIONALS
from precompute.rendering.build import build_capture
from precompute.timeline.model import MAX_DURATION_NS, MAX_FACTOR
from precompute.timeline.windows import MAX_WINDOWS
from replay.board.journal import TRAINS
from replay.calibration.winner import Trial
from replay.cli import replay
from replay.clock import wall_ns
from replay.doctor.findings import CheckState, Finding, findings_json
from replay.engine.preparation import prepare
from replay.machine.situation import Situation
from replay.plan.calibration_file import Entry
from replay.plan.pace import Pace
from replay.plan.send_method import SendMethod
from replay.report.model import LaneFigures
from replay.schedule.rates import STRIPE_EVENTS
from replay.sessions.calibrate import Calibrated
from tests import forks
from tests.captures.recorded import OTHERS, datagram, incident, recorded, text_of
from tests.captures.told import dpkt_datagrams
from tests.network.programs import free_ports, listening_sink
from tests.replay.control.told import Told
from tests.replay.report.reports import plain_report

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ARCHITECTURE, CLI, GUIDE, PROFILES, PYTHON, REPORTS, SENDING = (
    ROOT / "docs" / f"{name}.md"
    for name in ("architecture", "cli", "guide", "profiles", "python", "reports", "sending")
)
PACKAGES = ("captures", "precompute", "replay")
TIMEOUT_S = 60

# What a reader who tries a command may send to.
HARMLESS = [ipaddress.ip_network(text) for text in ("127.0.0.0/8", "198.18.0.0/15")]


def named(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def fences(path: Path, language: str) -> list[str]:
    """The contents of a page's code blocks in one language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", path.read_text())


def prose(path: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"(?ms)^```.*?^```$", "", path.read_text())


def section(path: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of its rank or a higher one."""
    rank = heading.index(" ")
    found = re.search(rf"(?ms)^{re.escape(heading)}\n(.*?)(?=^#{{1,{rank}}} |\Z)", path.read_text())
    assert found, f"{path.name} has no {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of a page's tables, without their heads."""
    found = (line.strip("|").split("|") for line in text.splitlines() if line.startswith("|"))
    lines = [[cell.strip() for cell in cells] for cells in found]
    rules = [place for place, cells in enumerate(lines) if set("".join(cells)) == {"-"}]
    heads = {place - offset for place in rules for offset in (0, 1)}
    return [cells for place, cells in enumerate(lines) if place not in heads]


def spans(text: str) -> list[str]:
    """The code spans of a text."""
    return re.findall(r"`([^`]+)`", text)


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(path))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", named(PAGES))
def test_every_relative_link_resolves(path):
    for target in re.findall(r"\]\(([^)]+)\)", re.sub(r"`[^`\n]*`", "", prose(path))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        page = (path.parent / file).resolve() if file else path
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target


def cli_reference() -> str:
    """What tools/cli-reference makes now."""
    loader = importlib.machinery.SourceFileLoader("cli_reference", str(ROOT / "tools" / "cli-reference"))
    spec = importlib.util.spec_from_loader("cli_reference", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    made: str = module.reference()
    return made


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_commands_page_is_up_to_date(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    assert cli_reference() == CLI.read_text(), "write it anew: .venv/bin/python tools/cli-reference --write"


def commands() -> Iterator[Any]:
    """Every call of a command in a page's shell blocks, as words; what redirects is left out."""
    for page in PAGES:
        for line in "".join(fences(page, "sh")).splitlines():
            words = shlex.split(re.split(" 2?> ", line.removesuffix("&"))[0], comments=True)
            words = words[3:] if words[:2] == ["ip", "netns"] and words[2] == "exec" else words
            words = words[1:] if words[:1] in (["sender"], ["siem"]) else words
            if words[:1] in ([package] for package in PACKAGES) and "--version" not in words:
                yield pytest.param(words, id=" ".join(words))


@pytest.mark.parametrize("words", list(commands()))
def test_every_command_is_one_that_the_program_takes(words):
    group = {"captures": captures, "precompute": precompute, "replay": replay}[words[0]]
    command = group.get_command(click.Context(group), words[1])
    assert command is not None

    command.make_context(words[1], words[2:])


@pytest.mark.parametrize("path", named(PAGES))
def test_no_command_sends_to_a_foreign_address(path):
    for block in fences(path, "sh"):
        for text in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", block):
            assert any(ipaddress.ip_address(text) in network for network in HARMLESS), text


YAML = [
    pytest.param(block, id=f"{page.stem}-{n}")
    for page in (GUIDE, PROFILES)
    for n, block in enumerate(fences(page, "yaml"))
]


@pytest.mark.parametrize("block", YAML)
def test_every_profile_of_the_manual_builds(tmp_path, block):
    (tmp_path / "pages.txt").write_text("/\n/cart\n")
    path = tmp_path / "profile.yaml"
    path.write_text(block)

    recipe = Recipe(profile=load_profile(str(path)), seed=7, train=128, events=1000)
    built = build_capture(tmp_path / "a.rcap", recipe, jobs=1, force=False, progress=lambda _rendered, _total: None)
    assert built.events == 1000


def test_the_manual_has_profiles():
    assert fences(GUIDE, "yaml")
    assert fences(PROFILES, "yaml")


def test_the_manual_names_every_built_in_profile_and_every_kind_of_field():
    told = {span for cells in rows(section(PROFILES, "## Built-in profiles")) for span in spans(cells[0])}
    assert told == set(built_in_names())
    written = " ".join(cells[0] for cells in rows(section(PROFILES, "## Fields")))
    assert {kind for kind in KINDS if f"{{{kind}: " not in written} == set()


def test_the_page_of_profiles_begins_with_one_of_ten_lines():
    assert len(fences(PROFILES, "yaml")[0].splitlines()) <= 10


def test_the_limits_of_profiles_are_the_code_s():
    told = dict(rows(section(PROFILES, "## Limits")))
    events, tag = MAX_EVENT_BYTES, PARTS["tag"].longest
    assert {name: told[f"`{name}`"] for name in PARTS if name != "tag"} == {
        name: f"{part.longest:,} characters" for name, part in PARTS.items() if name != "tag"
    }
    assert told["`tag`"] == f"{tag} characters, {RFC3164_TAG.longest} in `rfc3164`"
    assert told["an event"] == f"{events[Format.RFC5424]:,} bytes, {events[Format.RFC3164]:,} in `rfc3164`"
    assert told["the file of a profile or of a list of values"].startswith(f"{MAX_FILE_BYTES >> 20} MiB ")
    assert told["the file of a profile or of a list of values"].endswith(f" {MAX_DEPTH} deep")
    assert told["one text in it"] == f"{Model.model_config['str_max_length']:,} characters"
    assert told["`weight`"].startswith(f"{MAX_WEIGHT:,};")
    assert told["`zipf`"].startswith(f"{MAX_ZIPF},")
    assert told["the factors of a `timeline`"].startswith(f"{MAX_FACTOR:,},")
    assert told["`--duration`"] == f"{MAX_DURATION_NS // (86_400 * 10**9)} days"
    for what, limit in (
        ("the values of one field", MAX_VALUES),
        ("the texts of all fields; a correlated field has one for each column of each row", MAX_TEXTS),
        ("the optional parts of a template", MAX_OPTIONALS),
        ("the templates, counted with and without each optional part", MAX_FRAMES),
        ("the windows of a time axis", MAX_WINDOWS),
        ("`--events`", MAX_EVENTS),
        ("`--eps`", MAX_RATE_EPS),
    ):
        assert told[what] == f"{limit:,}"


def test_the_guide_s_exit_codes_are_the_code_s():
    told = {(int(code), name) for code, name, _ in rows(section(GUIDE, "## Exit codes"))}

    assert told == {(code.value, code.name.lower()) for code in ExitCode}


def test_every_folder_has_its_row():
    """And so has every module that stands beside the folders of a package."""
    sources = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py" or list(path.parent.glob("*.yaml")) or list(path.parent.glob("*.txt"))
    ]
    there = {str(path if len(path.parts) == 2 else path.parent) for path in sources}
    told = [name for cells in rows(section(ARCHITECTURE, "## The house")) for name in spans(cells[0]) if "/" in name]

    assert sorted(name for name in told if not name.endswith("/")) == sorted(there)


def test_the_architecture_is_short():
    assert len(ARCHITECTURE.read_text().splitlines()) <= 250


def test_numbers_of_the_manual():
    text = SENDING.read_text()

    assert f"room for {TRAINS} trains at most" in text
    assert f"of {STRIPE_EVENTS:,} events each" in text


def test_the_examples_of_python_run(tmp_path):
    """A capture; a sink, a watch of it, and the run that both hear; an audit of what is written, and the ledger."""
    ports = free_ports(2)
    capture, sink, watch, run, audit, ledger = (
        text.replace("range(5514, 5516)", str(ports)).replace("(5514, 5515)", str(ports))
        for text in fences(PYTHON, "python")[:6]
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def program(text: str) -> list[str]:
        assert len(text.splitlines()) <= 12
        return [sys.executable, "-c", text]

    def said(text: str) -> bytes:
        done = subprocess.run(
            program(text), env=environment, cwd=tmp_path, capture_output=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def started(text: str, ready: bytes) -> Iterator[subprocess.Popen[bytes]]:
        """A program that has said that it is ready; it is ended, however the test goes on."""
        with subprocess.Popen(
            program(text), env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            try:
                assert any(line.startswith(ready) for line in process.stderr)
                yield process
            finally:
                process.kill()

    prepare(wall_ns())  # here, since the sink would be idle for too long while the run compiled
    assert said(capture).startswith(b"1000 ")
    with started(sink, b"listening on") as listening, started(watch, b"watching 2 ports") as watching:
        assert said(run).endswith(b" 1000\n")  # met, or on a busy machine missed
        for process, told in ((listening, b"1000 signal\n"), (watching, b"signal 0\n")):
            process.send_signal(signal.SIGINT)
            output, complaints = process.communicate(timeout=TIMEOUT_S)
            assert output.endswith(told)
            assert complaints == b""
    sent = json.loads((tmp_path / "sent.json").read_text())
    numbers = [(lane["port"], number) for lane in sent["lanes"] for number in range(lane["sent_events"])]
    tags = [tag_text(int(sent["run_id"], 16), *number) for number in numbers]
    (tmp_path / "collected.log").write_bytes(b"\n".join([*tags, b""]))
    assert said(audit).splitlines()[-1] == b"True 1000"
    assert said(ledger).splitlines()[-1] == b"True 0"


def test_the_example_of_merging_runs(tmp_path):
    for name, port in (("morning", 514), ("evening", 515)):
        report = plain_report(run_id="1f3a9c07", sent_events=port, lanes=[LaneFigures(port, port, 0)])
        (tmp_path / f"{name}.json").write_text(json.dumps(report.figures()))
    example = fences(PYTHON, "python")[6]
    assert len(example.splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-c", example],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0] == b"measured 1029"
    assert json.loads((tmp_path / "day.json").read_text())["sent_events"] == 1029


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, dict[str, Any]]:
    """The reports of a short run, of the sink that heard it, and of both reconciled."""
    folder = tmp_path_factory.mktemp("reports")
    sent, received = run_and_sink(folder)
    more = json.loads(json.dumps(sent))
    more["lanes"][0]["sent_events"] += 1  # so that there is a loss to tell of
    more["sent_events"] += 1
    (folder / "sent.json").write_text(json.dumps(more))
    (folder / "received.json").write_text(json.dumps(received))
    # A collector that wrote none of it, so that there is a loss to be placed on its host.
    (folder / "written").write_bytes(b"")
    call(folder, "replay", "audit", "written", "--sent", "sent.json", "--report", "audit.json", "--json")
    return {
        "sender": sent,
        "sink": received,
        "ledger": call(
            folder, "replay", "reconcile", "sent.json", "received.json", "--collector", "audit.json", "--json"
        ),
        "audit": followed_audit(folder),
        "watch": watch(folder),
        "check-up": findings_json([Finding("route", CheckState.OK, "by lo", "or nothing is sent")], ["the capture"]),
        "plan": call(
            *(folder, "replay", "run", "few.rcap", "--target", "127.0.0.1", "--ports", "5514", "--eps", "2k"),
            *("--dry-run", "--json"),
        ),
        "calibration": calibrated(),
        "status": status(folder),
        "capture": inspected(folder),
        **carried_over(folder),
        "verdict": call(folder, "precompute", "verify", "axis.rcap", "--expect", "0" * 64, "--json"),
    }


def call(folder: Path, program: str, *words: str) -> Any:
    """What a command prints as JSON, if it prints any."""
    done = forks.call(program, *words, folder=folder, timeout_s=TIMEOUT_S)
    assert done.returncode in (ExitCode.MET, ExitCode.MISSED), done.stderr
    return json.loads(done.stdout or "null")


def run_and_sink(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    ports = ",".join(map(str, free_ports(2)))
    published = f"127.0.0.1:{free_ports(1)[0]}"
    call(folder, "precompute", "build", "system", "--tagged", "-o", "few.rcap", "--events", "1000")
    phases = "[{hold: 50%, for: 200ms, expect: {eps: 1%}}, {hold: 100%, for: 400ms, expect: {eps: 1%}}]"
    (folder / "two.yaml").write_text(f"name: two\nphases: {phases}\n")
    with listening_sink(folder / "sink.log", "--ports", ports, "--publish", published) as end_sink:
        sent = call(
            *(folder, "replay", "run", "few.rcap", "--target", "127.0.0.1", "--ports", ports),
            *("--eps", "2k", "--scenario", "two.yaml", "--json", "--sink", published, "--max-loss", "0%"),
        )
        return sent, end_sink()


def followed_audit(folder: Path) -> dict[str, Any]:
    """An audit of a line that was cut and a tail that is not packed, followed, so that its report has all fields."""
    tags = [tag_text(run, 514, number) for run, number in ((1, 0), (1, 2), (2, 0))]
    lines = b"\n".join([*tags, b"stampede=00000001-0202-0", b""])
    (folder / "collected").write_bytes(gzip.compress(lines) + b"a tail")
    words = ("collected", "--run-id", "00000001", "--follow", "--settle", "100ms", "--json")
    return call(folder, "replay", "audit", *words)


def watch(folder: Path) -> dict[str, Any]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as watched:
        watched.bind(("127.0.0.1", 0))
        port = str(watched.getsockname()[1])
        return call(folder, "replay", "watch", "--ports", port, "--duration", "100ms", "--json")


def calibrated() -> dict[str, Any]:
    trial = Trial(SendMethod(), [1000.0], errors={"EPERM": 1})
    entry = Entry(Situation("lo", 65536, "6.1", ()), trial.method, 1000, 300.0, "2026-11-26")
    return Calibrated([trial], trial, trial, entry, Path("calibration.json")).figures()


def status(folder: Path) -> dict[str, Any]:
    return Told(folder, Pace(1), None).controls.status()


def inspected(folder: Path) -> Any:
    call(folder, "precompute", "build", "system", "-o", "axis.rcap", "--events", "1000", "--eps", "1k")
    return call(folder, "precompute", "inspect", "axis.rcap", "--json")


def carried_over(folder: Path) -> dict[str, Any]:
    """What an import and an export say."""
    recorded(folder / "tuesday.pcap", [datagram(text_of(0)), *OTHERS])
    return {
        "import": call(folder, "captures", "import", "tuesday.pcap", "-o", "tuesday.rcap", "--json"),
        "export": call(folder, "captures", "export", "tuesday.rcap", "-o", "again.pcap", "--json"),
    }


def fields(value: Any, path: str = "") -> set[str]:
    """The paths of a report's values, like `lanes[].port`; a recipe is one value, and so are counts by something."""
    one = r"(errors|waits|other_runs|came_by|counts|left_out|_ports)$|^(lengths|recipe)$"
    if isinstance(value, dict) and not re.search(one, path):
        return {inner for name, part in value.items() for inner in fields(part, f"{path}.{name}".strip("."))}
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return {inner for part in value for inner in fields(part, f"{path}[]")}
    return {path}


@pytest.mark.parametrize(
    ("report", "heading"),
    [
        ("sender", "## The sender's report"),
        ("sink", "## The sink's report"),
        ("ledger", "## The ledger"),
        ("audit", "## The audit"),
        ("watch", "## The watch"),
        ("check-up", "### A check-up"),
        ("plan", "### A plan"),
        ("calibration", "### A calibration"),
        ("status", "### A run under way"),
        ("capture", "### A capture"),
        ("import", "### An import"),
        ("export", "### An export"),
        ("verdict", "### Whether a capture is whole"),
    ],
)
def test_the_manual_names_the_fields_of_a_real_report(reports, report, heading):
    told = [name for cells in rows(section(REPORTS, heading)) for name in spans(cells[0])]

    assert sorted(told) == sorted(fields(reports[report]))


def test_the_guide_names_fields_of_a_real_report(reports):
    told = {name for cells in rows(section(GUIDE, "## Read the report")) if len(cells) == 3 for name in spans(cells[1])}

    assert told
    assert told <= fields(reports["sender"])


def test_tuesday_s_incident_is_replayed(tmp_path):
    """Every line of the guide's chapter, as a reader would type it, with ports that are free here."""
    chapter = section(GUIDE, "## Tuesday's incident, replayed at 100 times the rate")
    script = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", chapter))
    script = script.replace("5514-5517", ",".join(map(str, free_ports(4))))
    incident(tmp_path / "tuesday.pcap", 200, step_ns=500_000_000)
    programs = tmp_path / "bin"
    programs.mkdir()
    for package in PACKAGES:
        program = programs / package
        program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from {package}.entry import main; main()' \"$@\"\n")
        program.chmod(0o755)
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=tmp_path,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=10 * TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sent, received = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("sent", "received"))
    assert (sent["sent_events"], received["received_events"]) == (200, 200)
    assert 0.99 <= sent["duration_s"] < TIMEOUT_S
    came, again = (dpkt_datagrams(tmp_path / name) for name in ("tuesday.pcap", "again.pcapng"))
    assert [event[1:] for event in came] == [event[1:] for event in again]
