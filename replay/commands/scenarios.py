"""The `replay scenarios` command: which scenarios there are, and what one of them does."""

from typing import Final

import click

from captures.console.command import COUNT
from captures.console.errors import ExitCode
from captures.console.harmless import harmless
from captures.console.units import counted, fitted, format_count, format_duration
from replay.scenario.picture import phase_rows, picture

_SHOWN_EPS: Final = 1_000_000
"""The target at which one is shown that has none."""


@click.command("scenarios", short_help="List the scenarios, show one, or check a file.")
@click.argument("name", required=False)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print its file, as a start for one of your own.")
@click.option("--check", "only_check", is_flag=True, help="Say only whether it is sound.")
@click.option("-e", "--eps", "rate_eps", type=COUNT, metavar="RATE", help="Show it with this rate as 100%.")
def scenarios(*, name: str | None, as_yaml: bool, only_check: bool, rate_eps: int | None) -> ExitCode:
    """List the built-in scenarios, or show the one called NAME, a built-in one or a YAML file.

    `replay run --scenario NAME --eps 4M` follows it.
    """
    from replay.scenario.loading import built_in_names, load_scenario, scenario_text  # noqa: PLC0415 - pydantic
    from replay.scenario.unfolding import course_of  # noqa: PLC0415 - pydantic takes a while to load

    if name is None:
        if as_yaml or only_check:
            raise click.UsageError("name a scenario, like replay scenarios burst")
        for each in built_in_names():
            click.echo(fitted(f"{each:<10} {load_scenario(each).about}", 11))
        return ExitCode.MET
    if as_yaml:
        click.echo(scenario_text(name), nl=False)
        return ExitCode.MET
    scenario = load_scenario(name)
    course = course_of(scenario, rate_eps or (None if scenario.target else _SHOWN_EPS))
    schedule = course.schedule
    extent = f"{counted(len(course.phases), 'phase')} in {format_duration(course.duration_ns)}"
    if only_check:
        click.echo(f"{harmless(name)}: sound; {extent}", err=True)
        return ExitCode.MET
    rates = f"{format_count(schedule.mean_eps)} EPS in the mean, {format_count(schedule.peak_eps)} at the peak"
    lines = [
        f"{scenario.name}: {scenario.about or 'no description'}",
        f"at --eps {format_count(course.target_eps)}: {extent}, {counted(schedule.total, 'event')}, {rates}",
    ]
    click.echo("\n".join([*map(fitted, lines), *picture(course), *(fitted(row, 12) for row in phase_rows(course))]))
    return ExitCode.MET
