"""A key file is private, long and random, or that is said."""

import stat

import pytest

from captures.console.errors import InputError
from captures.rework.anonymize.tokens.secret import new_key_file, read_key_file, secret_of


def new_key(path):
    data, file = new_key_file(path, path.with_name("output"))
    with file:
        file.finish()
    return data


def test_a_new_key_is_private_and_never_the_same(tmp_path):
    made = [new_key(tmp_path / name) for name in ("one", "two")]
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    one, warning = read_key_file(tmp_path / "one")
    assert not warning
    assert len(one) >= 32
    assert one == made[0] != made[1] == read_key_file(tmp_path / "two")[0]


def test_a_new_key_is_no_file_before_it_is_finished(tmp_path):
    _, file = new_key_file(tmp_path / "key", tmp_path / "output")
    file.close()
    assert not [*tmp_path.iterdir()]


def test_a_key_that_is_there_is_kept_and_the_mend_is_told(tmp_path):
    data = new_key(tmp_path / "key")
    with pytest.raises(InputError, match="leave out --new-key"):
        new_key(tmp_path / "key")
    assert read_key_file(tmp_path / "key")[0] == data
    (tmp_path / "link").symlink_to("output")
    with pytest.raises(InputError, match="exists already"):
        new_key(tmp_path / "link")
    with pytest.raises(InputError, match="in the place of the output"):
        new_key(tmp_path / "output")


@pytest.mark.parametrize("data", [b"", b"short", bytes(32), b"secret" * 10, bytes(range(256)) * 17])
def test_what_is_no_key_is_refused(tmp_path, data):
    path = tmp_path / "key"
    path.write_bytes(data)
    with pytest.raises(InputError, match="key"):
        read_key_file(path)


def test_a_key_that_others_can_read_is_told(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(bytes(range(32)))
    path.chmod(0o640)
    assert "chmod 600" in read_key_file(path)[1]


def test_a_missing_key_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="--new-key"):
        read_key_file(tmp_path / "none")


def test_each_kind_has_a_key_of_its_own():
    assert len({tuple(map(int, key)) for key in secret_of(bytes(range(32)))[:-1]}) == 5
