"""The page: all of it in one file, and nothing of a capture that a browser would obey."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from captures.console.units import counted
from captures.files.output_file import OutputFile
from precompute.inspection.as_page import write_page
from precompute.inspection.figures import inspect_capture
from tests.precompute.foreign import foreign
from tests.precompute.profiles import build, built_in, names, profile, template

EVIL = '<script>alert("x")</script><img src=http://198.18.0.1/ onerror=alert(1)>&amp;\'${name}</pre>'


class Page(HTMLParser):
    """What a browser sees of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        before, self.library, behind = path.read_text(encoding="utf-8").partition(get_plotlyjs())
        self.feed(before + behind)  # without it, since to parse it takes a second

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts.append(data)
        else:
            self.text += data


def page_of(capture, tmp_path, name="a.rcap") -> Page:
    path = tmp_path / "page.html"
    with OutputFile(path) as output:
        write_page(output, name, inspect_capture(capture))
    assert names(tmp_path) == ["a.rcap", "page.html"]
    return Page(path)


def assert_self_contained(page: Page) -> None:
    fetching = {"link", "img", "iframe", "object", "embed", "base", "form", "source", "video", "audio", "a"}
    assert not fetching & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not {"src", "href", "srcset", "action", "background"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert page.library
    assert not any(re.search("https?:|fetch|import|XMLHttp", script) for script in page.scripts)


def test_a_page_needs_nothing_else_and_has_the_figures(tmp_path):
    made = built_in("web")
    capture = build(tmp_path / "a.rcap", made, duration_ns=600 * 10**9, rate_eps=10)
    found = inspect_capture(capture)
    page = page_of(capture, tmp_path)
    assert_self_contained(page)
    assert not re.search("</script", page.library, re.IGNORECASE)  # a browser would end the script there
    assert capture.digest in page.text
    assert "profile web" in page.text
    for share in found.mix:
        assert share.message in page.text
        assert share.name in page.text
        assert f"{share.events:,}" in page.text
    for field in found.fields:
        assert f"{field.field} {counted(field.distinct, 'value')} in {field.events:,} events" in page.text
    assert {attributes.get("open", "") for tag, attributes in page.tags if tag == "details"} == {None}
    for event in found.samples:
        assert event in page.text
    assert sum(attributes.get("id") in {"rate", "lengths"} for _, attributes in page.tags) == 2


def test_without_a_time_axis_there_is_no_chart_of_it(tmp_path):
    page = page_of(build(tmp_path / "a.rcap", built_in("system"), events=500), tmp_path)
    assert [attributes["id"] for _, attributes in page.tags if "id" in attributes] == ["lengths"]


def test_what_a_capture_says_is_text(tmp_path):
    made = profile({"a": {"choices": [EVIL]}}, template(EVIL.replace("{", "{{").replace("}", "}}") + "{a}"))
    page = page_of(build(tmp_path / "a.rcap", made, events=50), tmp_path, name=EVIL)
    assert_self_contained(page)
    # The name stands in title and heading, the value once in its field and twice in each of twenty events.
    assert page.text.count(EVIL) == 2 + 1 + 40


@pytest.mark.parametrize("line", [EVIL.encode(), b"\xff\x00\x1b[2J\r\n" + bytes(range(256)), b"x" * 65_507])
@pytest.mark.parametrize("recipe", [{}, {"profile": {"name": EVIL}, "by": EVIL, "deep": [{EVIL: [EVIL]}]}])
def test_captures_of_others_are_shown_as_far_as_they_go(tmp_path, line, recipe):
    page = page_of(foreign(tmp_path / "a.rcap", line.ljust(64), recipe), tmp_path)
    assert_self_contained(page)
    assert page.text.count("Unknown: the recipe holds no profile of this tool.") == 2


def test_a_name_that_is_no_text_has_a_page(tmp_path):
    capture = foreign(tmp_path / "a.rcap", b"event".ljust(64), {})
    assert "event" in page_of(capture, tmp_path, os.fsdecode(b"\xff.rcap")).text


@pytest.mark.parametrize(
    ("duration_s", "unit"), [(100, "seconds"), (600, "minutes"), (5 * 3600, "hours"), (3 * 86_400, "days")]
)
def test_a_long_time_axis_is_not_told_in_seconds(tmp_path, duration_s, unit):
    made = profile({}, template("m"))
    capture = build(tmp_path / "a.rcap", made, duration_ns=duration_s * 10**9, rate_eps=1)
    page = page_of(capture, tmp_path)
    assert any(f"{unit} since the start" in script for script in page.scripts)
