"""The secret of a sink: who has it is heard, and it goes over no wire."""

import stat

import pytest

from captures.console.errors import InputError, PreflightError
from replay.exchange.token import VARIABLE, checked, proved, token_of_asker, token_of_sink

TOKEN = "0123456789abcdef"  # noqa: S105 - of nobody
WORDS = ["begin", "1f3a9c07"]


def test_a_proof_holds_for_its_own_words_alone():
    line = proved(WORDS, TOKEN)
    assert checked(line, TOKEN) == WORDS
    assert not any(TOKEN in word for word in line)
    for words, token in ((line, TOKEN[::-1]), ([*line[:-1], "00000002"], TOKEN), (["proof", "\ud800", *WORDS], TOKEN)):
        with pytest.raises(InputError, match="the token is not the sink's"):
            checked(words, token)


@pytest.mark.parametrize("words", [WORDS, ["proof"], ["proof", "x"]])
def test_without_a_proof_the_sink_says_what_it_asks_for(words):
    with pytest.raises(InputError, match=f"--sink-token-file, or as {VARIABLE}"):
        checked(words, TOKEN)


def test_a_sink_without_a_token_passes_over_a_proof():
    assert checked(proved(WORDS, TOKEN), None) == WORDS
    assert checked(WORDS, None) == WORDS == proved(WORDS, None)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "127.8.9.1"])
def test_on_loopback_none_is_asked_for(address):
    assert token_of_sink(None, address, {}) is None
    assert token_of_sink(None, address, {VARIABLE: TOKEN}) == TOKEN


@pytest.mark.parametrize("address", ["198.18.0.2", "0.0.0.0", "::", "fe80::1%lo"])
def test_elsewhere_one_is_drawn_and_told(address, capsys):
    token = token_of_sink(None, address, {})
    assert f"export {VARIABLE}={token}" in capsys.readouterr().err
    assert token != token_of_sink(None, address, {})
    assert token_of_sink(None, address, {VARIABLE: TOKEN}) == TOKEN


def test_a_file_that_is_not_there_is_made_for_its_owner_alone(tmp_path, capsys):
    path = tmp_path / "token"
    token = token_of_sink(path, "127.0.0.1", {VARIABLE: TOKEN})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (token, token) == (token_of_asker(path, {}), token_of_sink(path, "198.18.0.2", {}))
    told = capsys.readouterr().err
    assert f"made {path}" in told
    assert token not in told
    with pytest.raises(PreflightError, match="can't be made"):
        token_of_sink(tmp_path / "no" / "folder", "127.0.0.1", {})


@pytest.mark.parametrize("content", ["", "short", "x" * 257, "0123456789abcde\x1b", "0123456789abcdé", "\udc80" * 16])
def test_what_is_no_token_is_refused(tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match="a token is 16 to 256 plain characters"):
        token_of_asker(path, {})
    with pytest.raises(InputError, match="No such file"):
        token_of_asker(tmp_path / "nothing", {})
    assert token_of_asker(None, {VARIABLE: ""}) is None
