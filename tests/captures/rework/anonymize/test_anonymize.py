"""A whole anonymisation: what stays, what goes, and a leak check that can fail."""

import json
import os
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.cli import captures
from captures.console.errors import InputError
from captures.rework.anonymize import work
from captures.rework.anonymize.rules import PatternRule, Rules, load_rules
from captures.rework.anonymize.tokens.secret import read_key_file
from precompute.inspection.origin import origin_of, origin_rows
from tests.captures.rework.anonymize.made import KEY, STAMP, anonymized, make

LINES = [
    b"<38>" + STAMP + b" web01 sshd[1]: Accepted password for jsmith from 93.184.216.34 port 22",
    b"<38>" + STAMP + b" web02 app: jsmith met web01 at 93.184.216.34, acct 4711004712",
    b"<38>" + STAMP + b" web02 kernel: 00:0c:29:aa:bb:cc has 2a00:1450:4001:80b::200e",
]
FLOWS = [
    (bytes([93, 184, 216, 34]), bytes([10, 1, 2, 3]), bytes.fromhex("000c29aabbcc")),
    (bytes.fromhex("2a0014504001080b000000000000200e"), bytes(16), bytes(6)),
]


def texts(capture):
    return [*capture.lines()]


def test_lengths_trains_and_instants_stay_and_values_go(tmp_path):
    origin = make(tmp_path / "o.rcap", LINES, FLOWS)
    done, result = anonymized(tmp_path, LINES, flows=FLOWS)
    assert done.clean
    assert (result.trains == origin.trains).all()
    assert (result.times == origin.times).all()
    assert (result.flow_of == origin.flow_of).all()
    assert result.recipe is None
    whole = (tmp_path / "result.rcap").read_bytes()
    for value in (b"web01", b"web02", b"jsmith", b"93.184.216.34", b"aa:bb:cc", b"200e", b"secret", b"hosts"):
        assert value not in whole
    assert all(line.startswith(old[:20]) for line, old in zip(texts(result), LINES, strict=True))


def test_the_same_value_has_the_same_token_in_headers_and_texts(tmp_path):
    done, result = anonymized(tmp_path, LINES, flows=FLOWS)
    first, second, third = texts(result)
    address = re.search(rb"from ([\d.]+)", first)[1]
    assert re.search(rb"at ([\d.]+)", second)[1] == address
    assert bytes(result.flows["source"][0])[:4] == bytes(map(int, address.split(b".")))
    assert (
        re.search(rb"([0-9a-f:]{17}) has", third)[1].replace(b":", b"").decode()
        == bytes(result.flows["source_mac"][0]).hex()
    )
    user, host = re.search(rb"for (\w+) ", first)[1], first.split()[3]
    assert b"app: " + user + b" met " + host in second
    assert done.replaced["again"] == 2


def test_the_same_key_gives_the_same_tokens_in_another_capture(tmp_path):
    _, one = anonymized(tmp_path, LINES)
    one = texts(one)
    _, other = anonymized(tmp_path, LINES[:1])
    assert texts(other)[0] == one[0]
    _, different = anonymized(tmp_path, LINES, key=KEY[::-1])
    assert texts(different)[0] != one[0]


def leaks(tmp_path, lines, **rules):
    done, _ = anonymized(tmp_path, lines, Rules(**rules))
    return done


def test_a_name_that_stays_in_another_place_is_told(tmp_path):
    done = leaks(tmp_path, LINES, everywhere=False)
    assert not done.clean
    assert {(leak.event, leak.value) for leak in done.places} == {(1, "jsmith"), (1, "web01")}
    assert "value" not in done.figures(show=False)["places"][0]
    assert leaks(tmp_path, LINES).clean


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"user=jonathan99 in xjonathan99x", "jonathan99"),
        (b"at 93.184.216.34 is host 93-184-216-34", "93-184-216-34"),
        (b"mac 00:0c:29:aa:bb:cc is 000c29aabbcc", "000c29aabbcc"),
    ],
)
def test_forms_that_the_scan_does_not_know_are_told(tmp_path, line, value):
    done = leaks(tmp_path, [line])
    assert [leak.value for leak in done.places] == [value]


def test_a_name_of_a_list_is_replaced_in_any_word(tmp_path):
    done, result = anonymized(tmp_path, [b"project Zugspitze-2 at zugspitze_old"], Rules(names=("zugspitze",)))
    assert done.clean
    assert b"ugspitze" not in texts(result)[0]


@pytest.mark.parametrize(
    "told",
    [
        b"from web01.acme.example",
        b"by bob@acme.example",
        b"GET https://intra.acme.example/x",
        b'{"host":"web01.acme.example"}',
        b"from WEB01.ACME.EXAMPLE",
        b"by ACME\\bob",
        b'{"user":"x","of":"ACME\\\\bob"}',
        b"Connection by user bob@acme port 22",
        b"from acme-fra.example",
        b"u=bob%40acme.example",
        b"q=https%3A%2F%2Fintra.acme.example%2Fx",
        b"<38>" + STAMP + b" web01.acme.example app: x",
        b"<38>" + STAMP + b" acme-web01 app: x",
    ],
)
def test_the_label_of_an_organisation_is_replaced_by_itself(tmp_path, told):
    lines = [told, b"contract of acme, ACME-2 and Acme_x, see acme/x?a=acme%20b or x%20acme but not acmeist"]
    done, result = anonymized(tmp_path, lines)
    assert done.clean
    one, other = texts(result)
    assert b"acme" not in one.lower()
    token = re.search(rb"of (\w{4}),", other)[1]
    lower, start = other.lower(), token.upper()
    assert lower.count(token) >= 6
    assert lower.count(b"acme") == lower.count(b"acmeist") == 1
    assert b", " + start + b"-2 and " + token.capitalize() + b"_x, see" in other
    kept = leaks(tmp_path, lines, everywhere=False)
    assert {leak.value.lower() for leak in kept.places if leak.event == 1} >= {"acme"}
    assert sum(leak.event == 1 for leak in kept.places) == 6


def test_words_that_names_have_in_common_stay_by_themselves(tmp_path):
    lines = [b"from vpn-gateway.acme.example", b"the vpn gateway is down"]
    done, result = anonymized(tmp_path, lines)
    assert done.clean
    assert b"gateway" not in texts(result)[0]
    assert texts(result)[1] == lines[1]


@pytest.mark.parametrize("expression", [r"src=(\d+\.\d+)", r"src=(\S+)", r"(\d+) port", r"src=.*port", r"c=1"])
def test_a_pattern_leaves_an_address_one(tmp_path, expression):
    lines = [
        b"src=192.168.255.254 port 1",
        b"src=2001:db8::fe port 1",
        b"src=00:0c:29:aa:bb:cc port 1",
        b"src=127.0.0.1 port",
    ]
    _, plain = anonymized(tmp_path, lines)
    done, result = anonymized(tmp_path, lines, Rules(patterns=(PatternRule(name="src", regex=expression),)))
    where = slice(4, -7)
    assert [line[where] for line in texts(result)] == [line[where] for line in texts(plain)]
    assert not [leak for leak in done.places if leak.value == "127.0.0.1"]


def test_a_long_value_of_many_names_has_room(tmp_path):
    words = b" ".join(b"%c%c%c" % (97 + i % 26, 97 + i // 26 % 26, 97 + i // 676) for i in range(15000))
    done, _ = anonymized(tmp_path, [words], Rules(patterns=(PatternRule(name="all", regex=".+"),)))
    assert done.names > 10_000


def test_patterns_are_replaced_everywhere(tmp_path):
    lines = [b"acct=4711004712 ok", b"number 4711004712, seen"]
    rules = Rules(patterns=(PatternRule(name="account", regex=r"acct=(\d+)"),), users={"on": False})
    done, result = anonymized(tmp_path, lines, rules)
    assert done.clean
    one, other = (re.search(rb"\d{10}", line)[0] for line in texts(result))
    assert one == other != b"4711004712"


def test_a_pattern_whose_matches_stay_is_told(tmp_path, monkeypatch):
    rules = {"patterns": (PatternRule(name="account", regex=r"k:(\d+)"),)}
    lines = [b"k:12345 is short"]
    assert leaks(tmp_path, lines, **rules).clean
    monkeypatch.setattr(work, "pattern_rows", lambda *_: np.zeros((0, 3), np.int64))
    done = leaks(tmp_path, lines, **rules)
    assert [(leak.kind, leak.column) for leak in done.places] == [("pattern account", 2)]


def test_a_stamp_is_never_taken_for_a_value(tmp_path):
    rules = Rules(patterns=(PatternRule(name="numbers", regex=r"\d+"),))
    done, result = anonymized(tmp_path, LINES, rules)
    assert done.clean
    assert all(STAMP in line for line in texts(result))


def test_headers_that_stay_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("captures.rework.anonymize.flows.FlowMapping.map", lambda _, flows: flows)
    done, _ = anonymized(tmp_path, LINES[:1], flows=FLOWS)
    assert {leak.kind for leak in done.places} == {"address in headers"}


def test_crypto_pan_is_for_headers(tmp_path):
    rules = Rules(addresses={"mapping": "cryptopan"})
    done, result = anonymized(tmp_path, [b"nothing here, mask 255.255.255.0"], rules, flows=FLOWS)
    assert done.clean
    assert bytes(result.flows["source"][0])[:4] != FLOWS[0][0]
    assert bytes(result.flows["target"][0])[0] == 10
    with pytest.raises(InputError, match="event 0 has an address"):
        anonymized(tmp_path, LINES, rules)


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_no_text_breaks_it(tmp_path_factory, lines):
    done, result = anonymized(tmp_path_factory.mktemp("x"), lines)
    assert [len(line) for line in texts(result)] == [len(line) for line in lines]
    assert done.clean or done.places


def command(*words):
    return CliRunner().invoke(captures, ["anonymize", *map(str, words)], standalone_mode=False)


def test_the_command(tmp_path):
    make(tmp_path / "in.rcap", LINES, FLOWS)
    key = tmp_path / "key"
    first = command(tmp_path / "in.rcap", "-o", tmp_path / "out.rcap", "--key", key, "--new-key", "--json")
    assert first.return_value == 0
    figures = json.loads(first.stdout)
    assert figures["clean"]
    assert figures["replaced"]["ipv4"] == 2
    (tmp_path / "rules.yaml").write_text("everywhere: false\n")
    told = command(
        tmp_path / "in.rcap", "-o", tmp_path / "two.rcap", "--key", key, "--rules", tmp_path / "rules.yaml", "--show"
    )
    assert told.return_value == 1
    assert "event 1" in told.output
    assert "jsmith" in told.output


@pytest.mark.parametrize("named", ["key", "rules.yaml", "names.txt", "link"])
def test_no_file_that_is_read_is_replaced(tmp_path, named):
    make(tmp_path / "in.rcap", LINES, FLOWS)
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "names.txt").write_text("zugspitze\n")
    (tmp_path / "rules.yaml").write_text("lists: [names.txt]\n")
    (tmp_path / "link").symlink_to("key")
    held = {path: path.read_bytes() for path in tmp_path.iterdir()}
    options = ["--key", tmp_path / "key", "--rules", tmp_path / "rules.yaml", "--force"]
    told = command(tmp_path / "in.rcap", "-o", tmp_path / named, *options)
    assert isinstance(told.exception, InputError)
    assert "is read" in str(told.exception)
    assert held == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("wrong", ["exists", "nowhere/out.rcap", "key"])
def test_a_new_key_is_not_left_where_nothing_was_written(tmp_path, wrong):
    make(tmp_path / "in.rcap", LINES, FLOWS)
    (tmp_path / "exists").touch()
    there = sorted(tmp_path.iterdir())
    told = command(tmp_path / "in.rcap", "-o", tmp_path / wrong, "--key", tmp_path / "key", "--new-key")
    assert isinstance(told.exception, InputError)
    assert sorted(tmp_path.iterdir()) == there


def test_the_result_says_that_it_is_anonymised(tmp_path):
    _, result = anonymized(tmp_path, LINES, flows=FLOWS)
    assert result.note["made_by"] == "captures anonymize"
    told = dict(origin_rows(origin_of(result)))
    assert "captures anonymize" in told["format"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hots: {}", "hots"),
        ("addresses: {kept_ranges: [10.0.0.1/8]}", "addresses.kept_ranges.0.: 10.0.0.1/8 has host bits set"),
        ("names: [ab]", "3 to"),
        ("names: [John Smith]", "pattern"),
        ("{", "line 1, column 2: expected the node"),
        ("lists: [none.txt]", "none.txt"),
        ("[1]", "must be a mapping of keys"),
        ("stopwords: [a]", "stopwords: is not known; known are addresses, macs, .*, stop_words, everywhere"),
        ("users: {word: [a]}", "users.word: is not known; known are on, words"),
        ("names: [!!int x]", "line 1, column 9: tags"),
        ("names: [!!float x]", "tags"),
        ("names: [!!timestamp x]", "tags"),
        ("mail: !!bool x", "tags"),
        ("names: [!!binary x]", "tags"),
        ("names: [" + "9" * 5000 + "]", "a name has 3 to"),
        ('names: ["\\ud800abc"]', "names.0.: input should be a valid string"),
        ('lists: ["a\\0b"]', "no name of a file"),
        ("[" * 3000, "nested"),
        ("{[1]: 2}", "unhashable key"),
        ("a: &a [*a]", "aliases"),
        ("names: &a [*a]", "aliases"),
        ("!!python/object:x {}", "tags"),
        ("patterns: [{name: x}]", "patterns.0..regex: is missing; write it like regex"),
    ],
)
def test_rules_that_are_wrong_are_told_on_one_line(tmp_path, text, said):
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(InputError, match=said) as told:
        load_rules(tmp_path / "rules.yaml")
    assert "\n" not in str(told.value)


def test_lists_are_read_beside_the_rules(tmp_path):
    (tmp_path / "names.txt").write_text("zugspitze\n\nwatzmann\n")
    (tmp_path / "rules.yaml").write_text("lists: [names.txt]\nnames: [eiger]\n")
    rules, files = load_rules(tmp_path / "rules.yaml")
    assert rules.names == ("eiger", "zugspitze", "watzmann")
    assert files == [tmp_path / "rules.yaml", tmp_path / "names.txt"]


def test_a_list_of_another_editor_begins_with_its_first_name(tmp_path):
    (tmp_path / "names.txt").write_bytes("zugspitze\r\nwatzmann\r\n".encode("utf-8-sig"))
    (tmp_path / "rules.yaml").write_text("lists: [names.txt]")
    assert load_rules(tmp_path / "rules.yaml")[0].names == ("zugspitze", "watzmann")


def test_a_pipe_into_which_nobody_writes_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="nobody writes"):
        load_rules(tmp_path / "fifo")
    with pytest.raises(InputError, match="nobody writes"):
        read_key_file(tmp_path / "fifo")
