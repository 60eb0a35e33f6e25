"""Which method of sending won the trials, and which rate can be expected of it? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from replay.plan.send_method import SendMethod

TIE: Final = 0.05
"""Methods that differ by less than this are equal, since the difference may be chance. Then the earlier one is taken,
which is the simpler one."""


@dataclass(frozen=True)
class Trial:
    """A method that was tried, and the events per second that one worker sent by it in each round."""

    method: SendMethod
    rates_eps: Sequence[float] = ()
    refused: str = ""
    """Why there are no rates: the reason for which the method was refused."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """How many errors of each errno name occurred in all rounds together."""

    @property
    def rate_eps(self) -> float:
        """The rate of the median round; 0: the method was refused."""
        return median(self.rates_eps) if self.rates_eps else 0.0


def winner(trials: Sequence[Trial]) -> Trial:
    """The first trial that is as fast as the fastest one, or slower by no more than TIE."""
    best = max(trial.rate_eps for trial in trials)
    return next(trial for trial in trials if trial.rate_eps >= best * (1 - TIE))


def dependable_eps(best: Trial, paced: Trial) -> int:
    """The rate expected of one worker: what the best method sent when paced, and never more than when unpaced."""
    return max(1, int(min(best.rate_eps, paced.rate_eps)))
