"""A template's variants: every combination of its optional parts, with its share."""

from fractions import Fraction
from itertools import product

from hypothesis import given

from precompute.fields.kinds import Optional
from precompute.notation.template import Placeholder, parse_template
from precompute.profile.lines import Line
from precompute.profile.variants import optional_fields, variants
from tests.precompute.profiles import field, profiles

FIELDS = {
    "a": field({"choices": ["a"]}),
    "o": field({"optional": ' o="{a}"', "share": 0.25}),
    "p": field({"optional": "{{p}}", "share": 0.5}),
}


def of(text: str) -> dict[str, Fraction]:
    """The variants of a line as template strings, with their shares."""
    return {
        "".join(str(segment) for segment in segments): share
        for segments, share in variants(Line("<6>", parse_template(text)), FIELDS)
    }


def test_a_line_without_optional_parts_is_its_only_variant():
    assert of(" h t: {a}") == {" h t: {a}": 1}


def test_each_optional_part_doubles_the_variants():
    assert of(" {a}{o}-{p}") == {
        " {a}-": Fraction(3, 8),
        " {a}-{p}": Fraction(3, 8),
        ' {a} o="{a}"-': Fraction(1, 8),
        ' {a} o="{a}"-{p}': Fraction(1, 8),
    }


def test_a_part_that_is_named_twice_is_one_part():
    assert of("{o}|{o}") == {"|": Fraction(3, 4), ' o="{a}"| o="{a}"': Fraction(1, 4)}


def test_in_structured_data_a_part_s_text_and_values_are_escaped():
    line = Line("<6>1 ", (Placeholder("o", escaped=True),))
    (absent, _), (present, _) = variants(line, FIELDS)
    assert (absent, present) == ((), (' o=\\"', Placeholder("a", escaped=True), '\\"'))


@given(profiles())
def test_the_shares_of_a_template_s_variants_are_exact(made):
    for _, style, entry in made.templates():
        line = entry.line(style)
        parts = [made.fields[name] for name in optional_fields(line, made.fields)]
        assert all(isinstance(part, Optional) for part in parts)
        plain = []
        for there in product((False, True), repeat=len(parts)):
            share = Fraction(1)
            for part, one in zip(parts, there, strict=True):
                share *= Fraction(part.share) if one else 1 - Fraction(part.share)
            plain.append(share)
        assert [share for _, share in variants(line, made.fields)] == plain
        assert sum(plain) == 1
