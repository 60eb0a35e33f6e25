"""The lines of the three formats, read by the letter of their RFCs."""

import re
from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import given

from precompute.profile.lines import Format, Style, zone_minutes
from precompute.profile.model import Template
from tests.precompute.profiles import build, profile, profiles, template

# RFC 5424, section 6.2.1: numbers and keywords as syslog(3) has them.
FACILITIES = {"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8}
FACILITIES |= {"cron": 9, "authpriv": 10, "ftp": 11}
FACILITIES |= {"ntp": 12, "audit": 13, "alert": 14, "clock": 15} | {
    f"local{number}": 16 + number for number in range(8)
}
SEVERITIES = {"emerg": 0, "alert": 1, "crit": 2, "err": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}

# RFC 5424, section 6; of a PARAM-VALUE only what needs no leniency.
PRI = r"<(?P<pri>0|[1-9]\d?|1[0-8]\d|19[01])>"
NAME = r"[!#-<>-\\^-~]{1,32}"
VALUE = r'(?:[^"\\\]]|\\["\\\]])*'
ELEMENT = rf'\[{NAME}(?: {NAME}="{VALUE}")*\]'
RFC5424 = re.compile(
    rf"{PRI}1 (?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}(?:Z|[+-]\d\d:\d\d)) (?P<host>-|[!-~]{{1,255}}) "
    rf"(?P<app>-|[!-~]{{1,48}}) (?P<procid>-|[!-~]{{1,128}}) (?P<msgid>-|[!-~]{{1,32}}) "
    rf"(?P<data>-|(?:{ELEMENT})+) (?P<message>.*)"
)
# RFC 3164, section 4.1: the day padded with a space, a tag of up to 32 characters.
RFC3164 = re.compile(
    rf"{PRI}(?P<stamp>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?: [1-9]|[12]\d|3[01]) "
    r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d) (?P<host>[!-~]+) (?P<app>[A-Za-z0-9._/@-]{1,32})(?:\[(?P<procid>[!-~]+)\])?: "
    r"(?P<message>.*)"
)
ISO3164 = re.compile(
    rf"{PRI}(?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z) (?P<host>[!-~]+) "
    r"(?P<app>[A-Za-z0-9._/@-]+)(?:\[(?P<procid>[!-~]+)\])?: (?P<message>.*)"
)
LINES = {"rfc5424": RFC5424, "rfc3164": RFC3164, "iso3164": ISO3164}
MAX_BYTES = {"rfc5424": 2048, "rfc3164": 1024, "iso3164": 2048}


def structured_data(text: str) -> dict[str, dict[str, str]]:
    """The values by SD-ID and name, without escapes."""
    return {
        name: {param: re.sub(r"\\(.)", r"\1", value) for param, value in re.findall(rf'({NAME})="({VALUE})"', params)}
        for name, params in re.findall(rf'\[({NAME})((?: {NAME}="{VALUE}")*)\]', text)
    }


def one(folder, line_format: str, style=None, **parts) -> dict[str, str]:
    """The parts of the one event of a template."""
    fields = {"nasty": {"choices": ['a "b" \\ [c] = {d}']}}
    made = profile(fields, template(parts.pop("message", "m"), **parts), format=line_format, **(style or {}))
    (line,) = build(folder / "one.rcap", made, events=1, force=True).lines()
    found = LINES[line_format].fullmatch(line.decode())
    assert found, line
    return found.groupdict()


@pytest.mark.parametrize(("facility", "severity"), list(product(FACILITIES, SEVERITIES)))
def test_the_priority_is_eight_facilities_and_a_severity(facility, severity):
    made = Template.model_validate(template("m", facility=facility, severity=severity))
    priority = f"<{FACILITIES[facility] * 8 + SEVERITIES[severity]}>"
    heads = [made.line(Style(line_format)).head for line_format in Format]
    assert heads == [priority, priority, f"{priority}1 "]


def test_what_a_template_leaves_out_is_a_dash(tmp_path):
    found = one(tmp_path, "rfc5424", host="-", tag="-")
    assert [found[part] for part in ("host", "app", "procid", "msgid", "data", "message")] == [*"-----", "m"]


def test_a_template_s_parts_are_where_they_belong(tmp_path):
    parts = {
        "host": "h1.example",
        "tag": "app/x",
        "pid": "77",
        "msgid": "ID:1",
        "facility": "local7",
        "severity": "debug",
    }
    found = one(tmp_path, "rfc5424", **parts)
    assert [found[part] for part in ("pri", "host", "app", "procid", "msgid")] == [
        "191",
        "h1.example",
        "app/x",
        "77",
        "ID:1",
    ]
    del parts["msgid"]
    for line_format in ("rfc3164", "iso3164"):
        found = one(tmp_path, line_format, **parts)
        assert [found[part] for part in ("pri", "host", "app", "procid")] == ["191", "h1.example", "app/x", "77"]


def test_a_line_without_a_process_has_no_brackets(tmp_path):
    for line_format in ("rfc3164", "iso3164"):
        assert one(tmp_path, line_format)["procid"] is None


def test_values_of_structured_data_are_escaped_wherever_they_come_from(tmp_path):
    data = {"a@32473": {"field": "<{nasty}>", "text": '"]\\ [='}, "empty": {}, "b": {"plain": "x"}}
    found = one(tmp_path, "rfc5424", data=data, message="{nasty}")
    assert structured_data(found["data"]) == {
        "a@32473": {"field": '<a "b" \\ [c] = {d}>', "text": '"]\\ [='},
        "b": {"plain": "x"},
        "empty": {},
    }
    assert found["message"] == 'a "b" \\ [c] = {d}'
    assert one(tmp_path, "rfc5424", data={"empty": {}})["data"] == "[empty]"


@pytest.mark.parametrize("bom", [False, True])
def test_a_byte_order_mark_precedes_the_message(tmp_path, bom):
    found = one(tmp_path, "rfc5424", {"bom": bom}, message="é")
    assert found["message"].encode() == (b"\xef\xbb\xbf" if bom else b"") + b"\xc3\xa9"


@pytest.mark.parametrize(
    ("start", "zone", "stamps"),
    [
        ("2026-01-01T08:09:10.123Z", "Z", ("Jan  1 08:09:10", "2026-01-01T08:09:10.123000Z")),
        ("2026-01-01T08:09:10.123Z", "local", ("Jan  1 08:09:10", "2026-01-01T08:09:10.123000+00:00")),
        ("2026-12-10T00:00:00.000Z", "+00:00", ("Dec 10 00:00:00", "2026-12-10T00:00:00.000000+00:00")),
        ("2026-12-31T23:59:59.999Z", "+05:30", ("Jan  1 05:29:59", "2027-01-01T05:29:59.999000+05:30")),
        ("2028-03-01T00:00:00.000Z", "-00:01", ("Feb 29 23:59:00", "2028-02-29T23:59:00.000000-00:01")),
        ("2026-06-09T12:00:00.000Z", "-23:59", ("Jun  8 12:01:00", "2026-06-08T12:01:00.000000-23:59")),
    ],
)
def test_stamps_are_in_their_zone(tmp_path, start, zone, stamps):
    for line_format, stamp in zip(("rfc3164", "rfc5424"), stamps, strict=True):
        assert one(tmp_path, line_format, {"start": start, "zone": zone})["stamp"] == stamp
    if zone == "Z":
        assert one(tmp_path, "iso3164", {"start": start})["stamp"] == start


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [("Z", 0), ("+00:00", 0), ("+02:00", 120), ("-03:30", -210), ("+23:59", 1439), ("local", -32768)],
)
def test_a_zone_is_minutes_east_of_utc(zone, minutes):
    assert zone_minutes(zone) == minutes


@pytest.mark.parametrize(
    "zone", ["", "z", "UTC", "+2:00", "02:00", "+24:00", "+02:60", "+0200", "+\u06602:00", "+02:00 "]
)
def test_what_is_no_zone_says_how_to_write_one(zone):
    with pytest.raises(ValueError, match="is not a zone; write Z, local, or an offset like \\+02:00"):
        zone_minutes(zone)


@given(profiles())
def test_every_event_is_a_line_of_its_format(tmp_path_factory, made):
    """And its stamp the capture's first instant."""
    formats = {entry.tag: style for _, style, entry in made.templates()}
    start = datetime.fromisoformat(made.start)
    for line in build(tmp_path_factory.mktemp("drawn") / "drawn.rcap", made, events=200).lines():
        tag = re.findall(r" h (t\d+)", line.decode())[0]
        style = formats[tag]
        found = LINES[style.format].fullmatch(line.decode())
        assert found
        assert found["app"] == tag
        assert len(line) <= MAX_BYTES[style.format]
        assert found["message"].startswith("\ufeff") == style.bom
        if style.format == "rfc3164":
            local = start.replace(tzinfo=None) + timedelta(minutes=zone_minutes(style.zone) if ":" in style.zone else 0)
            assert found["stamp"] == f"{local:%b} {local.day:2} {local:%H:%M:%S}"
        else:
            assert datetime.fromisoformat(found["stamp"]) == start
