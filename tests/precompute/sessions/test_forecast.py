"""A forecast of a build: the figures are those of the build, and the time is that of a trial."""

from precompute.profile.recipe import Recipe
from precompute.rendering.build import build_capture
from precompute.sessions.forecast import TRIED_EVENTS, forecast
from tests.precompute.profiles import built_in


def test_a_forecast_has_the_figures_of_the_build(tmp_path):
    recipe = Recipe(profile=built_in("system"), seed=1, train=128, events=1000)
    seconds = iter((10.0, 10.5))
    coming = forecast(tmp_path / "a.rcap", recipe, 8, lambda: next(seconds))
    assert not list(tmp_path.iterdir())
    built = build_capture(tmp_path / "a.rcap", recipe)
    assert (coming.events, coming.payload_bytes, coming.duration_ns) == (built.events, built.payload_bytes, 0)
    assert (coming.rendered_eps, coming.render_s) == (2000, 0.5)  # one chunk keeps one job busy


def test_jobs_share_the_chunks(tmp_path):
    recipe = Recipe(profile=built_in("system"), seed=1, train=128, events=100_000_000)
    seconds = iter((0.0, 1.0))
    coming = forecast(tmp_path / "a.rcap", recipe, 4, lambda: next(seconds))
    assert coming.rendered_eps == 4 * TRIED_EVENTS
