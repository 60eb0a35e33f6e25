"""The house's rules, read from the source: who imports whom, who asks the clock, how long code may be."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PACKAGES = ("captures", "precompute", "replay")

MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 50
MAX_FOLDER_MODULES = 12

OTHERS = "*"
"""Stands in FLOORS for all modules of a folder that are not named there; these may import each other."""

# What is in a package, or in a folder that has folders, from the lowest floor up. What is named there imports only what
# stands on a lower floor: nothing above it, and nothing beside it. docs/architecture.md says the same.
FLOORS = {
    "captures": (
        ("console",),
        ("compiled",),
        ("files",),
        ("notation",),
        ("format",),
        ("events",),
        ("text",),
        ("packets",),
        ("share",),
        ("convert", "rework"),
        ("commands",),
        ("cli",),
        ("entry",),
    ),
    "captures.convert": (("import_request", "export_request"), ("importing", "exporting"), (OTHERS,)),
    "captures.rework.anonymize": (("tokens",), ("scan",), (OTHERS,)),
    "captures.packets": (("rows",), ("sources", "headers", "writing"), ("containers",)),
    "captures.packets.headers": (("reasons",), ("reassembly",), (OTHERS,)),
    "captures.rework": ((OTHERS,), ("comparing", "merging", "anonymize")),
    "captures.commands": ((OTHERS,), ("rework",)),
    "captures.format": (("stamps",), (OTHERS,), ("opening", "writing"), ("reader",)),
    "precompute": (
        ("draws", "notation"),
        ("fields", "timeline"),
        ("profile",),
        ("rendering",),
        ("inspection",),
        ("sessions",),
        ("commands",),
        ("cli",),
        ("entry",),
    ),
    "precompute.profile": (("builtin",), (OTHERS,)),
    "replay": (
        ("linux", "clock", "histogram", "ranges", "unaligned", "json_file"),
        ("request_checks",),
        ("exchange", "schedule"),
        ("scenario",),
        ("rewrite", "path"),
        ("machine", "board"),
        ("plan",),
        ("engine",),
        ("supervision",),
        ("receiver_host",),
        ("report", "control"),
        ("calibration", "sink"),
        ("ledger",),
        ("audit", "doctor"),
        ("sessions",),
        ("commands",),
        ("cli",),
        ("entry",),
    ),
    "replay.linux": ((OTHERS,), ("network", "sockets")),
    "replay.engine": (("messages",), ("backends",), (OTHERS,)),
    "replay.sink": (
        ("number_account", "time_cells"),
        ("board",),
        ("verify",),
        (OTHERS,),
        ("report",),
        ("publish",),
    ),
    "replay.ledger": (("models",), (OTHERS,), ("collector_host",), ("report",)),
    "replay.scenario": (("builtin",), (OTHERS,)),
    "replay.audit": ((OTHERS,), ("files",), ("report", "which_run")),
    "replay.commands": (("options",), (OTHERS,)),
}

# (who, must not import, except)
CLOSED_DOORS = (
    ("captures", "precompute", ()),
    ("captures", "replay", ()),
    ("precompute", "replay", ()),
    ("replay", "precompute", ()),
    ("replay.linux", "replay", ("replay.linux",)),
    ("replay.linux", "captures", ("captures.compiled",)),
)
# (what, the only ones who may import it)
KEYS = (
    (("ctypes", "_ctypes", "cffi"), ("replay.linux", "captures.compiled.memory", "captures.console.parent")),
    # stderr itself may be a socket
    (("socket", "_socket", "socketserver", "asyncio"), ("replay", "captures.console.stderr")),
    # `build` prints its rate, and what comes by a pipe is written now
    (("time",), ("replay.clock", "precompute.commands.build", "captures.packets.sources.inputs")),
    (
        ("click",),
        (
            "captures.console",
            "captures.cli",
            "captures.commands",
            "precompute.cli",
            "precompute.commands",
            "replay.cli",
            "replay.commands",
        ),
    ),
    (
        ("captures.console.command",),
        tuple(f"{package}.{part}" for package in PACKAGES for part in ("cli", "commands", "entry")),
    ),
)
WALL_CLOCK_CALLS = ("now", "utcnow", "today")
NAMELESS = ("utils", "util", "common", "misc", "helpers", "helper")


def within(module: str, package: str) -> bool:
    """Whether `module` is `package` or lies in it."""
    return module == package or module.startswith(package + ".")


def imports(tree: ast.Module) -> Iterator[str]:
    """The modules a source imports; of `from a import b` both `a` and `a.b`, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def wrong_imports(module: str, tree: ast.Module) -> Iterator[str]:
    for imported in imports(tree):
        if imported.startswith("."):
            yield f"{module} imports by a relative name"
        for who, shut, exceptions in CLOSED_DOORS:
            allowed = any(within(imported, exception) for exception in exceptions)
            if within(module, who) and within(imported, shut) and not allowed:
                yield f"{module} imports {imported}"
        for shut_modules, owners in KEYS:
            locked = any(within(imported, shut_module) for shut_module in shut_modules)
            if locked and not any(within(module, owner) for owner in owners):
                yield f"{module} imports {imported}"


def imports_unseen(module: str, tree: ast.Module) -> Iterator[str]:
    """Imports of which the other rules see too little; the commands of a group may be named by texts."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names) if any(alias.name.partition(".")[0] in PACKAGES for alias in names):
                yield f"{module} imports a whole package, line {node.lineno}"
            case ast.Name("__import__" | "import_module") | ast.Attribute(attr="import_module"):
                if module != "captures.console.subcommands":
                    yield f"{module} imports what is named by a text, line {node.lineno}"


def floor_in(folder: str, module: str) -> tuple[int, str]:
    """On which floor of a folder a module stands, and by which name; the floor -1: on none."""
    name = module.removeprefix(f"{folder}.").partition(".")[0]
    for wanted in (name, OTHERS):
        for floor, names in enumerate(FLOORS[folder]):
            if wanted in names:
                return floor, wanted
    return -1, name


def misplaced(module: str) -> Iterator[str]:
    """The folders around a module that FLOORS should know, and does not; or that do not know the module."""
    package, *rest = module.split(".")
    around = [".".join([package, *rest[:depth]]) for depth in range(len(rest))]
    for folder in around:
        if folder in FLOORS and floor_in(folder, module)[0] < 0:
            yield f"{module} stands on no floor of {folder}"
        if folder not in FLOORS and folder != around[-1]:
            yield f"{module} stands in a folder of {folder}, of which FLOORS knows nothing"


def imports_off_lower_floors(module: str, tree: ast.Module) -> Iterator[str]:
    """What a module imports from above it, or from beside it."""
    for folder in (folder for folder in FLOORS if within(module, folder) and module != folder):
        own, name = floor_in(folder, module)
        for imported in imports(tree):
            if not within(imported, folder) or imported == folder:
                continue
            floor, other = floor_in(folder, imported)
            if floor > own:
                yield f"{module} imports upwards: {imported}"
            elif floor == own and other != name:
                yield f"{module} imports what stands beside it: {imported}"


def circles(imported_by: dict[str, set[str]]) -> Iterator[str]:
    """The modules that import themselves, by way of others."""
    for module in imported_by:
        reached, ahead = set[str](), [module]
        while ahead:
            new = imported_by.get(ahead.pop(), set()) - reached
            reached |= new
            ahead += new
        if module in reached:
            yield module


def crowded(folders: dict[str, int]) -> Iterator[str]:
    """The folders with more modules than a reader takes in at a glance."""
    for folder, count in folders.items():
        if count > MAX_FOLDER_MODULES:
            yield f"{folder} has {count} modules"


def clock_readings(module: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in WALL_CLOCK_CALLS and module != "replay.clock":
            yield f"{module} asks the clock: .{node.attr}, line {node.lineno}"


def texts_of_unknown_encoding(module: str, tree: ast.Module) -> Iterator[str]:
    """Files that are opened as text in whatever encoding the locale has."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or any(keyword.arg == "encoding" for keyword in node.keywords):
            continue
        match node.func:
            case ast.Attribute(attr="read_text" | "write_text" as name):
                yield f"{module} names no encoding: {name}, line {node.lineno}"
            case ast.Name("open") | ast.Attribute(attr="open" | "fdopen") if opens_text(node):
                yield f"{module} names no encoding: open, line {node.lineno}"


def opens_text(opening: ast.Call) -> bool:
    """Whether a call of something called open gives a text file; a mode that is not written out may be one of text."""
    place, default = 1, "r"
    match opening.func:
        case ast.Attribute(value=ast.Name("os"), attr="open"):
            return False  # it gives a number
        case ast.Attribute(value=ast.Name("gzip" | "bz2" | "lzma"), attr="open"):
            default = "rb"
        case ast.Attribute(value=ast.Name("os" | "io")):
            pass
        case ast.Attribute():
            place = 0  # the path stands before the dot
    modes = [*opening.args[place : place + 1], *(each.value for each in opening.keywords if each.arg == "mode")]
    mode = modes[0].value if modes and isinstance(modes[0], ast.Constant) else "r" if modes else default
    return "b" not in str(mode) and (default == "r" or "t" in str(mode))


def shapeless(module: str, source: str, tree: ast.Module) -> Iterator[str]:
    if module.rpartition(".")[2] in NAMELESS:
        yield f"{module} is named after no idea"
    if not ast.get_docstring(tree):
        yield f"{module} has no docstring"
    yield from too_long(module, source, tree)


def too_long(module: str, source: str, tree: ast.Module) -> Iterator[str]:
    """What is too long to be read at once; the flags of a command are decorators, and are not counted."""
    lines = len(source.splitlines())
    if lines > MAX_MODULE_LINES:
        yield f"{module} has {lines} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield f"{module}.{node.name} has {lines} lines"


def violations(module: str, source: str) -> list[str]:
    tree = ast.parse(source)
    return [
        *wrong_imports(module, tree),
        *imports_unseen(module, tree),
        *misplaced(module),
        *imports_off_lower_floors(module, tree),
        *clock_readings(module, tree),
        *texts_of_unknown_encoding(module, tree),
        *shapeless(module, source, tree),
    ]


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__"), path


@pytest.mark.parametrize(("module", "path"), [pytest.param(*found, id=found[0]) for found in modules()])
def test_the_house_is_in_order(module, path):
    assert violations(module, path.read_text()) == []


TOOLS = [*sorted((ROOT / "tools").rglob("*.py")), ROOT / "tools" / "cli-reference"]


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.stem)
def test_a_tool_is_as_short_as_a_module(path):
    source = path.read_text()
    assert list(too_long(path.stem, source, ast.parse(source))) == []


def test_no_module_imports_itself_by_way_of_others():
    names = dict(modules())
    assert not list(
        circles({module: set(imports(ast.parse(path.read_text()))) & names.keys() for module, path in names.items()})
    )


def test_no_folder_is_crowded():
    folders = Counter(path.parent for _, path in modules() if path.name != "__init__.py")
    assert not list(crowded({str(folder.relative_to(ROOT)): count for folder, count in folders.items()}))


def test_the_page_of_the_architecture_says_the_same_floors():
    rows = re.findall(r"^\| `([\w/]+)` \| ([^|]* < [^|]*) \|$", ARCHITECTURE.read_text(), re.MULTILINE)
    floors = {
        folder.replace("/", "."): tuple(
            tuple(re.findall(r"`(\w+)(?:\.py)?`", floor)) or (OTHERS,) for floor in text.split(" < ")
        )
        for folder, text in rows
    }
    assert floors == FLOORS


def test_the_tables_of_folders_stand_in_the_order_of_floors():
    text = ARCHITECTURE.read_text()
    for package in PACKAGES:
        rows = re.findall(rf"^\| `({package}/\w+)(?:\.py)?` \| (?!.* < )", text, re.MULTILINE)
        floors = [floor_in(package, row.replace("/", "."))[0] for row in rows]
        assert floors == sorted(floors)
        assert len(rows) == sum(map(len, FLOORS[package]))


def test_a_circle_and_a_crowd_are_found():
    assert list(circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == ["a", "b", "c"]
    assert list(crowded({"replay": MAX_FOLDER_MODULES, "replay.sink": MAX_FOLDER_MODULES + 1})) == [
        f"replay.sink has {MAX_FOLDER_MODULES + 1} modules"
    ]


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("captures.format.reader", "import replay.clock", "imports replay.clock"),
        ("captures.format.reader", "from precompute import build", "imports precompute"),
        ("precompute.rendering.build", "def f():\n    from replay.linux import mmsg", "imports replay.linux"),
        ("precompute.rendering.build", "import socket", "imports socket"),
        ("precompute.rendering.build", "import asyncio", "imports asyncio"),
        ("captures.console.terminal", "import socketserver", "imports socketserver"),
        ("replay.engine.batch", "from cffi import FFI", "imports cffi"),
        ("replay.cli", "import precompute", "imports precompute"),
        ("replay.linux.sockets.mmsg", "from replay import clock", "imports replay.clock"),
        ("replay.linux.sockets.mmsg", "from captures.format.layout import TRAIN", "imports captures.format.layout"),
        ("replay.cli", "import ctypes.util", "imports ctypes.util"),
        ("replay.cli", "from . import clock", "imports by a relative name"),
        ("replay.schedule.bursts", "import time", "imports time"),
        ("precompute.cli", "from time import perf_counter", "imports time"),
        ("replay.plan.view", "from datetime import datetime\ndatetime.now()", "asks the clock: .now, line 3"),
        ("precompute.rendering.build", "import datetime as d\nd.date.today()", "asks the clock: .today, line 3"),
        ("replay.linux.cores", "path.read_text()", "names no encoding: read_text, line 2"),
        ("replay.cli", "open(path, 'w')", "names no encoding: open, line 2"),
        ("replay.cli", "path.open()", "names no encoding: open, line 2"),
        ("replay.cli", "open('board.json')", "names no encoding: open, line 2"),
        ("replay.cli", "open('b.txt', 'w')", "names no encoding: open, line 2"),
        ("replay.cli", "open(path, mode)", "names no encoding: open, line 2"),
        ("replay.cli", "Path('b').open('w')", "names no encoding: open, line 2"),
        ("replay.cli", "self.path.open()", "names no encoding: open, line 2"),
        ("replay.cli", "gzip.open(path, 'rt')", "names no encoding: open, line 2"),
        ("replay.cli", "os.fdopen(3, 'w')", "names no encoding: open, line 2"),
        ("captures.format.reader", "import click", "imports click"),
        ("replay.path.target", "from captures.console.command import COUNT", "imports captures.console.command"),
        ("precompute.profile.model", "from captures.console.command import COUNT", "imports captures.console.command"),
        ("replay.clock", "import importlib as i\ni.import_module('a')", "imports what is named by a text, line 3"),
        ("replay.clock", "__import__('replay.cli')", "imports what is named by a text, line 2"),
        ("replay.cli", "import replay.clock\nreplay.report.table", "imports a whole package, line 2"),
        ("captures.console.units", "from captures.format import layout", "imports upwards: captures.format.layout"),
        ("precompute.draws.zipf", "import precompute.profile.model", "imports upwards: precompute.profile.model"),
        ("replay.sink.loop", "def f():\n    from replay.ledger import report", "imports upwards: replay.ledger"),
        ("replay.clock", "from replay import cli", "imports upwards: replay.cli"),
        ("replay.clock", "import replay.linux.growth", "imports what stands beside it: replay.linux.growth"),
        ("replay.rewrite.tags", "from replay import path", "imports what stands beside it: replay.path"),
        ("replay.linux.cores", "from replay.linux.network import links", "imports upwards: replay.linux.network.links"),
        ("replay.linux.sockets.mmsg", "import replay.linux.network", "imports what stands beside it: replay.linux.net"),
        ("replay.engine.messages", "import replay.engine.backends.udp", "imports upwards: replay.engine.backends.udp"),
        ("replay.engine.backends.udp", "import replay.engine.delivery", "imports upwards: replay.engine.delivery"),
        ("replay.sink.board", "from replay.sink import verify", "imports upwards: replay.sink.verify"),
        ("replay.sink.verify.which_run", "import replay.sink.counting", "imports upwards: replay.sink.counting"),
        ("replay.sink.report.figures", "import replay.sink.publish", "imports upwards: replay.sink.publish"),
        ("replay.ledger.models.sent", "import replay.ledger.notes", "imports upwards: replay.ledger.notes"),
        ("replay.ledger.entries", "from replay.ledger import report", "imports upwards: replay.ledger.report"),
        ("replay.ledger.collector_host.a", "from replay.ledger import report", "imports upwards: replay.ledger.report"),
        ("replay.audit.seen", "import replay.audit.files.follow", "imports upwards: replay.audit.files.follow"),
        ("replay.commands.options.pace", "import replay.commands.run", "imports upwards: replay.commands.run"),
        ("precompute.profile.builtin.a", "import precompute.profile.model", "imports upwards: precompute.profile.mo"),
        ("replay.stray", "", "stands on no floor of replay"),
        ("replay.path.new.stray", "", "stands in a folder of replay.path, of which FLOORS knows nothing"),
        ("replay.sink.verify.new.stray", "", "stands in a folder of replay.sink.verify, of which"),
        ("captures.console.utils", "", "is named after no idea"),
        ("captures.console.long", "\n" * MAX_MODULE_LINES, f"has {MAX_MODULE_LINES + 1} lines"),
        ("captures.console.deep", "def f():\n" + "    f()\n" * MAX_FUNCTION_LINES, "deep.f has 51 lines"),
    ],
)
def test_each_rule_can_fail(module, source, complaint):
    found = violations(module, '"""Documented."""\n' + source)
    assert any(complaint in line for line in found), found


def test_a_module_without_a_docstring_is_found():
    assert violations("captures.console.bare", "X = 1") == ["captures.console.bare has no docstring"]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("precompute.rendering.build", "from captures.format.writing.writer import CaptureWriter"),
        (
            "replay.cli",
            "from captures import reader\nfrom replay.linux import mmsg\nfrom replay import clock",
        ),
        ("replay.linux.sockets.mmsg", "import ctypes\nfrom replay.linux import mmsg"),
        ("replay.clock", "import time"),
        ("precompute.commands.build", "import time"),
        ("replay.plan.view", "from datetime import UTC, datetime, time\ndatetime.fromtimestamp(0, UTC)"),
        ("replay.schedule.axis", "from replay.schedule.axis import x"),
        ("replay.sink.verify.which_run", "from replay.sink import board\nfrom replay.sink.verify import port_rows"),
        ("replay.sink.loop", "from replay.sink import counting, stopping"),
        ("replay.cli", "path.read_text(encoding='utf-8')\nopen(path, 'rb')\npath.open('wb')\nos.open(path, 0)"),
        ("replay.cli", "open(path, mode='rb')\nself.path.open(mode='rb')\ngzip.open(path)\nos.fdopen(3, 'wb')"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert violations(module, f'"""Documented."""\n{source}') == []
