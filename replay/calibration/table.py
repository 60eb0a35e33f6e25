"""How people are shown the trials of a calibration."""

from collections.abc import Sequence

from replay.calibration.trials import ROUNDS
from replay.calibration.winner import Trial


def calibration_table(trials: Sequence[Trial], best: Trial, worker_eps: int) -> str:
    """The table of the trials, with the winner marked, and the rate that a run will expect of one worker."""
    width = max(len(str(trial.method)) for trial in trials)
    lines = []
    for trial in trials:
        mark = "*" if trial is best else " "
        said = f"{trial.rate_eps:>14,.0f} EPS" if trial.rates_eps else f"  {trial.refused}"
        lines.append(f"{mark} {trial.method!s:<{width}}{said}")
    if any("ECONNREFUSED" in trial.errors for trial in trials):
        lines.append("nobody listens on some of the ports, which costs udp time: start the receiver, and measure again")
    lines.append(f"medians of {ROUNDS} rounds of one worker; * is what `replay run` will do")
    return "\n".join([*lines, f"at a pace it sends {worker_eps:,} EPS, by which `--workers auto` reckons"])
