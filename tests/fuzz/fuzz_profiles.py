"""Profiles and recipes that nobody meant: each ends in an InputError, or in a capture of a few events.

`python -m tests.fuzz.fuzz_profiles 3600 1` runs an hour of them.
"""

import os
import random
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from captures.console.errors import InputError
from captures.format.reader import open_capture
from captures.share.recipe_text import recipe_yaml
from precompute.inspection.figures import inspect_capture
from precompute.profile.loading import built_in_names, built_in_text, load
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from precompute.rendering.build import build_capture
from precompute.rendering.samples import sample_events
from tests.fuzz.cases import run_cases

NASTY = (
    *(-5, -1, 0, 1, 2, 0.1, 1e-7, 1.5, 2**31, 2**63 - 1, 2**63, 2**64, 10**12, 10**30, -(10**30), float("nan")),
    *(
        float("inf"),
        True,
        None,
        "",
        " ",
        "x",
        "{",
        "}",
        "{{",
        "{host}",
        "{x.y}",
        "\x00",
        "\u202e",
        "é" * 300,
        "9" * 400,
    ),
    *("list.txt", "fifo", "loop", "zero", "folder", "missing.txt", "../list.txt", "/dev/zero", "0s", "1h", "99999d"),
    *("10.0.0.0/8", "::/0", "0.0.0.0/0", "00:00:5e", "user_agents", "rfc5424", "local", "+25:00", "system"),
    *([], {}, [[]], [[0, 1048575]], [0, 1048575], [1, 2, 3], [5, 1], {"a": -1}, {"a": 0.1, "b": 10**12}, ["a", "a"]),
    *({"integers": [0, 1048575]}, {"file": "list.txt"}, {"file": "fifo"}, {"file": "loop"}, {"choices": ["a", "bb"]}),
    *({"columns": {"x": {"integers": [0, 1048575]}, "y": {"file": "list.txt"}}}, {"rows": [{"x": "1"}, {"x": "22"}]}),
    *({"network": "::/0", "count": 1048576, "zipf": 4}, {"optional": "{user}", "share": 0.5}, {"hex": 64}, {"uuid": 4}),
    *({"mac": "00", "count": 9}, {"counter": 10**18 - 1, "width": 18}, {"pattern": "{:019d}", "range": [0, 9]}),
)
TOKENS = (
    "!!int ''",
    "!!bool x",
    "!!float .nan",
    "!!set {a}",
    "&a [1]",
    "*a",
    "[" * 900,
    "{a: " * 40,
    "? x",
    "|",
    ">",
    "---",
)
OWN = """
name: own
source: host
timeline:
  curve: [[0s, 0.5], [1h, 1]]
  bursts: [{every: 10m, length: 5s, factor: 8}, {at: [5m], length: 1s, factor: 2}]
fields:
  host: {pattern: "h{}", range: [1, 40], zipf: 1}
  user: {choices: {root: 1, deploy: 9}}
  page: {file: list.txt, zipf: 1.1}
  both: {columns: {x: {file: list.txt}, y: {choices: [a, b, b]}}, zipf: 1}
  row: {rows: [{x: "1", weight: 2}, {x: "22"}]}
  extra: {optional: " by {user}", share: 0.3}
  net: {network: {10.0.0.0/16: 9, "2001:db8::/64": 1}, count: 50}
groups:
  a:
    weight: 3
    format: rfc5424
    zone: "+02:00"
    templates:
      - weight: 2
        severity: info
        tag: app
        msgid: ID
        data: {m@32473: {u: "{user}"}}
        message: "{page} {both.x}{extra}"
  b: {weight: 1, templates: [{weight: 1, severity: err, tag: app, pid: "7", message: "{row.x} {net} {both.y}"}]}
"""


@cache
def _trees() -> list[Any]:
    """What is mutated: profiles, a recipe, and a profile made of others."""
    included = {"name": "all", "include": {"system": 0.1, "own.yaml": 3}, "groups": {}}
    own = yaml.safe_load(OWN)
    recipe = {"format": 2, "renderer": 3, "profile": own, "seed": 1, "train": 128, "events": 40}
    timed = recipe | {"events": None, "duration_ns": 60 * 10**9, "rate_eps": 3}
    return [own, own, own, included, recipe, timed, yaml.safe_load(built_in_text("system"))]


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Each mapping or list of a tree, with each of its keys."""
    held = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    return [(tree, key) for key, _ in held] + [place for _, value in held for place in _places(value)]


def _mutated(drawn: random.Random) -> str:
    tree = yaml.safe_load(yaml.safe_dump(drawn.choice(_trees())))
    for _ in range(drawn.choice((1, 1, 1, 2, 4))):
        places = _places(tree)
        if not places:
            break
        holder, key = drawn.choice(places)
        match drawn.randrange(5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[drawn.choice((7, "", "x", "weight", "zipf", "file", "a" * 70, None, True))] = holder[key]
            case 2:
                other, name = drawn.choice(places)
                holder[key] = yaml.safe_load(yaml.safe_dump(other[name] if other is not holder else 1))
            case _:
                holder[key] = yaml.safe_load(yaml.safe_dump(drawn.choice(NASTY)))
    text = yaml.safe_dump(tree, allow_unicode=True, default_flow_style=drawn.choice((None, True, False)))
    for _ in range(drawn.choice((0, 0, 0, 1, 3))):
        at = drawn.randrange(len(text))
        text = text[:at] + drawn.choice((*TOKENS, chr(drawn.randrange(0xD800)), "")) + text[at + drawn.randrange(4) :]
    return text


def _few_events(loaded: Profile | Recipe, seed: int) -> Recipe:
    if isinstance(loaded, Profile):
        return Recipe(profile=loaded, seed=seed, train=128, events=40)
    if loaded.events is not None:
        return loaded.model_copy(update={"events": min(loaded.events, 40)})
    few = (loaded.duration_ns or 0) * (loaded.rate_eps or 0) <= 10**13
    return loaded if few else loaded.model_copy(update={"events": 40, "duration_ns": None, "rate_eps": None})


def _case(folder: Path, drawn: random.Random) -> None:
    path = folder / "case.yaml"
    text = _mutated(drawn).encode(errors="surrogateescape")
    if drawn.random() < 0.05:
        text = text[: drawn.randrange(len(text) + 1)] + bytes([drawn.randrange(256)]) + text
    path.write_bytes(text)
    try:
        loaded = load(str(path))
        profile = loaded.profile if isinstance(loaded, Recipe) else loaded
        assert len(list(sample_events(profile, 3))) == 3
        recipe = _few_events(loaded, drawn.randrange(2**64))
        built = folder / "case.rcap"
        build_capture(built, recipe, jobs=1, force=True, progress=lambda *_: None)
    except InputError as error:
        line = str(error)
        assert line.isprintable(), repr(line)
        assert len(line) < 4000, len(line)
        return
    capture = open_capture(built)
    inspect_capture(capture).as_json()
    path.write_text(recipe_yaml(capture.recipe), encoding="utf-8")
    assert load(str(path)) == recipe


def fuzz_profiles(seconds: float, seed: int) -> int:
    """Load and build what is drawn for so many seconds; returns how many cases there were.

    Raises AssertionError at the first that ends in anything but an InputError or a capture.
    """
    assert {"system", "mixed"} <= set(built_in_names())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "list.txt").write_text("one\ntwo\nthree\n")
        (folder / "own.yaml").write_text(OWN.replace("source: host\n", ""))
        (folder / "folder").mkdir()
        os.mkfifo(folder / "fifo")
        (folder / "loop").symlink_to("loop")
        (folder / "zero").symlink_to("/dev/zero")
        return run_cases(lambda drawn: _case(folder, drawn), seconds, seed)


if __name__ == "__main__":
    sys.stdout.write(f"{fuzz_profiles(float(sys.argv[1]), int(sys.argv[2]))} cases\n")
