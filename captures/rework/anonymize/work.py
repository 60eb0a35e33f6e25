"""What the passes of an anonymisation share: the rules and the key, made ready for kernels."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.rework.anonymize.blocks import Block, starts_of
from captures.rework.anonymize.originals import Originals
from captures.rework.anonymize.replacing import Mapping
from captures.rework.anonymize.rules import Rules, canonical
from captures.rework.anonymize.scan.cutting import without_addresses
from captures.rework.anonymize.scan.finding import find_all
from captures.rework.anonymize.scan.kinds import Kind, Place, new_place
from captures.rework.anonymize.scan.patterns import Pattern, matches, pattern_of
from captures.rework.anonymize.scan.vocabulary import STOP_WORDS, SUFFIXES, Vocabulary, vocabulary_of
from captures.rework.anonymize.tokens.addresses import zones_of
from captures.rework.anonymize.tokens.secret import Secret

MOST_ROWS: Final = 1 << 18
"""So many values are worked on at once; a train has fewer bytes than that."""


NOBODY: Final = np.zeros(16, np.uint64)
"""A table of names without any."""


class Work(NamedTuple):
    """The rules and the key, as the passes need them."""

    rules: Rules
    mapping: Mapping
    vocabulary: Vocabulary
    patterns: tuple[Pattern, ...]
    place: Place
    rules_digest: str
    """Of the rules and the key, so that nobody can test guesses at the names in the rules."""


def work_of(rules: Rules, secret: Secret) -> Work:
    """What the rules and the key say. Raises InputError for a pattern that is none."""
    seed = secret.hashes.low
    vocabulary = vocabulary_of(
        seed=seed,
        stop=(*STOP_WORDS, *rules.stop_words),
        user_words=rules.users.words,
        suffixes=(*SUFFIXES, *rules.hosts.suffixes),
        file_suffixes=rules.file_suffixes,
        on=_wanted(rules),
    )
    kept, unchanged = rules.addresses.kept_ranges, rules.addresses.unchanged
    mapping = Mapping(
        secret.addresses_4,
        secret.addresses_6,
        secret.macs,
        secret.names,
        zones_of(kept, unchanged, 4),
        zones_of(kept, unchanged, 6),
        rules.macs.keep_vendor,
        vocabulary.stop,
        seed,
    )
    patterns = tuple(pattern_of(rule.name, rule.regex) for rule in rules.patterns)
    digest = blake3(canonical(rules), key=secret.cryptopan).hexdigest()
    return Work(rules, mapping, vocabulary, patterns, new_place(MOST_ROWS), digest)


def _wanted(rules: Rules) -> NDArray[np.bool_]:
    """Whether each kind is replaced, shape (kinds,)."""
    wanted = {
        Kind.IPV4: rules.addresses.on,
        Kind.IPV6: rules.addresses.on,
        Kind.MAC: rules.macs.on,
        Kind.HOST: rules.hosts.on,
        Kind.USER: rules.users.on,
        Kind.MAIL: rules.mail,
        Kind.URL: rules.urls,
        Kind.DOMAIN: rules.hosts.on,
    }
    return np.array([wanted.get(kind, True) for kind in Kind])


def learn_listed(work: Work, originals: Originals) -> None:
    """Take in the names that the rules list."""
    text = " ".join(work.rules.names).encode()
    originals.learn_names(np.frombuffer(text, np.uint8), work.vocabulary.stop, work.vocabulary.seed)


def values(
    work: Work, block: Block, fixed: NDArray[np.int64], learned: NDArray[np.uint64]
) -> Iterator[NDArray[np.int64]]:
    """The values in a block that the scan and the patterns find, in their order, some at once: rows (place, end, kind).

    `fixed` has the columns of stamps and tags. What is given out is only good until the next.
    """
    extra, done = pattern_rows(work, block, fixed), 0
    for rows, end in scanned(work, block, fixed, learned):
        if not len(extra):
            yield rows
            continue
        last = int(np.searchsorted(extra[:, 0], end))
        both = np.concatenate([without_addresses(extra[done:last], rows), rows])
        done = last
        yield both[np.argsort(both[:, 0], kind="stable")]


def scanned(
    work: Work, block: Block, fixed: NDArray[np.int64], learned: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """The values in a block that the scan finds, of some events at once, and where these end. Good until the next."""
    train = 0
    while train < len(block.trains):
        before = train
        train, count = find_all(block.payload, block.trains, train, work.vocabulary, learned, fixed, work.place)
        assert train > before
        end = len(block.payload) if train == len(block.trains) else int(block.trains["offset"][train])
        yield work.place.rows[:count], end


def pattern_rows(work: Work, block: Block, fixed: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the patterns find in a block, but for what reaches into a stamp or tag: rows (place, end, kind)."""
    if not work.patterns:
        return np.zeros((0, 3), np.int64)
    starts = starts_of(block)
    found: list[tuple[int, int, int]] = []
    for pattern in work.patterns:
        found.extend(matches(pattern, block.payload, block.trains, starts))
    rows = np.array(found, np.int64).reshape(-1, 3)
    train = np.repeat(np.arange(len(block.trains)), block.trains["count"])[rows[:, 0]]
    columns = rows[:, 1:] - starts[rows[:, 0], None]
    apart = (columns[:, None, 0] >= fixed[train, :, 1]) | (columns[:, None, 1] <= fixed[train, :, 0])
    rows = rows[apart.all(axis=1)]
    rows = np.column_stack([rows[:, 1:], np.full(len(rows), int(Kind.PATTERN))])
    return rows[np.argsort(rows[:, 0], kind="stable")]


def by_kind(counts: NDArray[Any]) -> dict[str, int]:
    """How many values of each kind there were, of those that there were."""
    return {kind.name.lower(): int(counts[kind]) for kind in Kind if counts[kind]}
