"""What the recommender tells Prometheus: its place in the log, its speed, and the age of its models."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

_LAG_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600)
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3)


class RecommenderMetrics:
    """The recommender's own metrics.

    Args:
        registry: the service's.
        fitted: returns for each course when its model was fitted, in seconds since the epoch.

    """

    def __init__(self, registry: CollectorRegistry, fitted: Callable[[], Mapping[str, float]]) -> None:
        self.cursor = Gauge("nbcoach_log_cursor", "Place in the attempt log.", registry=registry)
        self.skipped = Gauge("nbcoach_log_skipped_entries", "Entries not taken.", registry=registry)
        self.caught_up = Gauge("nbcoach_log_caught_up", "Whether the log was read to its end.", registry=registry)
        self.silence = Gauge(
            "nbcoach_log_silence_seconds", "Time since the grader last answered about the log.", registry=registry
        )
        self._lag = Histogram(
            "nbcoach_log_lag_seconds",
            "Time from an entry's making to its taking, of those that came after the log's end was reached.",
            registry=registry,
            buckets=_LAG_BUCKETS,
        )
        self._seconds = Histogram(
            "nbcoach_recommendation_seconds", "Time to choose what is next.", registry=registry, buckets=_BUCKETS
        )
        self._chosen = Counter("nbcoach_recommendations_total", "Answers about what is next.", registry=registry)
        self._fitted = fitted
        registry.register(self)

    def chosen(self, seconds: float) -> None:
        """Count one choice and the time that it took."""
        self._seconds.observe(seconds)
        self._chosen.inc()

    def followed(self, made: float) -> None:
        """Note that an entry made at that time was taken now."""
        self._lag.observe(max(0.0, time.time() - made))

    def collect(self) -> Iterator[Metric]:
        """Give the ages of fitted models."""
        ages = GaugeMetricFamily(
            "nbcoach_model_age_seconds", "Time since the course's model was fitted.", labels=["course"]
        )
        for course, at in self._fitted().items():
            ages.add_metric([course], max(0.0, time.time() - at))
        yield ages
