"""`captures anonymize`: a capture that may be given away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from captures.commands.options import CAPTURE, FILE
from captures.commands.progress import bytes_bar
from captures.console.command import tell
from captures.console.errors import ExitCode
from captures.console.harmless import harmless
from captures.console.terminal import notice
from captures.console.units import counted, fitted
from captures.rework.anonymize.anonymize import Anonymized, anonymize
from captures.rework.anonymize.ready import prepare
from captures.rework.anonymize.rules import AddressMapping, Rules, load_rules
from captures.rework.anonymize.tokens.secret import new_key_file, read_key_file, secret_of
from captures.share.cache import open_any


@click.command("anonymize", short_help="Replace addresses and names by tokens of a key.")
@CAPTURE
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option("--key", type=FILE, required=True, metavar="FILE", help="The same key gives the same tokens everywhere.")
@click.option("--new-key", is_flag=True, help="Make the key's file first; only its owner can read it.")
@click.option("--rules", "rules_file", type=FILE, metavar="FILE", help="What is replaced, and what stays (YAML).")
@click.option(
    "--addresses",
    type=click.Choice([mapping.value for mapping in AddressMapping]),
    help="digits: texts keep their length. cryptopan: to the bit, for addresses in headers alone.",
)
@click.option("--no-vendors", is_flag=True, help="Replace the vendors of MAC addresses, too.")
@click.option("--show", is_flag=True, help="Tell also the values that are left, not only where.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def anonymize_(
    *,
    capture: Path,
    output: Path,
    key: Path,
    new_key: bool,
    rules_file: Path | None,
    addresses: str | None,
    no_vendors: bool,
    show: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Write FILE with tokens in the place of addresses, MAC addresses, hosts, users, e-mail addresses and more.

    In headers and texts the same value has the same token, which is as long. Recipe and note stay behind. The result is
    read again: exit code 1 means that original values are left in it, and that it should not be given away.
    """
    held = open_any(capture)
    rules, files = (Rules(), []) if rules_file is None else load_rules(rules_file)
    rules = _with_flags(rules, addresses, no_vendors=no_vendors)
    with _key(key, output, new=new_key) as (data, whole):
        prepare()
        with bytes_bar("anonymizing") as progress:
            done = anonymize(
                held,
                output,
                rules,
                secret_of(data),
                force=force,
                inputs=[key, *files],
                whole=whole,
                progress=progress,
            )
    for leak in done.places:
        where = f"event {leak.event}, column {leak.column}" if leak.event >= 0 else "headers"
        notice(harmless(f"left over: {leak.kind}, {where}{f': {leak.value}' if show and leak.value else ''}"))
    tell(fitted(f"{output}: {_said(done)}", 4), done.figures(show=show), as_json=as_json)
    return ExitCode.MET if done.clean else ExitCode.MISSED


@contextmanager
def _key(path: Path, output: Path, *, new: bool) -> Iterator[tuple[bytes, Callable[[], object]]]:
    """The bytes of the key, and what is called when the output is whole: a new key is no file before that."""
    if not new:
        data, warning = read_key_file(path)
        if warning:
            notice(harmless(warning))
        yield data, lambda: None
        return
    data, file = new_key_file(path, output)
    with file:
        yield data, file.finish


def _with_flags(rules: Rules, addresses: str | None, *, no_vendors: bool) -> Rules:
    """The rules, with what flags say instead."""
    if addresses is not None:
        mapping = rules.addresses.model_copy(update={"mapping": AddressMapping(addresses)})
        rules = rules.model_copy(update={"addresses": mapping})
    if no_vendors:
        rules = rules.model_copy(update={"macs": rules.macs.model_copy(update={"keep_vendor": False})})
    return rules


def _said(done: Anonymized) -> str:
    """The text of what came of it."""
    total, addresses = sum(done.replaced.values()), "address" if done.addresses == 1 else "addresses"
    parts = [
        f"{counted(done.events, 'event')}, {counted(total, 'value')} replaced"
        + "".join(f", {count:,} {kind}" for kind, count in done.replaced.items()),
        f"looked for {counted(done.names, 'name')} and {done.addresses:,} {addresses} in the result",
    ]
    if done.by_chance:
        parts.append(f"{counted(done.by_chance, 'place')} with an address that is its own token by chance")
    if done.unkept:
        parts.append("there were too many values to look for all of them: split the capture")
    if done.left:
        parts.append(f"{counted(done.left, 'place')} still with an original value: do not give it away, add a rule")
    else:
        parts.append("none is left" if not done.unkept else "none of these is left")
    return "; ".join([*parts, f"digest {done.digest}"])
