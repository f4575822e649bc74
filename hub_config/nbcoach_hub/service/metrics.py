"""Prometheus metrics of a service: `nbcoach_<noun>_<what>_<unit>`, one registry for each service.

Labels have bounded values: the label `handler` is a class name, never a path. Series exist before their
first event wherever the labels are known, so that a rate over them sees the first event too. Services
add their own metrics with `registry=service.metrics.registry`.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from tornado.web import RequestHandler

from nbcoach_exercises.errors import NbcoachError

from ..storage import Store
from .handlers import Handler
from .scopes import METRICS, scoped, verbs

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STORE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
_NO_CALLS = ("start", "close", "ping")
_EXPECTED = ("200", "500")
"""Statuses that are counted from 0, at every handler."""


class Metrics:
    """The metrics that every service has."""

    def __init__(self, service: str, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._service = service
        # Finding a series by its labels costs more than counting in it.
        self._answers = functools.cache(lambda *labels: self.requests.labels(self._service, *map(str, labels)))
        self._times = functools.cache(lambda *labels: self.seconds.labels(self._service, *labels))
        self.requests = self._counter("nbcoach_http_requests_total", "Requests answered.", "handler", "verb", "status")
        self.seconds = Histogram(
            "nbcoach_http_request_seconds",
            "Time to answer a request.",
            ["service", "handler", "verb"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self.refusals = self._counter(
            "nbcoach_limit_refusals_total", "Requests refused because their caller asks too fast.", "limit"
        )
        self.ready = self._gauge("nbcoach_ready", "Whether a part that the service needs can be used.", "part")
        self.live = self._gauge("nbcoach_live_sockets", "WebSockets open now.").labels(service)
        self._gauge("nbcoach_build_info", "The version that runs.", "version").labels(service, version).set(1)

    def expect(self, handlers: Iterable[type[RequestHandler]]) -> None:
        """Let the series of these handlers begin at 0."""
        for handler in handlers:
            for verb in verbs(handler):
                self.seconds.labels(self._service, handler.__name__, verb)
                for status in _EXPECTED:
                    self.requests.labels(self._service, handler.__name__, verb, status)

    def count(self, handler: str, verb: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._answers(handler, verb, status).inc()
        self._times(handler, verb).observe(seconds)

    def note_readiness(self, checks: dict[str, str]) -> None:
        """Keep what the latest look at the service has found."""
        for part, found in checks.items():
            self.ready.labels(self._service, part).set(found == "ok")

    def refusal(self, limit: str) -> Callable[[], None]:
        """Return a function that counts a refusal by the limit of that name."""
        counter: Counter = self.refusals.labels(self._service, limit)
        return lambda: counter.inc()

    def measure(self, store: Store) -> Store:
        """Have the calls of a store timed and their failures counted; return the same store."""
        seconds = Histogram(
            "nbcoach_store_call_seconds",
            "Time that a call of the store took.",
            ["service", "call"],
            registry=self.registry,
            buckets=_STORE_BUCKETS,
        )
        failures = self._counter("nbcoach_store_failures_total", "Calls of the store that failed.", "call")
        for name, _ in inspect.getmembers(type(store), inspect.iscoroutinefunction):
            if not name.startswith("_") and name not in _NO_CALLS:
                labels = (self._service, name)
                setattr(store, name, _timed(getattr(store, name), seconds.labels(*labels), failures.labels(*labels)))
        return store

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, ["service", *labels], registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, ["service", *labels], registry=self.registry)


def _timed(call: Callable[..., Awaitable[Any]], seconds: Histogram, failures: Counter) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        begun = time.monotonic()
        try:
            return await call(*args, **kwargs)
        except NbcoachError as err:
            if err.code == "unavailable":
                failures.inc()
            raise
        except Exception:
            failures.inc()
            raise
        finally:
            seconds.observe(time.monotonic() - begun)

    return timed


class MetricsHandler(Handler):
    """Serve the metrics to a caller with the hub's scope `read:metrics`."""

    @scoped(METRICS)
    async def get(self) -> None:
        """Answer with the Prometheus text format, after a look at the service's health."""
        await self.service.health.look()
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(generate_latest(self.service.metrics.registry))
