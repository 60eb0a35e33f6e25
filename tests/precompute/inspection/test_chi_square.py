"""The chi-square test, against tables and against a plain sum."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.inspection.chi_square import chi_square, upper_gamma


@pytest.mark.parametrize(
    ("freedom", "critical", "p"),
    [
        # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4
        (1, 3.841, 0.05),
        (1, 10.828, 0.001),
        (2, 5.991, 0.05),
        (5, 11.070, 0.05),
        (10, 18.307, 0.05),
        (10, 3.940, 0.95),
        (30, 43.773, 0.05),
        (100, 124.342, 0.05),
        (100, 70.065, 0.99),
    ],
)
def test_tabulated_critical_values(freedom, critical, p):
    assert upper_gamma(freedom / 2, critical / 2) == pytest.approx(p, rel=2e-3)


@given(st.floats(0, 200))
def test_two_degrees_are_an_exponential(x):
    assert upper_gamma(1, x) == pytest.approx(math.exp(-x), rel=1e-9, abs=1e-15)


@given(st.floats(0, 50))
def test_one_degree_is_the_error_function(x):
    assert upper_gamma(0.5, x) == pytest.approx(math.erfc(math.sqrt(x)), rel=1e-9, abs=1e-13)


@given(st.integers(1, 60), st.floats(0, 150))
def test_whole_numbers_are_a_sum_of_poisson(a, x):
    plain = math.fsum(math.exp(-x) * x**k / math.factorial(k) for k in range(a))
    assert upper_gamma(a, x) == pytest.approx(plain, rel=1e-8, abs=1e-13)


@given(st.floats(0.5, 1e6), st.floats(0, 1e7))
def test_it_is_a_probability(a, x):
    assert 0 <= upper_gamma(a, x) <= 1


def test_a_fair_die_that_was_loaded():
    found = chi_square([5, 8, 9, 8, 10, 20], [1 / 6] * 6)
    assert found is not None
    assert found.statistic == pytest.approx(13.4)
    assert found.freedom == 5
    assert found.p == pytest.approx(0.01991, abs=1e-4)


def test_shares_that_are_met_fit_as_well_as_any_draw():
    found = chi_square([300, 100, 600], [0.3, 0.1, 0.6])
    assert (found.statistic, found.p) == (0, 1)


def test_parts_of_fewer_than_five_expected_are_tested_together():
    found = chi_square([494, 494, 2, 4, 6], [0.494, 0.494, 0.004, 0.004, 0.004])
    assert found.freedom == 2
    assert found.statistic == 0


@pytest.mark.parametrize(("counts", "shares"), [([9], [1.0]), ([1, 1], [0.5, 0.5]), ([100, 0], [1.0, 0.0])])
def test_one_part_is_no_test(counts, shares):
    assert chi_square(counts, shares) is None
