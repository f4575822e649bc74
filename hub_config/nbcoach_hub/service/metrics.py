"""Prometheus metrics of a service: `nbcoach_<noun>_<what>_<unit>`, one registry for each service.

The label `handler` is a class name, never a path, so its values are bounded. Services add their
own metrics with `registry=service.metrics.registry`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from .handlers import Handler
from .scopes import METRICS, scoped

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics that every service has."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "nbcoach_http_requests_total",
            "Requests answered.",
            ["service", "handler", "verb", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "nbcoach_http_request_seconds",
            "Time to answer a request.",
            ["service", "handler", "verb"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.sockets = Gauge("nbcoach_live_sockets", "WebSockets open now.", ["service"], registry=self.registry)
        self._service = service
        self.live = self.sockets.labels(service)

    def count(self, handler: str, verb: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(self._service, handler, verb, str(status)).inc()
        self.seconds.labels(self._service, handler, verb).observe(seconds)


class MetricsHandler(Handler):
    """Serve the metrics to a caller with the hub's scope `read:metrics`."""

    @scoped(METRICS)
    async def get(self) -> None:
        """Answer with the Prometheus text format."""
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(self.service.metrics.registry))
