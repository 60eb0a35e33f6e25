"""The built-in profiles, read as a SIEM reads them: by parsers that know the formats and nothing of the renderer."""

import ipaddress
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import cache

import pytest

from precompute.fields.addresses import Network
from precompute.fields.correlated import Columns
from precompute.profile.lines import FACILITIES, SEVERITIES
from precompute.profile.loading import built_in_names
from tests.precompute.profiles import build, built_in

NAMES = ["firewall", "mixed", "rfc3164-servers", "rfc5424-services", "system", "web"]
EVENTS = 20_000  # as the fixture `captured` has them
# Same seed, same bytes: a change here is a changed profile, or a new `precompute.profile.recipe.RENDERER`.
GOLDEN = {
    "firewall": "0c47111a677d254fdc055a9f730ab6d1166dd8434feca379aa3847c2485e3b78",
    "mixed": "e5e267838d6e8ac138e3fc09436683b9bc98d86c2317186cc4c694ac83e4364b",
    "rfc3164-servers": "1a20e5f9ba14f81174f3a4d87d59c7dff01e3ebabc01d94e94242a33616c4daf",
    "rfc5424-services": "d34a0b813b996ff8989491ed8b82847d52fab28f77f6f872c6ef9c44ebbb92c6",
    "system": "0ba9cb5fc89231907d2ecea3d91ff4328892a5fc5f84429be4ed75b26365d784",
    "web": "984bc3bb87b0465441f4c67ff0e7468319b93213449281542f292d136dd2ea30",
}
GOLDEN_TIMED = "ca89987b0d565bc0144855edf4a17c9639d3b512fdf73ce92b0f3344d5bb918c"

# RFC 1918, RFC 2544, RFC 5737, RFC 3849.
FOR_EXAMPLES = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"),
    *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"),
)
DOMAINS_FOR_EXAMPLES = r"(?:[a-z0-9-]+\.)*(?:example\.(?:com|net|org)|example|test)"
"""RFC 2606."""

ISO3164 = re.compile(
    r"<(?P<pri>\d{1,3})>(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) "
    r"(?P<host>[a-z0-9]+) (?P<tag>[A-Za-z-]+)(?:\[(?P<pid>\d+)\])?: (?P<message>[ -~]+)"
)
# RFC 3164, section 4.1; the tag as Postfix writes it, the host without its domain.
RFC3164 = re.compile(
    r"<(?P<pri>\d{1,3})>(?P<stamp>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?: [1-9]|[12]\d|3[01]) "
    r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d) (?P<host>[A-Za-z0-9-]+) "
    r"(?P<tag>[A-Za-z0-9/]{1,32})(?:\[(?P<pid>\d+)\])?: (?P<message>[ -~]+)"
)
# RFC 5424, section 6, rule by rule.
SD_NAME = r"[!#-<>-\\^-~]{1,32}"
PARAM = rf' ({SD_NAME})="((?:[^"\\\]]|\\["\\\]])*)"'
ELEMENT = rf"\[({SD_NAME})((?:{PARAM})*)\]"
RFC5424 = re.compile(
    r"<(?P<pri>\d{1,3})>1 "
    r"(?P<stamp>\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z) "
    r"(?P<host>[!-~]{1,255}) (?P<tag>[!-~]{1,48}) (?P<pid>[!-~]{1,128}) (?P<msgid>[!-~]{1,32}) "
    rf"(?P<data>-|(?:{ELEMENT})+) (?P<message>.+)"
)
FORMATS = {"iso3164": ISO3164, "rfc3164": RFC3164, "rfc5424": RFC5424}

# CEF's and LEEF's own rules: what stands raw in a value ends it.
CEF = re.compile(
    r"CEF:0\|(?P<vendor>[^|\\]+)\|(?P<product>[^|\\]+)\|(?P<version>[^|\\]+)"
    r"\|(?P<id>[^|\\]+)\|(?P<name>[^|\\]+)\|(?P<severity>\d|10)\|(?P<fields>.+)"
)
CEF_KEYS = {
    *("src", "spt", "smac", "suser", "dst", "dpt", "proto", "app", "act", "in", "out", "cat", "reason", "request"),
    *("outcome", "dvchost", "deviceInboundInterface", "cn1", "cs1", "c6a2", "c6a3"),
    *("cn1Label", "cs1Label", "c6a2Label", "c6a3Label"),
}
LEEF = re.compile(
    r"LEEF:2\.0\|(?P<vendor>[^|]+)\|(?P<product>[^|]+)\|(?P<version>[^|]+)\|(?P<id>[^|]+)\|\^\|(?P<fields>[^|]+)"
)
COMBINED = re.compile(
    r'(?P<client>\S+) - (?P<user>\S+) "(?P<method>GET|POST|PUT|DELETE|OPTIONS) (?P<path>/[^\s"]*) HTTP/(?:1\.1|2\.0)" '
    r'(?P<status>\d{3}) (?P<bytes>\d+) "(?P<referer>-|https://[^\s"]+)" "(?P<agent>[^"]+)"'
    r"(?: (?:rt|sid|order|upstream)=\S+)*"
)
ERROR = re.compile(
    r"\[(?:error|warn)\] \d+#\d+: \*\d+ .+|\[[a-z_]+:error\] \[pid \d+:tid \d+\] \[client \S+\] AH\d{5}: .+"
)


@pytest.fixture(scope="module")
def read(captured):
    """The events of the profile of a name, each as a match of its format."""
    return cache(lambda name: events(captured(name)))


def events(capture):
    lines = [line.decode() for line in capture.lines()]
    found = [form(line).fullmatch(line) for line in lines]
    assert [line for line, match in zip(lines, found, strict=True) if match is None] == []
    return found


def form(line):
    """The format of a line, by what follows its priority."""
    behind = line.partition(">")[2]
    return RFC5424 if behind.startswith("1 ") else ISO3164 if behind[0].isdigit() else RFC3164


def messages(found, **parts):
    """The messages of the events whose parts are these."""
    return [match["message"] for match in found if all(match[part] == text for part, text in parts.items())]


def test_these_are_the_built_in_profiles():
    assert built_in_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes(captured, name):
    assert captured(name).digest == GOLDEN[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_priority_of_each_format_has_its_share(read, name):
    asked, templates = defaultdict(float), defaultdict(int)
    for (_, style, template), share in zip(built_in(name).templates(), built_in(name).shares(), strict=True):
        kind = FORMATS[style.format], FACILITIES.index(template.facility) * 8 + SEVERITIES.index(template.severity)
        asked[kind] += float(share) * EVENTS
        templates[kind] += 1
    found = Counter((match.re, int(match["pri"])) for match in read(name))
    assert found.total() == EVENTS
    assert found.keys() <= asked.keys()
    for kind, share in asked.items():
        assert abs(found[kind] - share) < templates[kind]


@pytest.mark.parametrize("name", NAMES)
def test_each_template_has_its_share(captured, name):
    for found, share in zip(captured(name).mix.tolist(), built_in(name).shares(), strict=True):
        assert abs(found - share * EVENTS) < 1


@pytest.mark.parametrize("name", NAMES)
def test_lines_hardly_repeat(captured, name):
    assert len(set(captured(name).lines())) > 0.9 * EVENTS


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_set_aside_for_examples(captured, name):
    allowed = [ipaddress.ip_network(text) for text in FOR_EXAMPLES]
    # Behind a slash stands a version of a browser.
    written = re.compile(rb"(?<![\w./-])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
    found = {address.decode() for line in captured(name).lines() for address in written.findall(line)}
    assert len(found) > 500
    for text in found | networks(built_in(name)):
        network = ipaddress.ip_network(text)
        assert any(network.version == own.version and network.subnet_of(own) for own in allowed), text


def networks(profile):
    """The networks of all fields and columns."""
    fields = list(profile.fields.values())
    fields += [column for field in fields if isinstance(field, Columns) for column in field.columns.values()]
    return {text for field in fields if isinstance(field, Network) for text in field.network}


@pytest.mark.parametrize("name", NAMES)
def test_domains_are_set_aside_for_examples(read, name):
    for match in read(name):
        # A value or a mailbox; user agents name their makers' pages elsewhere.
        for domain in re.findall(r"(?:[\"=]https?://|=<?[\w-]+@)([a-z][\w.-]*)", match["message"]):
            assert re.fullmatch(DOMAINS_FOR_EXAMPLES, domain), match[0]
        if "." in match["host"]:
            assert re.fullmatch(DOMAINS_FOR_EXAMPLES, match["host"]), match[0]


# What has one value of `key` has one of `value`: profile, line, and how many keys there are at least.
TOGETHER = [
    ("firewall", r'devname="(?P<key>\S+)" devid="(?P<value>\S+)"', 16),
    ("firewall", r'devid="(?P<key>\S+)".* group="staff-(?P<value>\w+)"', 16),
    ("firewall", r'srcip=(?P<key>10\.10\.\S+) .*srcmac="(?P<value>\S+)"', 500),
    ("firewall", r'srcip=(?P<key>10\.10\.\S+) .*srcintf="(?P<value>\S+)"', 500),
    ("firewall", r"src=(?P<key>10\.10\.[\d.]+).*(?:smac|srcMAC)=(?P<value>[\w:]+)", 500),
    ("firewall", r"(?:smac|srcMAC)=(?P<key>[\w:]+).(?:suser|usrName)=(?P<value>\w+)", 500),
    ("firewall", r'dstip=(?P<key>\S+) .*dstcountry="(?P<value>[^"]+)"', 500),
    ("firewall", r'dstport=(?P<value>\d+) .*service="(?P<key>\w+)"', 11),
    ("firewall", r"dpt=(?P<value>\d+) proto=\d+ app=(?P<key>[\w-]+)", 11),
    ("rfc3164-servers", r" (?P<key>srv\d+) chronyd\[\d+\]: Selected source (?P<value>[\d.]+)", 50),
    ("rfc3164-servers", r"opened for user (?P<key>\w+)\(uid=(?P<value>\d{4})\)", 50),
    ("rfc3164-servers", r"Accepted publickey for (?P<value>\w+) .*(?P<key>SHA256:\S+)", 8),
    ("rfc3164-servers", r"DHCP\w+ (?:for|on) (?P<key>[\d.]+) (?:from|to) (?P<value>\S+ \S+)", 300),
    ("rfc3164-servers", r"DHCP\w+ (?:for|on) [\d.]+ (?:from|to) (?P<key>\S+) (?P<value>\S+)", 300),
    ("rfc3164-servers", r"DHCP\w+ (?:for|on) (?P<value>[\d.]+) (?:from|to) (?P<key>\S+)", 300),
    ("rfc3164-servers", r" (?P<key>ns\d) named\[(?P<value>\d+)\]", 4),
    ("rfc3164-servers", r" (?P<key>ns\d) named.*\((?P<value>10\.\S+)\)$", 4),
    ("rfc3164-servers", r" (?P<key>gw\d\d) kernel.*OUT= MAC=(?P<value>\S{17}).* DST=\S+", 8),
    ("rfc3164-servers", r"to=<\w+@(?P<key>\S+)>, relay=(?P<value>\S+\[\S+\]):25", 6),
    ("rfc3164-servers", r"delay=(?P<key>\S+), delays=(?P<value>\S+)", 8),
    ("rfc3164-servers", r": (?:Starting|Finished) (?P<key>\S+) - (?P<value>.*\w)", 15),
    ("rfc5424-services", r' namespace="(?P<value>\S+)" pod="(?P<key>\S+)"\]', 200),
    ("rfc5424-services", r'Z (?P<value>node-\d\d)\..* pod="(?P<key>\S+)"\]', 200),
    ("rfc5424-services", r'example\.com (?P<value>\w+) 1 .* pod="(?P<key>\S+)"\]', 200),
    ("rfc5424-services", r" (?P<key>node-\d\d)\S+ kubelet (?P<value>\d+)", 48),
    ("rfc5424-services", r'class="(?P<key>\S+)" text="(?P<value>(?:[^"\\]|\\.)+)"', 5),
    ("rfc5424-services", r"group (?P<value>\w+) committed offset \d+ of (?P<key>[\w.]+)", 6),
    ("web", r'nginx: (?P<key>198\.18\.\S+) - .*"(?P<value>[^"]+)"$', 7),
    ("web", r'nginx: (?P<key>10\.20\.1\.\S+) - .*"(?P<value>[^"]+)"$', 5),
]


@pytest.mark.parametrize(("name", "line", "least"), TOGETHER)
def test_what_belongs_together_stays_together(read, name, line, least):
    values = defaultdict(set)
    for match in read(name):
        if found := re.search(line, match[0]):
            values[found["key"]].add(found["value"])
    assert len(values) >= least
    assert {key: several for key, several in values.items() if len(several) > 1} == {}


# Values of one length, numbered from 1 in the order of their ranks: profile, line, how many there are, exponent.
RANKED = [
    ("firewall", r" fw-(\d\d) ", 16, 0.5),
    ("rfc3164-servers", r" srv(\d{3}) (?!chronyd)", 400, 0.6),
    ("rfc5424-services", r'tenant="t-(\d{4})"', 900, 1.1),
    ("web", r"/media/(\d{5})", 20_000, 0.8),
]


@pytest.mark.parametrize(("name", "line", "count", "exponent"), RANKED)
def test_few_make_most_of_the_events(read, name, line, count, exponent):
    found = Counter(int(hit[1]) for match in read(name) if (hit := re.search(line, match[0])))
    whole = sum(rank**-exponent for rank in range(1, count + 1))
    for rank in range(1, 17):
        expected = found.total() * rank**-exponent / whole
        assert abs(found[rank] - expected) < 5 * expected**0.5


def data_of(match):
    """Structured data as {id: {name: value}}, without escapes; no name twice."""
    elements = {}
    for name, params, *_ in re.findall(ELEMENT, match["data"]):
        pairs = re.findall(PARAM, params)
        assert name not in elements
        elements[name] = {key: re.sub(r'\\(["\\\]])', r"\1", value) for key, value in pairs}
        assert len(elements[name]) == len(pairs)
    return elements


def test_structured_data_of_the_services(read):
    found = read("rfc5424-services")
    datas = [data_of(match) for match in found]
    assert {name for data in datas for name in data} == {
        f"{name}@32473" for name in ("db", "error", "file", "k8s", "payment", "queue", "trace")
    }
    values = {value for data in datas for element in data.values() for value in element.values()}
    assert {r"C:\Data\in", "/mnt/share [1]", 'Cannot invoke "Order.total()" because "order" is null'} <= values
    traces = [data["trace@32473"]["trace"] for data in datas if "trace" in data.get("trace@32473", {})]
    assert len(set(traces)) == len(traces) > EVENTS / 2
    assert all(re.fullmatch("[0-9a-f]{32}", trace) for trace in traces)


def test_every_field_of_rfc_5424_is_there_and_missing(read):
    for part in ("tag", "pid", "msgid", "data"):
        missing = sum(match[part] == "-" for match in read("rfc5424-services"))
        assert 0 < missing < EVENTS / 2


def test_what_is_not_ascii_is_behind_a_byte_order_mark(read):
    """RFC 5424, section 6.4."""
    foreign = [message for message in messages(read("rfc5424-services")) if not message.isascii()]
    assert len(foreign) > EVENTS / 50
    assert all(message.startswith("\ufeff") for message in foreign)


def fields_of(text, separator):
    """The fields of CEF or LEEF by key. A raw = in a value, or a separator, makes a field without a key or with two."""
    pairs = [part.split("=") for part in re.split(separator, text)]
    assert all(len(pair) == 2 and all(pair) for pair in pairs), text
    found = dict(pairs)
    assert len(found) == len(pairs), text
    return found


def cef(message):
    match = CEF.fullmatch(message)
    assert match, message
    # A key begins behind a space; the text before it, spaces and all, is the value of the one before.
    fields = fields_of(match["fields"], r" (?=[A-Za-z0-9]+=)")
    assert fields.keys() <= CEF_KEYS
    return match, fields


def leef(message):
    match = LEEF.fullmatch(message)
    assert match, message
    return match, fields_of(match["fields"], r"\^")


def test_the_firewalls_cef_and_leef(read):
    found = read("firewall")
    for tag, parse, share in (("CEF", cef, 0.3), ("leef", leef, 0.25)):
        parsed = [parse(message) for message in messages(found, tag=tag)]
        assert len(parsed) == pytest.approx(share * EVENTS, abs=10)
        assert {match["vendor"] for match, _ in parsed} == {"Example Corp"}
        for _, fields in parsed:
            for key in fields.keys() & {"src", "dst", "c6a2", "c6a3"}:
                ipaddress.ip_address(fields[key])
            for key in fields.keys() & {"spt", "dpt", "srcPort", "dstPort"}:
                assert 0 < int(fields[key]) < 1 << 16
            for key in fields.keys() & {"cn1", "cs1", "c6a2", "c6a3"}:
                assert fields[f"{key}Label"]
    denied = [fields.get("act") == "deny" for _, fields in map(cef, messages(found, tag="CEF"))]
    assert 0.1 < sum(denied) / len(denied) < 0.3


def test_the_three_makes_agree_on_their_signatures(read):
    found = read("firewall")
    of_cef = {(match["id"], match["name"]) for match, _ in map(cef, messages(found, tag="CEF"))}
    of_leef = {(match["id"], fields.get("msg")) for match, fields in map(leef, messages(found, tag="leef"))}
    utm = "\n".join(messages(found, tag="utm"))
    of_pairs = {(number, name) for name, number in re.findall(r'attack="([^"]+)" attackid=(\d+)', utm)}
    assert len(of_pairs) >= 8
    assert of_pairs <= of_cef
    assert len(of_cef & of_leef) > len(of_pairs)
    assert len({number for number, _ in of_cef | of_pairs}) == len(of_cef | of_pairs)


def test_the_firewalls_key_value_lines(read):
    pair = r'\w+=(?:"[^"=]*"|[^\s"=]+)'
    for message in (
        message for tag in ("traffic", "utm", "vpn", "event") for message in messages(read("firewall"), tag=tag)
    ):
        assert re.fullmatch(rf"{pair}(?: {pair})*", message), message
        keys = re.findall(r"(\w+)=", message)
        assert len(set(keys)) == len(keys)


def test_the_web_servers_lines(read):
    found = messages(read("web"))
    access = [match for match in map(COMBINED.fullmatch, found) if match]
    errors = [message for message in found if not COMBINED.fullmatch(message)]
    assert len(access) == pytest.approx(0.94 * EVENTS, abs=10)
    assert [message for message in errors if not ERROR.fullmatch(message)] == []
    assert [message for message in found if re.search(r"\d\d/(?:[A-Z][a-z]{2}|\d\d)/\d\d", message)] == []
    status = Counter(match["status"][0] for match in access)
    assert 0.7 < status["2"] / len(access) < 0.85
    assert all(status[kind] / len(access) > least for kind, least in (("3", 0.1), ("4", 0.05), ("5", 0.005)))
    assert {match["bytes"] for match in access if match["status"] in ("204", "304", "499")} == {"0"}
    assert {ipaddress.ip_address(match["client"]).version for match in access} == {4, 6}


@pytest.mark.parametrize(("field", "least"), [("agent", 60), ("page", 200), ("user", 100)])
def test_a_list_s_lines_fit_a_quoted_value(field, least):
    texts = [text for (text,), _ in built_in("web").fields[field].rows()]
    assert len(set(texts)) == len(texts) >= least
    assert [text for text in texts if re.search(r'["\\]', text)] == []


def test_a_mixed_minute(tmp_path):
    options = {"duration_ns": 60 * 10**9, "rate_eps": 1000}
    capture = build(tmp_path / "minute.rcap", built_in("mixed"), **options)
    assert capture.digest == GOLDEN_TIMED
    stamps = [datetime.fromisoformat(match["stamp"]) for match in events(capture) if match.re is not RFC3164]
    start = datetime.fromisoformat(built_in("mixed").start)
    assert start <= min(stamps) <= start + timedelta(seconds=1)
    assert start + timedelta(seconds=59) <= max(stamps) < start + timedelta(seconds=60)
