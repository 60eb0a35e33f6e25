"""From the file of a scenario to its phases; what is wrong is told in one line."""

from fractions import Fraction

import pytest

from captures.console.errors import InputError
from replay.clock import SECOND_NS
from replay.scenario.loading import built_in_names, load_scenario, scenario_text
from replay.scenario.picture import phase_rows, picture
from replay.scenario.unfolding import course_of

RATES = {
    "ramp": [1_000_000, 2_000_000, 3_000_000, 4_000_000],
    "burst": [2_000_000, 5_000_000, 4_000_000],
    "overload": [4_000_000, 6_000_000, 4_000_000],
    "soak": [2_000_000, 4_000_000],
}


def loaded(tmp_path, phases, head="name: x\n"):
    (tmp_path / "s.yaml").write_text(f"{head}phases:\n{phases}")
    return load_scenario(str(tmp_path / "s.yaml"))


def course(tmp_path, phases, target_eps=1000, scale=1):
    return course_of(loaded(tmp_path, phases), target_eps, Fraction(scale))


@pytest.mark.parametrize("name", built_in_names())
def test_each_built_in_one_is_sound_and_has_the_rates_that_it_says(name):
    found = course_of(load_scenario(name), 4_000_000)
    assert [phase.mean_eps for phase in found.phases] == RATES[name]
    assert found.schedule.total == sum(phase.mean_eps * phase.duration_ns for phase in found.phases) / SECOND_NS
    assert load_scenario(name).name == name
    assert scenario_text(name).startswith("name: ")


def test_steps_and_repeats_unfold(tmp_path):
    found = course(
        tmp_path,
        "  - {step: {from: 100, to: 40%, by: 150}, for: 2s, name: at}\n"
        "  - {repeat: 2, phases: [{hold: 10%, for: 1s}, {pause: 500ms}], name: turn}\n",
    )
    assert [(phase.name, phase.mean_eps, phase.duration_ns // 10**6) for phase in found.phases] == [
        ("at 10%", 100, 2000),
        ("at 25%", 250, 2000),
        ("at 40%", 400, 2000),
        ("turn 1/2: 1 hold", 100, 1000),
        ("turn 1/2: 2 pause", 0, 500),
        ("turn 2/2: 1 hold", 100, 1000),
        ("turn 2/2: 2 pause", 0, 500),
    ]


def test_a_fall_in_steps_ends_at_the_last_rate(tmp_path):
    found = course(tmp_path, "  - {step: {from: 100%, to: 25%, by: 50%}, for: 1s}\n")
    assert [phase.mean_eps for phase in found.phases] == [1000, 500, 250]


def test_bursts_and_waves_come_again_until_their_time_is_over(tmp_path):
    found = course(
        tmp_path,
        "  - {burst: {low: 10%, high: 100%, every: 1s, length: 200ms}, for: 2500ms}\n"
        "  - {sine: {low: 0, high: 100%, period: 2s}, for: 4s}\n",
    )
    burst, wave = found.phases
    assert [(line.duration_ns // 10**6, line.first_eps) for line in burst.lines] == [
        (800, 100),
        (200, 1000),
        (800, 100),
        (200, 1000),
        (500, 100),
    ]
    assert wave.duration_ns == 4 * SECOND_NS
    assert wave.lines[0].first_eps == wave.lines[-1].last_eps == 0
    assert wave.peak_eps == 1000
    assert round(wave.mean_eps) == 500
    assert all(a.last_eps == b.first_eps for a, b in zip(wave.lines, wave.lines[1:], strict=False))


def test_a_time_scale_makes_times_shorter_and_keeps_rates(tmp_path):
    text = "  - {hold: 50%, for: 100s, expect: {recovery: 50s, eps: 95%}}\n  - {pause: 10s}\n"
    found = course(tmp_path, text, scale=Fraction(1, 100))
    assert found.duration_ns == 1_100_000_000
    assert found.phases[0].mean_eps == 500
    assert found.phases[0].limits.recovery_ns == SECOND_NS // 2
    assert found.phases[0].limits.min_eps == 475


def test_the_whole_has_limits(tmp_path):
    expect = "expect: {eps: 90%, loss: 0.5%, latency_p99: 5ms, cpu: 75%, memory: 12GB}\nname: x\n"
    found = course_of(loaded(tmp_path, "  - {hold: 100%, for: 1s}\n", expect), 1000)
    assert vars(found.limits) == {
        "min_eps": 900,
        "max_loss": Fraction(1, 200),
        "max_latency_p99_ns": 5_000_000,
        "max_cpu": Fraction(3, 4),
        "max_memory_bytes": 12 * 10**9,
    }


def test_who_says_what_100_percent_is(tmp_path):
    scenario = loaded(tmp_path, "  - {hold: 50%, for: 1s}\n", "name: x\ntarget: 4k\n")
    assert course_of(scenario, None).phases[0].mean_eps == 2000
    assert course_of(scenario, 100).phases[0].mean_eps == 50
    with pytest.raises(InputError, match="x: say what 100% is: --eps 4M, or target"):
        course_of(loaded(tmp_path, "  - {hold: 50%, for: 1s}\n"), None)


@pytest.mark.parametrize(
    ("phases", "line"),
    [
        ("  - {hold: 50%, fro: 5m}\n", "phases[0].fro: is not known; known are name, hold, ramp"),
        ("  - {hold: 50%}\n", "phases[0]: hold: needs for: 5m"),
        ("  - {pause: 5s, for: 5s}\n", "phases[0]: pause: says itself how long it is"),
        ("  - {for: 5s}\n", "phases[0]: needs one of the keys hold, ramp, step"),
        ("  - {hold: 50%, pause: 5s, for: 1s}\n", "phases[0]: needs one of the keys"),
        ("  - {hold: 0, for: 5s}\n", "phases[0].hold: must be more than 0; a silence is written as pause: 10s"),
        ("  - {hold: fast, for: 5s}\n", "phases[0].hold: 'fast' is not a count"),
        ("  - {hold: 50%, for: 0s}\n", "phases[0].for: must be longer than 0"),
        ("  - {ramp: {from: 0}, for: 5s}\n", "phases[0].ramp.to: is missing; write it like to: 100%"),
        ("  - {burst: {low: 0, high: 1, every: 1s, length: 1s}, for: 5s}\n", "length must be shorter than every"),
        ("  - {repeat: 3}\n", "phases[0]: repeat: 3 needs phases"),
        ("  - {hold: 1, for: 1s, phases: [{pause: 1s}]}\n", "needs repeat: 3"),
        ("  - {pause: 1s, expect: {eps: 95%}}\n", "pause can't be judged"),
        ("  - {hold: 50%, for: 1s, expect: {loss: 2}}\n", "phases[0].expect.loss: must be text"),
        ("  - {hold: 50%, for: 1s, expect: {loss: '2'}}\n", "phases[0].expect.loss: '2' is no share"),
        ("  - {hold: 200000%, for: 1s}\n", "is more than 1000 times the target"),
        ("  []\n", "phases: "),
        ("  - &a {hold: 1, for: 1s}\n  - *a\n", "aliases (*name) are not allowed"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_with_its_place(tmp_path, phases, line):
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, phases)
    assert line in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "s.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("phases", "line"),
    [
        ("  - {repeat: 10000, phases: [{hold: 1, for: 1s}, {pause: 1s}]}\n", "more than 10,000 phases"),
        ("  - {burst: {low: 0, high: 1, every: 2ms, length: 1ms}, for: 1h}\n", "too fine ones"),
        ("  - {hold: 1, for: 36600d}\n", "takes over 100 years"),
    ],
)
def test_what_is_too_much_is_refused(tmp_path, phases, line):
    with pytest.raises(InputError, match=line):
        course(tmp_path, phases)


def test_names_are_known(tmp_path):
    with pytest.raises(InputError, match="no such scenario; name a .yaml file, or one of burst, overload, ramp, soak"):
        load_scenario("storm")
    with pytest.raises(InputError, match="can't be read"):
        load_scenario(str(tmp_path / "none.yaml"))


def test_a_picture_shows_the_highest_rate_of_each_column(tmp_path):
    found = course(tmp_path, "  - {hold: 50%, for: 30s}\n  - {pause: 15s}\n  - {hold: 100%, for: 15s}\n")
    lines = picture(found)
    assert [line.partition("|")[2] for line in lines[:8]] == [
        *[" " * 45 + "#" * 15] * 4,
        *["#" * 30 + " " * 15 + "#" * 15] * 4,
    ]
    assert lines[-1].split() == ["0s", "1m"]
    assert all(len(line) <= 80 for line in lines)
    assert list(phase_rows(found, most=2)) == [
        "         0s 1 hold: 500 EPS for 30s",
        "        30s 2 pause: silence for 15s",
        "  and 1 phase more",
    ]
