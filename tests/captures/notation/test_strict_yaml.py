"""YAML as YAML 1.2's core schema has it, and one line for what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.notation.strict_yaml import MAX_FILE_BYTES, parse_yaml, read_text
from captures.share.recipe_text import recipe_yaml

AMBIGUOUS = [
    *(
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "true",
        "True",
        "null",
        "Null",
        "~",
        "",
        "=",
        "<<",
        "-",
        ".",
        "..",
        "!",
        "&a",
    ),
    *("10:20", "1:30:00", "1e3", "1e-05", "1E5", "1_000", "0x1f", "0o17", "017", "08", "+1", "-0", "1.", ".5", "1.50"),
    *(
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        ".inf",
        "-.inf",
        ".nan",
        "NaN",
        "00",
        "00:00",
        "# no comment",
        "a: b",
        "- a",
    ),
    *(
        " leading",
        "trailing ",
        "two  spaces",
        "'",
        '"',
        "\\",
        "{a}",
        "[b]",
        "*c",
        "a #b",
        "%d",
        "@x",
        "`x`",
        "|",
        ">",
        "?",
    ),
]
PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=200)
TEXTS = st.sampled_from(AMBIGUOUS) | PRINTABLE
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(1e-13, 1e12) | st.sampled_from([1e-05, 0.1, 1e12, 3.0, 0.0])
TREES = st.recursive(
    TEXTS | NUMBERS | st.booleans() | st.none(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(TEXTS, parts, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, TREES, max_size=5))
def test_what_a_recipe_prints_is_read_back_as_it_is(tree):
    again = parse_yaml(recipe_yaml(tree))
    assert again == tree
    assert repr(again) == repr(tree)


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_texts_stay_texts(text):
    assert parse_yaml(recipe_yaml({text: text})) == {text: text}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(
            (text, text)
            for text in ("yes", "no", "on", "True", "10:20", "2026-01-01", "007", "0x1f", "0o17", "1e3", "1_0")
        ),
        *((text, text) for text in (".5", "1.", ".nan", ".inf", "NULL", "TRUE", "+", "-a")),
        *(("true", True), ("false", False), ("null", None), ("~", None), ("", None)),
        *(("0", 0), ("-7", -7), ("+7", 7), ("10", 10), ("0.5", 0.5), ("-0.25", -0.25), ("10.0", 10.0)),
    ],
)
def test_scalars_are_what_the_core_schema_says(written, value):
    read = parse_yaml(f"a: {written}")["a"]
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &x 1\nb: *x\n", "line 2, column 4: aliases (*name) are not allowed"),
        ("a: 1\na: 2\n", "line 2, column 1: 'a' is given twice"),
        ("a: {b: 1, b: 2}\n", "line 1, column 11: 'b' is given twice"),
        ("a: [b\n", "line 2, column 1: expected ',' or ']', but got '<stream end>'"),
        ("a: b: c\n", "line 1, column 5: mapping values are not allowed here"),
        ("a: 1\n---\nb: 1\n", "line 2, column 1: but found another document"),
        ("{[a]: 1}", "line 1, column 2: found unhashable key"),
        ("a: !!python/object:os.x {}", "line 1, column 4: tags (!!int) are not allowed"),
        ("a: !!int x", "line 1, column 4: tags (!!int) are not allowed; write the value as it is"),
        ("a: \x00", "character 4 is U+0000: special characters are not allowed"),
        ("[" * 5000, "line 1, column 34: is nested more than 32 deep"),
        ("a: !!binary x", "line 1, column 4: tags"),
    ],
)
def test_what_is_no_yaml_is_said_in_one_line(text, line):
    with pytest.raises(InputError) as caught:
        parse_yaml(text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_short_file_can_not_unfold():
    """Ten levels of ten aliases each would be 10^10 values."""
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 11))
    with pytest.raises(InputError, match="aliases .* are not allowed"):
        parse_yaml(f"l0: &l0 x\n{levels}")


def test_a_file_is_utf_8_with_or_without_a_mark(tmp_path):
    path = tmp_path / "a.yaml"
    for raw in ("é\n".encode(), b"\xef\xbb\xbf" + "é\n".encode()):
        path.write_bytes(raw)
        assert read_text(path) == "é\n"


def test_what_can_not_be_read_is_said_in_one_line(tmp_path):
    def said(path) -> str:
        with pytest.raises(InputError) as caught:
            read_text(path)
        return str(caught.value)

    path = tmp_path / "a.yaml"
    assert said(path) == "can't be read: No such file or directory"
    assert said(tmp_path) == "can't be read: Is a directory"
    assert "no name of a file: embedded null byte" in said(tmp_path / "a\0b")
    path.write_bytes(b"name: \xff")
    assert said(path) == "byte 6 is not UTF-8; save the file as UTF-8"
    path.write_bytes(b" " * MAX_FILE_BYTES)
    assert len(read_text(path)) == MAX_FILE_BYTES
    path.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    assert said(path) == "is larger than 16 MiB; make it smaller"
