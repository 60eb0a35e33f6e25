"""An inspection as one HTML page: charts and tables that need no network and no other file.

Whatever comes from the capture is escaped: captures come from anywhere. plotly draws the charts; it is imported here,
and only when a page is asked for, because it is large.
"""

from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from importlib.util import find_spec
from string import Template
from typing import Any, Final

from captures.console.errors import PreflightError
from captures.console.units import counted, format_count, format_duration, format_size
from captures.files.output_file import OutputFile, write_all
from precompute.inspection.as_text import recipe_line
from precompute.inspection.fields import FieldFigures
from precompute.inspection.figures import Inspection
from precompute.inspection.origin import origin_rows

_ACCENT: Final = "#2a78c2"
_INK: Final = "#808890"
"""Readable on a light and on a dark page."""
_GRID: Final = "rgba(128,136,144,0.25)"
_MAX_TEMPLATES: Final = 100


def prove_plotly() -> None:
    """Raise PreflightError where there is no plotly to draw a page with; it is looked for, and not imported."""
    if find_spec("plotly") is None:
        raise PreflightError("a page needs plotly; install it with: pip install plotly")


def write_page(output: OutputFile, name: str, found: Inspection) -> None:
    """Write the page of the capture called `name`.

    Raises PreflightError when the disk is full, InputError when another file is there by now.
    """
    # A file's name may hold bytes that are no text.
    page = _page(name, found).encode(errors="backslashreplace")
    try:
        write_all(output.fd, page)
        output.finish()
    except OSError as error:
        raise PreflightError(f"{output.path}: can't be written: {error.strerror}") from None


def _page(name: str, found: Inspection) -> str:
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - only here, and only if it is there

    template = Template(resources.files("precompute.inspection").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        name=escape(name),
        digest=escape(found.digest),
        recipe=escape(recipe_line(found.recipe)),
        plotly=get_plotlyjs(),
        cards="".join(_cards(found)),
        charts="".join(_charts(found)),
        sections="\n".join(_sections(found)),
        events="\n".join(map(escape, found.samples)),
    )


def _sections(found: Inspection) -> Iterator[str]:
    """Where the capture came from, if it says so; and what of it can be held against a profile."""
    if found.origin is not None:
        rows = ((escape(about), escape(text)) for about, text in origin_rows(found.origin))
        yield _section("Origin", "What the capture tells of where it came from.", [_table(("", ""), rows)])
    if found.recipe is not None:
        note = "Bars are what was rendered, of all events; the mark is what the profile asks for."
        yield _section("Mix against weights", note, _mix(found))
        yield _section(
            "Fields", f"From a sample of {counted(found.payload.events, 'event')}, evenly spaced.", _fields(found)
        )


def _section(title: str, note: str, content: Iterable[str]) -> str:
    return f'<section>\n<h2>{title}</h2>\n<p class="note">{note}</p>\n{"".join(content)}\n</section>'


def _cards(found: Inspection) -> Iterator[str]:
    """The figures that stand on top."""
    payload = found.payload
    yield _card(format_count(found.events), "events")
    yield _card(format_size(found.payload_bytes), f"payload, {found.mean_bytes:.1f} bytes an event")
    yield _card(f"{found.mean_train:.1f}", "events a train")
    if found.tagged:
        yield _card("tagged", "room for run, port and number in each event")
    if found.rate is not None:
        lasting = format_duration(round(found.rate.duration_s * 1e9))
        yield _card(
            f"{format_count(found.rate.mean_eps)}", f"EPS in the mean, peak {found.rate.peak_eps:,.0f}; {lasting}"
        )
    yield _card(f"{payload.body_entropy_bits:.2f}", "bits of entropy a byte, behind the stamps")
    yield _card(f"{payload.zstd_ratio:.1f} : 1", "zstd, level 3")
    yield _card(f"{payload.distinct_bodies:.1%}", "of bodies are the first of their kind")
    if found.unrecognised is not None:
        yield _card(f"{found.unrecognised:,}", "sampled events of no template")


def _card(figure: str, meaning: str) -> str:
    return f'<div class="card"><b>{escape(figure)}</b><span>{escape(meaning)}</span></div>'


def _charts(found: Inspection) -> Iterator[str]:
    import plotly.graph_objects as go  # noqa: PLC0415 - see _page

    if found.rate is not None:
        unit_s, unit = _time_unit(found.rate.duration_s)
        edges = [start / unit_s for start, _, _ in found.rate.points] + [found.rate.duration_s / unit_s]
        rates = [eps for _, _, eps in found.rate.points]
        line = go.Scatter(
            x=edges, y=[*rates, rates[-1]], mode="lines", line={"shape": "hv", "color": _ACCENT, "width": 1.5}
        )
        yield _chart("Rate over time", [line], f"{unit} since the start", "events a second", "rate")
    lengths, counts = zip(*found.lengths.items(), strict=True)
    bars = go.Bar(x=lengths, y=counts, marker={"color": _ACCENT})
    yield _chart("Lengths of events", [bars], "bytes", "events", "lengths")


def _time_unit(duration_s: float) -> tuple[int, str]:
    """The seconds of the unit that fits a time axis, and its name."""
    units = ((86_400, "days"), (3600, "hours"), (60, "minutes"))
    return next((unit for unit in units if duration_s >= 3 * unit[0]), (1, "seconds"))


def _chart(title: str, traces: list[Any], across: str, up: str, name: str) -> str:
    import plotly.graph_objects as go  # noqa: PLC0415 - see _page

    axis = {"gridcolor": _GRID, "zerolinecolor": _GRID}
    figure = go.Figure(
        traces,
        {
            "template": "none",
            "height": 320,
            "margin": {"l": 70, "r": 20, "t": 10, "b": 45},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": _INK, "family": "system-ui, sans-serif", "size": 12},
            "bargap": 0.05,
            "xaxis": axis | {"title": {"text": across}},
            "yaxis": axis | {"title": {"text": up}, "rangemode": "tozero"},
        },
    )
    drawn = figure.to_html(
        full_html=False, include_plotlyjs=False, div_id=name, config={"displayModeBar": False, "responsive": True}
    )
    return f"<section><h2>{title}</h2>{drawn}</section>"


def _mix(found: Inspection) -> Iterator[str]:
    """The mix against the weights, and the test."""
    if found.mix is None:
        yield "<p>Unknown: the recipe holds no profile of this tool.</p>"
        return
    if found.mix_test is not None:
        test = found.mix_test
        yield (
            f"<p>Chi-square {test.statistic:.3f} with {test.freedom} degrees of freedom, p = {test.p:.4f}. Templates "
            "are dealt by their weights, not drawn, so a sound capture has a p near 1.</p>"
        )
    widest = max(max(share.share, share.weight) for share in found.mix)
    shown = sorted(found.mix, key=lambda share: -share.events)[:_MAX_TEMPLATES]
    rows = (
        (
            f'<code title="{escape(share.place)}">{escape(share.name)}</code><small>{escape(share.message)}</small>',
            f"{share.events:,}",
            _bar(share.share, share.weight, widest),
            f"{share.share:.3%}",
            f"{share.weight:.3%}",
        )
        for share in shown
    )
    yield _table(("template", "events", "", "share", "weight"), rows)
    if len(found.mix) > len(shown):
        yield f"<p>{len(found.mix) - len(shown)} rarer templates are left out.</p>"


def _bar(share: float, asked: float | None, widest: float) -> str:
    """A share as a bar, with a mark where it should end."""
    mark = "" if asked is None else f'<i style="left:{100 * asked / widest:.2f}%"></i>'
    return f'<div class="bar"><span style="width:{100 * share / widest:.2f}%"></span>{mark}</div>'


def _fields(found: Inspection) -> Iterator[str]:
    """Each field's cardinality and heavy hitters."""
    if found.fields is None:
        yield "<p>Unknown: the recipe holds no profile of this tool.</p>"
        return
    for field in found.fields:
        yield _field(field)


def _field(field: FieldFigures) -> str:
    possible = "made anew in each event" if field.possible is None else f"of {field.possible:,} possible"
    widest = max(max(top.share, top.expected or 0) for top in field.top)
    rows = (
        (
            f"<code>{escape(top.value)}</code>",
            _bar(top.share, top.expected, widest),
            f"{top.share:.2%} ±{top.error:.2%}",
            "" if top.expected is None else f"{top.expected:.2%}",
        )
        for top in field.top
    )
    return (
        f"<details open><summary><code>{escape(field.field)}</code> {counted(field.distinct, 'value')} in "
        f"{counted(field.events, 'event')}, "
        f"{possible}</summary>{_table(('likeliest', '', 'share', 'asked'), rows)}</details>"
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    lines = ["".join(f"<th>{cell}</th>" for cell in head)]
    lines += ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    return f'<div class="wide"><table>{"".join(f"<tr>{line}</tr>" for line in lines)}</table></div>'
