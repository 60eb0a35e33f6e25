"""Makes the golden captures of captures/samples/ and their manifest: `python -m tests.captures.samples`.

A file that is there is never written again: those of version 1 stay as they are for ever. Each is the same bytes
whenever it is made, so that one of version 2 can be deleted and made again.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from blake3 import blake3

from captures.format.capture import Capture
from captures.format.layout import MAGIC, TRAIN, WINDOW, StampKind, TagKind, canonical_json, header_digest
from captures.format.reader import open_capture
from captures.format.sections import BACK, FLOW, LINK, LIVE, SECTIONS
from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.kinds import STAMP_WIDTHS, ZONED
from captures.format.tags import BLANK
from captures.format.writing.stream_writer import StreamWriter
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from precompute.rendering.build import build_capture
from tests.captures.content import START_NS

FOLDER = Path(__file__).parents[2] / "captures" / "samples"
MANIFEST, SUMS = FOLDER / "manifest.json", FOLDER / "SHA256SUMS"
FACTS = (
    *("version", "digest", "seed", "start_ns", "duration_ns", "events", "shortest", "longest", "sources", "tagged"),
    *("recipe", "note"),
)
TABLES = (
    *("windows", "mix", "digests", "trains", "times", "back", "order"),
    *("flows", "flow_of", "links", "live", "templates", "original"),
)

PROFILE = """
name: sample
source: host
fields:
  host: {pattern: "web-{}", range: [1, 3]}
  user: {choices: {root: 1, deploy: 3}}
groups:
  login: {weight: 3, format: rfc3164, templates: [{weight: 1, severity: info, tag: sshd, message: "login of {user}"}]}
  query: {weight: 1, format: rfc5424, zone: "+02:00",
          templates: [{weight: 1, severity: err, tag: db, msgid: Q, message: "query of {user} failed"}]}
"""


def plain(path: Path) -> None:
    """Version 1, as precompute renders it: no time axis, no tags."""
    profile = Profile.model_validate(yaml.safe_load(PROFILE)).model_copy(update={"source": None})
    build_capture(path, Recipe(profile=profile, seed=1, train=8, events=40))


def with_tags(path: Path) -> None:
    """Version 1, as precompute renders it: three seconds of two rates, with tags and sources."""
    tree = yaml.safe_load(PROFILE) | {"timeline": {"bursts": [{"at": ["1s"], "length": "1s", "factor": 4}]}}
    profile = Profile.model_validate(tree).with_tags()
    build_capture(path, Recipe(profile=profile, seed=2, train=8, duration_ns=3_000_000_000, rate_eps=10))


def _trains(*rows: tuple[int, int], **columns: Any) -> np.ndarray:
    """TRAIN rows of (count, length) each."""
    trains = np.zeros(len(rows), TRAIN)
    trains["count"], trains["length"] = np.transpose(rows)
    for name, values in columns.items():
        trains[name] = values
    return trains


def order(path: Path) -> None:
    """The example of docs/format.md: TIME, ORDR and BACK."""
    with StreamWriter(path) as writer:
        writer.add(
            _trains((3, 1), (1, 2)),
            np.frombuffer(b"acdbb", np.uint8),
            times=np.array([0, 1, 2, 2], np.uint64) * np.uint64(1_000_000),
            order=np.array([0, 2, 3, 1], np.uint64),
            back=np.array([(3, 12_000_000)], BACK),
        )
        writer.finish(start_ns=START_NS, note={"made_by": "the example of docs/format.md"})


def empty(path: Path) -> None:
    """Nothing but empty events, and instants that are all the same; there is no block of payload, so no digest."""
    with StreamWriter(path) as writer:
        writer.add(_trains((1, 0), (1, 0)), np.zeros(0, np.uint8), times=np.zeros(2, np.uint64))
        writer.finish(start_ns=START_NS, note={})


def stamps(path: Path) -> None:
    """Every kind of stamp, in an event of its own, and all of them in one: a LIVE of many rows."""
    kinds = [kind for kind in StampKind if kind]
    texts = [stamp_texts(kind, 120 if ZONED[kind] else 0, np.array([START_NS]))[0].tobytes() for kind in kinds]
    both = b"<13>" + b" ".join(texts)
    columns = 4 + np.cumsum([0, *(STAMP_WIDTHS[kind] + 1 for kind in kinds[:-1])])
    trains = _trains(*((1, len(text) + 4) for text in texts), (2, len(both)))
    trains["stamp_kind"], trains["stamp_column"] = [*kinds, kinds[0]], 4
    trains["zone_minutes"] = [*(120 * ZONED[kind] for kind in kinds), 0]
    live = np.zeros(len(kinds) - 1, LIVE)
    live["train"], live["column"], live["kind"] = len(kinds), columns[1:], kinds[1:]
    live["zone_minutes"] = [120 * ZONED[kind] for kind in kinds[1:]]
    payload = b"".join(b"<13>" + text for text in texts) + both * 2
    with StreamWriter(path) as writer:
        times = np.arange(len(kinds) + 2, dtype=np.uint64) * np.uint64(50_000_000)
        writer.add(trains, np.frombuffer(payload, np.uint8), times=times, live=live)
        writer.finish(start_ns=START_NS, note={"made_by": "tests/captures/samples.py"})


def flows() -> np.ndarray:
    """A FLOW of IPv4 with a VLAN tag, and one of IPv6 over TCP with two, whose outer one is a service tag."""
    rows = np.zeros(2, FLOW)
    rows["family"], rows["protocol"], rows["tos"], rows["ttl"] = (4, 6), (17, 6), (0, 0xB8), (64, 63)
    rows["source_port"], rows["target_port"], rows["link"] = (40_000, 40_001), (514, 601), (0, 1)
    rows["vlans"], rows["vlan_count"], rows["service_vlans"] = ((7, 0), (100, 4095)), (1, 2), (0, 1)
    rows["label"] = (0, 0xABCDE)
    for row, source, target in zip(rows, (b"\xc6\x12\0\1", b" \1\r\xb8"), (b"\xc6\x12\0\2", b" \1\r\xb9"), strict=True):
        row["source"], row["target"] = np.void(source.ljust(16, b"\0")), np.void(target.ljust(16, b"\0"))
        row["source_mac"], row["target_mac"] = np.void(b"\2\0\0\0\0\1"), np.void(b"\2\0\0\0\0\2")
    return rows


def everything(path: Path) -> None:
    """Every section that version 2 knows; trains with and without tag and stamps, an empty event, and a cut one."""
    double = b"<13>Aug 30 06:45:30 web-1 app: at 2025-08-30T10:15:30.123Z"
    tagged = b"<13>1 1756548930.123 web-2 app " + BLANK.encode()
    cut = b"<14>cut of"
    trains = _trains((2, len(double)), (1, len(cut)), (1, 0), (3, len(tagged)))
    trains["stamp_kind"], trains["stamp_column"] = (StampKind.RFC3164, 0, 0, StampKind.EPOCH_S_MS), (4, 0, 0, 6)
    trains["zone_minutes"], trains["source"] = (-210, 0, 0, 0), (0, 0, 0, 1)
    trains["tag_kind"][3], trains["tag_column"][3] = TagKind.HEX, len(tagged) - len(BLANK)
    links = np.array([(1, 0, 65535, 1_000_000, b"eth0"), (113, 0, 0, 1_000_000_000, "gr\u00fcn".encode())], LINK)
    live = np.array([(0, double.index(b"2025-"), StampKind.ISO_MS, 0, 0, 0)], LIVE)
    with StreamWriter(path) as writer:
        writer.add_links(links)
        writer.add_flows(flows())
        writer.add(
            trains,
            np.frombuffer(double * 2 + cut + tagged * 3, np.uint8),
            times=np.array(
                [0, 0, 1_500_000_000, 1_500_000_001, 2_000_000_000, 2_000_000_000, 3_600_000_000], np.uint64
            ),
            order=np.array([0, 2, 1, 3, 4, 6, 5], np.uint64),
            back=np.array([(3, 1), (5, 2_000_000_007)], BACK),
            flow_of=np.array([0, 1, 0, 0, 1, 1, 1], np.uint32),
            templates=np.array([0, 0, 1, 2, 1, 1, 1], np.uint16),
            original=np.array([*[len(double)] * 2, 1400, 0, *[len(tagged)] * 3], np.uint32),
            live=live,
        )
        note = {"tool": "stampede", "made_by": "tests/captures/samples.py", "hosts": ["web-1", "web-2"], "left_out": {}}
        recipe = {"profile": "by hand"}
        mix = np.array([2, 4, 1], np.uint64)
        writer.finish(start_ns=START_NS, sources=2, seed=9, note=note, recipe=recipe, mix=mix)


def foreign(path: Path) -> None:
    """What another tool may write: tables before the payload, entries in another order, a kind of its own."""
    payload = b"<13>one<13>two"
    windows = np.array([(0, 0, 0, 1, 2)], WINDOW)
    trains = _trains((2, 7))
    contents = {
        "trains": (SECTIONS["trains"].kind, 1, 32, trains.tobytes()),
        "windows": (SECTIONS["windows"].kind, 1, 40, windows.tobytes()),
        "own": (b"zzlg", 0, 5, b"kept by who knows it"),
        "payload": (SECTIONS["payload"].kind, 1, 1, payload),
        "digests": (SECTIONS["digests"].kind, 1, 32, blake3(payload).digest()),
        "note": (SECTIONS["note"].kind, 0, 1, canonical_json({"tool": "another one"})),
    }
    body, entries = bytearray(), []
    for name, (kind, flags, row_bytes, raw) in contents.items():
        body += bytes(-len(body) % 4096)
        covered = contents["digests"][3] if name == "payload" else raw
        numbers = (flags, 4), (4096 + len(body), 8), (len(raw), 8), (len(raw) // row_bytes, 8)
        entry = kind + b"".join(number.to_bytes(size, "little") for number, size in numbers)
        entries.append(entry + blake3(covered).digest())
        body += raw
    fields = (2, 4), (7, 2), (7, 2), (2, 8), (0, 8), (START_NS, 8), (0, 4), (len(entries), 2), (64, 2), (0, 16)
    head = MAGIC + b"".join(number.to_bytes(size, "little") for number, size in fields)
    head = (head + b"".join(reversed(entries))).ljust(4096, b"\0")
    path.write_bytes(head[:-32] + header_digest(head) + body)


SAMPLES: dict[str, Callable[[Path], None]] = {
    "1-plain.rcap": plain,
    "1-tagged.rcap": with_tags,
    "2-all.rcap": everything,
    "2-empty.rcap": empty,
    "2-foreign.rcap": foreign,
    "2-order.rcap": order,
    "2-stamps.rcap": stamps,
}


def written_again(capture: Capture, path: Path) -> None:
    """Write what is in a capture of version 2 again."""
    with StreamWriter(path) as writer:
        writer.add_links(capture.links)
        writer.add_flows(capture.flows)
        names = "times", "order", "flow_of", "templates", "original", "live", "back"
        tables = {name: table for name in names if len(table := getattr(capture, name))}
        writer.add(capture.trains, capture.payload, **tables)
        writer.finish(
            start_ns=capture.start_ns,
            note=capture.note,
            sources=capture.sources,
            seed=capture.seed,
            recipe=capture.recipe,
            mix=capture.mix,
        )


def _plain(value: Any) -> Any:
    """A value of a table as JSON: bytes in hexadecimal, and names as text."""
    match value:
        case np.ndarray() if value.dtype.names:
            return {name: _plain(value[name]) for name in value.dtype.names}
        case np.ndarray() if value.dtype.kind == "V":
            return [item.tobytes().hex() for item in value]
        case np.ndarray() if value.dtype.kind == "S":
            return [item.decode() for item in value.tolist()]
    return value.tolist()


def described(path: Path) -> dict[str, Any]:
    """All that a reader finds in a capture, as JSON: tables by their columns, events as ISO 8859-1."""
    capture = open_capture(path)
    names = [
        "version",
        "digest",
        "seed",
        "start_ns",
        "duration_ns",
        "events",
        "shortest",
        "longest",
        "sources",
        "tagged",
        "recipe",
        "note",
    ]
    found = {
        "what": (SAMPLES[path.name].__doc__ or "").splitlines()[0],
        **{name: getattr(capture, name) for name in names},
    }
    found["sections"] = {part.name: [part.offset, len(part.data), part.digest.hex()] for part in capture.parts}
    for name in TABLES:
        if len(table := getattr(capture, name)):
            found[name] = _plain(table)
    return found | {"lines": [line.decode("latin-1") for line in capture.lines()]}


def _json(tree: dict[str, dict[str, Any]]) -> str:
    """The manifest, a line for each fact."""
    files = []
    for name, facts in tree.items():
        lines = [f"  {json.dumps(fact)}: {json.dumps(value)}" for fact, value in facts.items()]
        files.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(files) + "\n}\n"


def main() -> None:
    """Make the files that are missing, and the manifest."""
    for name, make in SAMPLES.items():
        if not (FOLDER / name).exists():
            make(FOLDER / name)
    MANIFEST.write_text(_json({name: described(FOLDER / name) for name in SAMPLES}), encoding="utf-8")
    sums = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in SAMPLES}
    SUMS.write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()), encoding="ascii")


if __name__ == "__main__":
    main()
