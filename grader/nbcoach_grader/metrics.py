"""What the grader tells Prometheus and admins: checks and their times, the queue, and what is kept warm."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from nbcoach_exercises.errors import NbcoachError
from nbcoach_exercises.verdicts import Verdict

from .engine.engine import Engine
from .sandbox.choice import LEVELS

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_REMEMBERED = 1000
_FAILURES = ("grader-failed", "unavailable", "too-many-requests", "internal")
_GAUGES = {
    "lines": ("nbcoach_warm_notebooks", "Learners' notebooks kept warm."),
    "snapshots": ("nbcoach_warm_snapshots", "Snapshots of those notebooks."),
    "memory_bytes": ("nbcoach_warm_memory_bytes", "Memory of those notebooks beyond what they share."),
    "judges": ("nbcoach_prepared_judges", "Questions with a prepared judge."),
    "prefixes": ("nbcoach_prepared_exercises", "Exercise versions whose first cells are kept run."),
    "zygotes": ("nbcoach_fork_servers", "Fork servers that run."),
    "running": ("nbcoach_checks_running", "Checks that run now."),
    "waiting": ("nbcoach_checks_waiting", "Checks that wait for their turn."),
}
_LOSSES = {
    "judges_lost": ("nbcoach_judge_restarts_total", "Prepared judges that were lost and made again."),
    "zygotes_lost": ("nbcoach_fork_server_restarts_total", "Fork servers that were lost and started again."),
}


class EngineCollector:
    """Read an engine whenever metrics are asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Give a sample of everything."""
        now = self._engine.statistics() | self._engine.workload()
        for key, (name, text) in _GAUGES.items():
            yield GaugeMetricFamily(name, text, value=now[key])
        for key, (name, text) in _LOSSES.items():
            yield CounterMetricFamily(name, text, value=now[key])


class GraderMetrics:
    """Count checks, and remember how long the latest took.

    Args:
        registry: the service's.
        engine: what runs and judges; it has been started.

    """

    def __init__(self, registry: CollectorRegistry, engine: Engine) -> None:
        self._engine = engine
        self._latest: deque[float] = deque(maxlen=_REMEMBERED)
        self._checks = Counter("nbcoach_checks_total", "Questions judged.", ["verdict"], registry=registry)
        self._failures = Counter(
            "nbcoach_check_failures_total", "Checks that came to no judgement.", ["code"], registry=registry
        )
        self._seconds = Histogram(
            "nbcoach_check_seconds", "Time from a request to its feedback.", buckets=_BUCKETS, registry=registry
        )
        level = Gauge("nbcoach_sandbox_level", "1 for the level in use, else 0.", ["level"], registry=registry)
        for verdict in Verdict:
            self._checks.labels(verdict)
        for code in _FAILURES:
            self._failures.labels(code)
        for name in LEVELS:
            level.labels(name).set(name == engine.sandbox.name)
        registry.register(EngineCollector(engine))

    def judged(self, verdict: Verdict, seconds: float) -> None:
        """Count a judgement."""
        self._checks.labels(verdict).inc()
        self._seconds.observe(seconds)
        self._latest.append(seconds)

    def failed(self, error: NbcoachError) -> None:
        """Count a check that ended without one."""
        self._failures.labels(error.code).inc()

    def details(self) -> dict[str, Any]:
        """Return sandbox, queue, what is warm, and the times of the latest checks in seconds; None without any."""
        sandbox = self._engine.sandbox
        times = sorted(self._latest)
        return {
            "sandbox": {"level": sandbox.name, "protects": list(sandbox.protects), "lacks": list(sandbox.lacks)},
            "engine": self._engine.statistics() | self._engine.workload(),
            "checks": {"latest": len(times), "p50": _quantile(times, 0.5), "p95": _quantile(times, 0.95)},
        }


def _quantile(times: list[float], share: float) -> float | None:
    return times[min(len(times) - 1, int(share * len(times)))] if times else None
