"""Numbers as people write them: exact when read, readable when written."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.units import (
    counted,
    fitted,
    format_count,
    format_duration,
    format_share,
    format_size,
    parse_count,
    parse_duration_ns,
    parse_share,
    parse_size,
    parse_speed,
)

COUNTS = {"": 1, "k": 10**3, "K": 10**3, "m": 10**6, "M": 10**6, "g": 10**9, "G": 10**9}
SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
DURATIONS = {"": 10**9, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9} | {
    "msec": 10**6,
    "sec": 10**9,
    "seconds": 10**9,
    "min": 60 * 10**9,
    "minutes": 60 * 10**9,
    "hour": 3600 * 10**9,
    "days": 86400 * 10**9,
}


@pytest.mark.parametrize(
    ("parse", "units"), [(parse_count, COUNTS), (parse_size, SIZES), (parse_duration_ns, DURATIONS)]
)
@given(data=st.data())
def test_what_is_read_is_exact(parse, units, data):
    whole = data.draw(st.integers(0, 10**12))
    fraction = data.draw(st.from_regex(r"(\.[0-9]{1,3})?", fullmatch=True))
    unit = data.draw(st.sampled_from(sorted(units)))
    value = Decimal(f"{whole}{fraction}") * units[unit]
    text = f" {whole}{fraction}{unit}  "
    if value == int(value) and value < 2**62:
        assert parse(text) == value
    else:
        with pytest.raises(ValueError, match="too much" if value == int(value) else "not a whole number"):
            parse(text)


def test_the_kind_of_a_value_says_what_its_letter_means():
    """A count has no minutes, and a duration no millions; a large M of a duration might be either, and is refused."""
    assert (parse_count("4m"), parse_duration_ns("4m")) == (4_000_000, 240 * 10**9)
    assert parse_count("10K") == parse_count("10k") == 10_000
    assert parse_duration_ns("1h30min10sec") == 5410 * 10**9
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration_ns("4M")


@pytest.mark.parametrize(
    ("text", "either"),
    [("250k", "250kB or 250KiB"), ("1.5K", "1.5kB or 1.5KiB"), ("64 M", "64MB or 64MiB"), ("2g", "2GB or 2GiB")],
)
def test_a_letter_alone_does_not_say_which_size(text, either):
    with pytest.raises(ValueError, match="may be decimal or binary") as refused:
        parse_size(text)
    assert str(refused.value) == f"{text!r} may be decimal or binary; write {either}"
    assert all(parse_size(size) for size in either.split(" or "))


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 ports"), (1, "1 port"), (2, "2 ports"), (-1, "-1 ports"), (40_000, "40,000 ports")]
)
def test_so_many_of_what(count, said):
    assert counted(count, "port") == said
    assert counted(count, "port", 16) == said.rjust(16 + len(said) - said.index(" "))


@given(st.lists(st.text("abc", min_size=1, max_size=30), max_size=20))
def test_a_row_fits_a_terminal_and_loses_no_word(words):
    row = "  worker 0  " + " ".join(words)
    lines = fitted(row).splitlines()
    assert max(map(len, lines)) <= 80
    assert fitted(row).split() == row.split()
    assert all(line.startswith(" " * 12) for line in lines[1:])
    assert len(row.rstrip()) > 80 or lines == [row.rstrip()]


@pytest.mark.parametrize(
    ("parse", "most", "more"),
    [
        (parse_count, "4611686018G", "4611686019G"),
        (parse_size, "4194303TiB", "4194304TiB"),
        (parse_duration_ns, "4611686018", "4611686019"),
        (parse_duration_ns, "53375d", "53375d24h"),
        (parse_duration_ns, "53375d23h", "999999999999999999d"),
    ],
)
def test_what_would_leave_64_bits_is_too_much(parse, most, more):
    assert 2**61 < parse(most) < 2**62
    with pytest.raises(ValueError, match="is too much; write a smaller"):
        parse(more)


@pytest.mark.parametrize(("text", "speed"), [("1", 1), ("10", 10), (" 0.5 ", Fraction(1, 2)), ("0.000000001", 1e-9)])
def test_speeds(text, speed):
    assert parse_speed(text) == Fraction(speed).limit_denominator(10**9)


@pytest.mark.parametrize("text", ["0", "0.0", "-1", "", "1e9", "1e4000000", "1/3", "nan", "inf", "1" * 10, "1_0", "٣"])
def test_what_is_no_speed_is_refused(text):
    """At once: 1e4000000 as a fraction takes minutes, and gigabytes."""
    with pytest.raises(ValueError, match="is not a speed; write it like 1, 10 or 0.5"):
        parse_speed(text)


@given(st.integers(0, 999), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_durations_add_up(days, hours, minutes, seconds, milliseconds):
    text = f"{days}d{hours}h{minutes}m{seconds}s{milliseconds}ms"
    whole_seconds = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert parse_duration_ns(text) == (whole_seconds * 1000 + milliseconds) * 10**6


@given(st.integers(0, 10**15))
def test_a_count_written_is_read_back_to_its_last_digit(value):
    text = format_count(value)
    step = {"k": 100, "M": 10_000, "G": 10_000_000}.get(text[-1], 1)
    assert abs(parse_count(text) - value) <= step / 2


@given(st.integers(0, 2**50))
def test_a_size_is_written_to_a_tenth_of_its_unit(value):
    number, unit = format_size(value).split()
    assert abs(Decimal(number) * SIZES[unit] - value) <= Decimal(SIZES[unit]) / 20
    assert unit == "B" or float(number) >= 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (999.7, "1.0k"),
        (250_000, "250.0k"),
        (999_940, "999.9k"),
        (999_960, "1.00M"),
        (4_000_000, "4.00M"),
        (999_999_999, "1.00G"),
        (1.5e9, "1.50G"),
        (-999_960, "-1.00M"),
    ],
)
def test_counts_for_people(value, text):
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(512, "512 B"), (1536, "1.5 KiB"), (2**20 - 1, "1.0 MiB"), (2**31, "2.0 GiB"), (2**50, "1024.0 TiB")],
)
def test_sizes_for_people(value, text):
    assert format_size(value) == text


@given(st.integers(100, 10**18) | st.integers(100, 10**10) | st.integers(0, 10**6).map(lambda seconds: seconds * 10**9))
def test_a_duration_written_is_read_back_to_nine_digits_of_its_last_unit(duration_ns):
    """Seconds behind minutes are below 60, so only they are rounded: to 0.1 microseconds or better."""
    text = format_duration(duration_ns)
    read_ns = parse_duration_ns(text)
    assert abs(read_ns - duration_ns) <= 50
    assert duration_ns % 1000 or read_ns == duration_ns


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0s"),
        (100, "100ns"),
        (120_500, "120.5µs"),
        (500 * 10**6, "500ms"),
        (10**9 - 1, "999.999999ms"),
        (10**9, "1s"),
        (12_500 * 10**6, "12.5s"),
        (60 * 10**9, "1m"),
        (90 * 10**9, "1m30s"),
        (3600 * 10**9, "1h"),
        (8 * 3600 * 10**9 + 30 * 60 * 10**9, "8h30m"),
        (86_400 * 10**9, "1d"),
        (86_400 * 10**9 + 1500 * 10**6, "1d1.5s"),
    ],
)
def test_durations_for_people(duration_ns, text):
    assert format_duration(duration_ns) == text


@pytest.mark.parametrize("text", ["", "M", "-1", "1e6", "4 million", "4MM", "1,000", "0x10", "1" * 19, "1.5.5"])
def test_what_is_no_count_says_how_to_write_one(text):
    with pytest.raises(ValueError, match="is not a count; write it like 500"):
        parse_count(text)


@pytest.mark.parametrize("text", ["", "GiB", "4gib", "-1", "1GiB2MiB"])
def test_what_is_no_size_says_how_to_write_one(text):
    with pytest.raises(ValueError, match="is not a size; write it like 700MB or 2GiB"):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "h", "1h 30m", "-5s", "5 s", "5y", "1h30", "10ps"])
def test_what_is_no_duration_says_how_to_write_one(text):
    with pytest.raises(ValueError, match="is not a duration; write it like 10s, 500ms or 8h30m"):
        parse_duration_ns(text)


@pytest.mark.parametrize(("text", "percent"), [("0.5%", 0.5), ("0", 0), ("0%", 0), ("100 %", 100), ("12.25%", 12.25)])
def test_shares(text, percent):
    assert parse_share(text) * 100 == percent


@pytest.mark.parametrize("text", ["0.5", "101%", "-1%", "", "%", "1e-2%", "a%", "nan%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(ValueError, match="write it like 0.5%"):
        parse_share(text)


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0.00%"),
        (0, 5, "0.00%"),
        (1, 1, "100.00%"),
        (72, 10_000, "0.72%"),
        (1, 10**9, "under 0.01%"),
        (1, 20_000, "0.01%"),
    ],
)
def test_a_share_is_never_rounded_down_to_nothing(part, whole, text):
    assert format_share(part, whole) == text
