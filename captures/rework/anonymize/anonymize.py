"""A whole anonymisation: all values are found, then replaced, and the result is read again for those that are left.

The first pass learns the values, so that the second one replaces a name also where nothing but the name tells of it.
The third pass reads the file that was written. Memory is bounded by the tables of values, not by the capture.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import numpy as np

from captures import __version__
from captures.console.errors import InputError
from captures.console.harmless import harmless
from captures.console.terminal import notice
from captures.files.output_file import OutputFile
from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.format.writing.stream_writer import StreamWriter
from captures.rework.anonymize.blocks import Block, add_block, blocks, fixed_columns, starts_of
from captures.rework.anonymize.flows import FlowMapping, flow_blocks, learn_flows
from captures.rework.anonymize.leaks import Leak, Leaks
from captures.rework.anonymize.originals import Originals
from captures.rework.anonymize.replacing import new_memory, replace_all
from captures.rework.anonymize.rules import AddressMapping, Rules
from captures.rework.anonymize.scan.kinds import IPV4, IPV6, Kind
from captures.rework.anonymize.tokens.cryptopan import CryptoPan
from captures.rework.anonymize.tokens.secret import Secret
from captures.rework.anonymize.work import NOBODY, Work, by_kind, learn_listed, values, work_of
from captures.rework.soundness import prove

Progress = Callable[[int, int], object]
"""Is told the bytes that were worked on since its last call, and those of all passes."""
PASSES: Final = 4


@dataclass(frozen=True)
class Anonymized:
    """What became of an anonymisation."""

    digest: str
    events: int
    replaced: dict[str, int]
    """How many values of each kind became another text."""
    flows: int
    """Rows of addresses in the headers."""
    names: int
    """How many different names were looked for in the result."""
    addresses: int
    """The same of addresses."""
    unkept: int
    """Values that were not looked for, since there were too many."""
    by_chance: int
    """Places where an address of a few possible ones is its own token by chance."""
    left: int
    """Places at which the result still holds an original value."""
    rules_digest: str
    places: tuple[Leak, ...] = field(default=())
    """The first of these places."""

    @property
    def clean(self) -> bool:
        """Whether the check looked for all, and found nothing."""
        return not self.left and not self.unkept

    def figures(self, *, show: bool) -> dict[str, Any]:
        """The same, ready for JSON; the values that are left are only told with `show`."""
        held = {"schema": 1, **asdict(self), "places": [leak.figures(show=show) for leak in self.places]}
        return {**held, "clean": self.clean}


def anonymize(
    capture: Capture,
    output: Path,
    rules: Rules,
    secret: Secret,
    *,
    force: bool = False,
    inputs: Iterable[Path] = (),
    whole: Callable[[], object] = lambda: None,
    progress: Progress = lambda *_: None,
) -> Anonymized:
    """Write the capture `output`, which has tokens in the place of values, and check it.

    What is not `clean` is written, too. `inputs` are the files that rules and key came from, which the output may not
    be, and `whole` is called when all is written, before the output gets its name. Raises InputError for rules that do
    not fit the capture, and for an output that may not be there; DamagedError where the capture is damaged;
    PreflightError where the disk fills up, or a library is missing.
    """
    inputs = [*capture.files, *inputs]
    OutputFile(output, force=force, inputs=inputs).close()  # whatever is wrong with it is said at once
    work, size = work_of(rules, secret), len(capture.payload)
    cryptopan = CryptoPan(secret.cryptopan) if rules.addresses.mapping == AddressMapping.CRYPTOPAN else None

    def told(read: int) -> None:
        progress(read, PASSES * size)

    prove(capture, told)
    originals = _learn(capture, work, told)
    with StreamWriter(output, force=force, inputs=inputs) as writer:
        replaced = _write(capture, writer, work, cryptopan, originals, told)
        whole()
        digest = _finish(capture, writer, work, replaced)
    leaks = _checked(capture, output, Leaks(work, originals), told)
    return Anonymized(
        digest=digest,
        events=capture.events,
        replaced=replaced,
        flows=len(capture.flows),
        names=originals.names,
        addresses=originals.addresses,
        unkept=originals.unkept,
        by_chance=leaks.by_chance,
        left=leaks.left,
        rules_digest=work.rules_digest,
        places=tuple(leaks.places),
    )


def _checked(capture: Capture, output: Path, leaks: Leaks, told: Callable[[int], None]) -> Leaks:
    """Look for what is left in the result; if that is interrupted, it is said."""
    try:
        leaks.look(capture, open_capture(output), told)
    except KeyboardInterrupt:
        notice(f"{harmless(str(output))}: is written, and was not checked to its end; don't give it away")
        raise
    return leaks


def _learn(capture: Capture, work: Work, told: Callable[[int], None]) -> Originals:
    """All values that are in a capture."""
    originals, vocabulary = Originals(), work.vocabulary
    learn_listed(work, originals)
    for flows in flow_blocks(capture):
        learn_flows(flows, originals, vocabulary.seed, addresses=work.rules.addresses.on, macs=work.rules.macs.on)
    for block in blocks(capture):
        for rows in values(work, block, fixed_columns(capture, block), NOBODY):
            if work.rules.addresses.mapping == AddressMapping.CRYPTOPAN:
                _refuse_addresses(capture, work, block, rows)
            originals.learn(block.payload, rows, vocabulary, work.place)
        told(len(block.payload))
    return originals


def _refuse_addresses(capture: Capture, work: Work, block: Block, rows: Any) -> None:
    """Raise InputError if a text has an address that changes: its token by Crypto-PAn may have another length."""
    for at, end, kind in rows[(rows[:, 2] == IPV4) | (rows[:, 2] == IPV6)].tolist():
        text = block.payload[at:end].tobytes().decode()
        # Zeros in front of a number are no error in a log, but one to `ip_address`.
        address = ip_address(bytes(map(int, text.split("."))) if kind == IPV4 else text)
        if not any(address in network for network in work.rules.addresses.unchanged):
            event = block.event + int(np.searchsorted(starts_of(block), at, "right")) - 1
            raise InputError(
                f"{capture.path}: event {event} has an address in its text, which Crypto-PAn would make longer or "
                "shorter; it is for addresses in headers: use --addresses digits"
            )


def _write(
    capture: Capture,
    writer: StreamWriter,
    work: Work,
    cryptopan: CryptoPan | None,
    originals: Originals,
    told: Callable[[int], None],
) -> dict[str, int]:
    """Write all flows and events; returns how many values of each kind were replaced."""
    counts, memory, rules = np.zeros(len(Kind), np.int64), new_memory(), work.rules
    learned = originals.tables.names if rules.everywhere else NOBODY
    mapper = FlowMapping(work.mapping, cryptopan, addresses=rules.addresses.on, macs=rules.macs.on)
    for flows in flow_blocks(capture):
        writer.add_flows(mapper.map(flows))
    links = capture.links.copy()
    links["name"] = [f"link{number}".encode() for number in range(len(links))]  # one may be named by its owner
    writer.add_links(links)
    for block in blocks(capture):
        target = block.payload.copy()
        for rows in values(work, block, fixed_columns(capture, block), learned):
            replace_all(block.payload, rows, work.mapping, memory, target, counts)
        add_block(writer, capture, block, target)
        told(len(target))
    capture.source.check()
    return by_kind(counts)


def _finish(capture: Capture, writer: StreamWriter, work: Work, replaced: dict[str, int]) -> str:
    """Give the result its name; returns its digest. Its NOTE says that it is anonymised, and nothing of the origin."""
    note = {
        "tool": f"stampede {__version__}",
        "made_by": "captures anonymize",
        "rules": work.rules_digest,
        "replaced": replaced,
    }
    return writer.finish(
        start_ns=capture.start_ns,
        sources=capture.sources,
        note=note,
        windows=None if len(capture.times) else capture.windows,
        mix=capture.mix if len(capture.mix) else None,
    )
