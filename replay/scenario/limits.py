"""What must a run keep to pass, and what a phase of it? The limits alone: `replay.report` judges by them."""

from dataclasses import dataclass
from fractions import Fraction

from captures.console.errors import InputError
from replay.request_checks import check_share, check_time, check_whole


@dataclass(frozen=True)
class Criteria:
    """The limits that a run must keep; None: the limit is not set."""

    max_loss: Fraction | None = None
    """The greatest share of the sent events that may be lost, by the sink's counts."""
    min_eps: int | None = None
    """The least mean rate, in events a second."""
    max_latency_p99_ns: int | None = None
    """The greatest 99th percentile of the times from stamp to arrival, by the sink's measurement."""
    max_cpu: Fraction | None = None
    """The greatest share of its core that the busiest worker may use."""
    max_memory_bytes: int | None = None
    """The most memory that all workers may hold together."""

    @property
    def needs_sink(self) -> str | None:
        """The flag of a limit that only a sink can measure; None: no such limit is set."""
        given = (("--max-loss", self.max_loss), ("--max-latency-p99", self.max_latency_p99_ns))
        return next((flag for flag, limit in given if limit is not None), None)

    def check(self) -> None:
        """Refuse limits that no run could keep or miss. Raises InputError."""
        check_share("--max-loss", self.max_loss)
        check_share("--max-cpu", self.max_cpu)
        check_time("--max-latency-p99", self.max_latency_p99_ns)
        if self.min_eps is not None:
            check_whole("--min-eps", self.min_eps)
            if self.min_eps < 0:
                raise InputError(f"--min-eps {self.min_eps}: 0 at least is possible")


@dataclass(frozen=True)
class PhaseLimits:
    """What a phase must keep; None: nothing is set."""

    min_eps: Fraction | None = None
    max_loss: Fraction | None = None
    max_cpu: Fraction | None = None
    recovery_ns: int | None = None
