"""The rules of an anonymisation: a file in YAML that says which kinds of values are replaced, and which stay.

All fields have defaults, which replace what the scan knows. An unknown field is an error.
"""

import json
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, PlainValidator, StringConstraints, ValidationError

from captures.console.errors import InputError
from captures.console.harmless import harmless
from captures.notation.complaints import complaints
from captures.notation.models import Model
from captures.notation.strict_yaml import parse_yaml, read_text
from captures.rework.anonymize.fronts import LEAST_BYTES
from captures.rework.anonymize.originals import MOST_BYTES
from captures.rework.anonymize.tokens.addresses import KEPT_RANGES, UNCHANGED
from captures.rework.anonymize.tokens.names import LABEL

_WRITTEN: Final = {"name": "customer", "regex": "'CUST-(\\d+)'"}
"""How the values of keys are written that must be there."""
_MOST_TOLD: Final = 200
"""So much of a wrong value is told at most."""
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(ip_network)]
Word = Annotated[str, StringConstraints(pattern=r"^[\w-]+$", max_length=MOST_BYTES)]


class AddressMapping(StrEnum):
    """How addresses are mapped."""

    DIGITS = "digits"
    """Each number among those with as many digits, so that texts keep their length."""
    CRYPTOPAN = "cryptopan"
    """Crypto-PAn, which keeps shared prefixes to the bit, for captures without addresses in their texts."""


class Addresses(Model):
    """What becomes of addresses of IPv4 and IPv6."""

    on: bool = True
    mapping: AddressMapping = AddressMapping.DIGITS
    kept_ranges: tuple[Network, ...] = KEPT_RANGES
    unchanged: tuple[Network, ...] = UNCHANGED


class Macs(Model):
    """What becomes of MAC addresses."""

    on: bool = True
    keep_vendor: bool = True


class Hosts(Model):
    """What becomes of the hosts in headers of syslog, and of names that end as those of hosts do."""

    on: bool = True
    suffixes: tuple[Word, ...] = ()
    """Further last labels, such as `internal`."""


class Users(Model):
    """What becomes of users."""

    on: bool = True
    words: tuple[Word, ...] = ()
    """Further words behind which a user stands, as `badge` in `badge=bob` or `badge bob`."""


class PatternRule(Model):
    """A regular expression: what its group 1 matches is replaced, or the whole match."""

    name: Word
    regex: str


class Rules(Model):
    """All rules."""

    addresses: Addresses = Addresses()
    macs: Macs = Macs()
    hosts: Hosts = Hosts()
    users: Users = Users()
    mail: bool = True
    urls: bool = True
    file_suffixes: tuple[Word, ...] = ()
    """Names of files that end so are replaced: `docx`."""
    patterns: tuple[PatternRule, ...] = ()
    names: tuple[str, ...] = ()
    """Names of persons, customers, projects: replaced wherever they stand."""
    lists: tuple[Path, ...] = ()
    """Files of such names, one a line."""
    stop_words: tuple[Word, ...] = ()
    """Further words that stay."""
    everywhere: bool = Field(default=True)
    """Whether a name that was found in one place is replaced in all others, too."""


def load_rules(path: Path) -> tuple[Rules, list[Path]]:
    """The rules in a file, with the names in its lists, and all files that were read. Raises InputError."""
    text = _read(path)
    try:
        held = parse_yaml(text)
        rules = Rules.model_validate({} if held is None else held)
    except ValidationError as error:
        _, place, told = next(complaints(Rules, error, written=_WRITTEN))
        raise InputError(harmless(f"{path}: {place}: {told}" if place else f"{path}: {told}")) from None
    except InputError as error:
        raise InputError(harmless(f"{path}: {error}")) from None
    names, lists = [*rules.names], [path.parent / each for each in rules.lists]
    for each in lists:
        names.extend(line.strip() for line in _read(each).splitlines() if line.strip())
    for name in names:
        require_name(path, name)
    return rules.model_copy(update={"names": tuple(names), "lists": ()}), [path, *lists]


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except InputError as error:
        raise InputError(harmless(f"{path}: {error}")) from None


def require_name(path: Path, name: str) -> None:
    """Check that a name of a list can be looked for. Raises InputError."""
    data, shown = name.encode(errors="replace"), repr(name)[:_MOST_TOLD]
    if not LEAST_BYTES <= len(data) <= MOST_BYTES:
        raise InputError(f"{path}: {shown}: a name has {LEAST_BYTES} to {MOST_BYTES} bytes; write a pattern instead")
    if not all(LABEL[byte] or byte == ord(".") for byte in data):
        raise InputError(f"{path}: {shown}: a name is letters, digits, - _ and points; write a pattern instead")


def canonical(rules: Rules) -> bytes:
    """The rules in always the same bytes."""
    return json.dumps(rules.model_dump(mode="json"), sort_keys=True).encode()
