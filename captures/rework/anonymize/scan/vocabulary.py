"""Which words tell the scan something: those behind which a user stands, those that stay, and ends of host names."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.rework.anonymize.scan.common_words import COMMON_WORDS
from captures.rework.anonymize.tokens.hash_set import enter_text, new_table

BEHIND_EQUALS, BEHIND_SPACE, BEFORE_FROM, BEFORE_ID, BEHIND_COLON = (1 << bit for bit in range(5))
"""How a user stands behind a word: `user=bob`, `user bob`, `for bob from`, `by bob(uid=0)`, `sudo: bob :`."""
PATH: Final = 1 << 5
"""`/home/bob/`, `\\Users\\bob\\`."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS: Final = {
    "acct": BEHIND_EQUALS,
    "account": BEHIND_EQUALS | BEHIND_SPACE,
    "accountname": BEHIND_EQUALS,
    "auid_name": BEHIND_EQUALS,
    "by": BEFORE_ID | BEFORE_FROM,
    "cs-username": BEHIND_EQUALS,
    "dstuser": BEHIND_EQUALS,
    "duser": BEHIND_EQUALS,
    "for": BEFORE_FROM | BEFORE_ID,
    "from_user": BEHIND_EQUALS,
    "home": PATH,
    "login": BEHIND_EQUALS,
    "logname": BEHIND_EQUALS,
    "owner": BEHIND_EQUALS,
    "ruser": BEHIND_EQUALS,
    "samaccountname": BEHIND_EQUALS,
    "srcuser": BEHIND_EQUALS,
    "subjectusername": BEHIND_EQUALS,
    "su": BEHIND_COLON,
    "sudo": BEHIND_COLON,
    "suser": BEHIND_EQUALS,
    "targetusername": BEHIND_EQUALS,
    "to_user": BEHIND_EQUALS,
    "unmapped_user": BEHIND_EQUALS,
    "user": BEHIND_EQUALS | BEHIND_SPACE,
    "user_name": BEHIND_EQUALS,
    "userid": BEHIND_EQUALS,
    "username": BEHIND_EQUALS | BEHIND_SPACE,
    "userprincipalname": BEHIND_EQUALS,
    "users": PATH,
    "usr": BEHIND_EQUALS,
    "usrname": BEHIND_EQUALS,
}
STOP_WORDS: Final = _words(
    """
    a access account accounts action active admin administrator administrators adm all allowed an and anonymous any app
    apache are as at audit auth authentication authpriv backup been bin block by cannot client closed cmd command
    connect connection connections could cron crond daemon database db debug default denied deny device disabled
    disconnected domain down drop enabled engine error event everyone exit failed failure false file for from ftp
    games gdm group guest guests has have host http httpd https id if in info input interface internal invalid ip irc
    is it kernel key list local localdomain localhost log logged login logon logout lp mail man message messagebus
    mode module mysql name named network new news nginx no nobody none not notice ntp null of off on open opened
    operator or out output packet password path permission pid policy polkitd port postfix postgres process proxy
    public query rejected remote request reset response root rpc rsyslog rule running server service session sessions
    shutdown smtp src dst ssh ssh2 sshd start started state status stop stopped su sudo sync sys syslog system systemd
    systemd-logind systemd-network systemd-resolve systemd-timesync tcp test the this time timeout to traffic true tty
    type udp unknown unix up update user username users uucp uuidd value was web were with www www-data yes
    """
)
"""What every host knows, and what logs are made of: a program that is named so, or a user, tells of nobody."""
SUFFIXES: Final = _words(
    """
    arpa biz com corp edu example gov home info int intranet invalid io lan local localdomain mil name net onion org
    test ad app cloud dev site online at au be br ca ch cn cz de dk es eu fi fr gr hu ie il in it jp kr lu mx nl no nz
    pt ro ru se sg sk tr tw ua uk us za
    """
)
"""The last labels of names of hosts, wherever these stand. Not those that are also ends of names of files."""


class Vocabulary(NamedTuple):
    """All that the scan knows, for kernels. A table is one of `hash_set`."""

    seed: np.uint64
    """How each hash begins."""
    stop: NDArray[np.uint64]
    """Labels that stay."""
    common: NDArray[np.uint64]
    """Labels and words of names that are no names by themselves."""
    words: NDArray[np.uint64]
    """Words behind which a user stands."""
    meanings: NDArray[np.int64]
    """How, for each place of `words`."""
    suffixes: NDArray[np.uint64]
    """Last labels by which a name with points is one of a host."""
    file_suffixes: NDArray[np.uint64]
    """Last labels by which it is one of a file."""
    on: NDArray[np.bool_]
    """Which kinds are replaced, by their numbers in `finding`."""


def vocabulary_of(
    *,
    seed: np.uint64,
    stop: Iterable[str],
    user_words: Iterable[str],
    suffixes: Iterable[str],
    file_suffixes: Iterable[str],
    on: NDArray[np.bool_],
) -> Vocabulary:
    """The tables of these words; behind each of `user_words` a user stands after an equals sign, a colon or a space."""
    meaning = {**WORDS, **{word.lower(): BEHIND_EQUALS | BEHIND_SPACE for word in user_words}}
    words = new_table((word.encode() for word in meaning), seed)
    meanings = np.zeros(len(words), np.int64)
    for word, how in meaning.items():
        meanings[enter_text(words, np.frombuffer(word.encode(), np.uint8), seed)] = how
    ends, file_ends = set(suffixes), set(file_suffixes)
    return Vocabulary(
        seed,
        new_table((word.encode() for word in {*stop, *ends, *file_ends}), seed),
        new_table((word.encode() for word in COMMON_WORDS), seed),
        words,
        meanings,
        new_table((word.encode() for word in ends), seed),
        new_table((word.encode() for word in file_ends), seed),
        on,
    )
