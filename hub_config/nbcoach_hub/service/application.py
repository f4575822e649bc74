"""The application of a service: configuration, start, and an orderly stop.

Theory of operation: the hub starts a service as its child and says in the environment where to
listen and which token to use. The service opens its parts first and its port last, ends when
the hub ends (`PR_SET_PDEATHSIG`), and on SIGTERM stops in the reverse order: no new requests,
live sockets closed with 1001, what is being answered answered, then the parts. No part of another
service is needed to start or to stop: what cannot be reached is asked again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import time
import weakref
from typing import Any, ClassVar, cast
from urllib.parse import urlparse

from jupyterhub.services.auth import HubAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application as WebApplication
from tornado.web import RequestHandler
from traitlets import Bool, Float, Integer, Unicode, default, validate
from traitlets.config import Application

from nbcoach_exercises import __version__
from nbcoach_exercises.errors import NbcoachError, Unavailable, UpstreamFailed
from nbcoach_exercises.wire import MAX_MESSAGE_BYTES

from ..processes import die_with_parent
from . import logs
from .auth import Authenticator
from .errors import ServiceMisconfigured
from .handlers import DRAINED_OF_STRANGERS, CheckedHandler, LiveHandler, UnknownPathHandler
from .health import DetailsHandler, Health, HealthHandler, LiveHealthHandler
from .limits import Limits
from .metrics import Metrics, MetricsHandler
from .openapi import OpenApiHandler, load
from .scopes import undeclared
from .sessions import Sessions

log = logging.getLogger(__name__)
_SLACK_SECONDS = 5.0
_DRAIN_SECONDS = 3.0
_STOP_SECONDS = 10.0
_RECHECK_SECONDS = 60.0
_ASKED_OFTEN = (HealthHandler, LiveHealthHandler, DetailsHandler, MetricsHandler)

Routes = list[tuple[str, type[RequestHandler]]]


class Service(Application):
    """One service in one process."""

    name = "service"
    version = __version__
    openapi_package: ClassVar[str | None] = None
    """The package that holds `openapi.json`; by default the one that the class is in."""

    ip = Unicode(help="Address to listen at; by default that of JUPYTERHUB_SERVICE_URL, else 127.0.0.1.").tag(
        config=True
    )
    port = Integer(help="Port to listen at; by default that of JUPYTERHUB_SERVICE_URL, else any free one.").tag(
        config=True
    )
    base_url = Unicode(help="Prefix of all paths; by default JUPYTERHUB_SERVICE_PREFIX, else /services/<name>/.").tag(
        config=True
    )
    hub_api_url = Unicode(help="URL of the hub's API; by default JUPYTERHUB_API_URL.").tag(config=True)
    max_body_bytes = Integer(8 * 2**20, help="Largest request body in bytes; 8 MiB by default.").tag(config=True)
    body_seconds = Float(
        30.0, help="Longest time in seconds in which a request body must have come; 30 by default."
    ).tag(config=True)
    idle_seconds = Float(
        120.0, help="Time in seconds after which a connection without a request is closed; 120 by default."
    ).tag(config=True)
    requests_per_second = Float(20.0, help="Requests a second that one caller may make in the long run.").tag(
        config=True
    )
    request_burst = Float(100.0, help="Requests that one caller may make at once.").tag(config=True)
    token_cache_seconds = Integer(60, help="Seconds that the hub's answer about a token is kept.").tag(config=True)
    plain_logs = Bool(False, help="Write logs as plain text instead of JSON.").tag(config=True)

    aliases = {  # noqa: RUF012
        "ip": "Service.ip",
        "port": "Service.port",
        "base-url": "Service.base_url",
        "log-level": "Application.log_level",
    }
    flags = {"plain-logs": ({"Service": {"plain_logs": True}}, "Write logs as plain text.")}  # noqa: RUF012

    @default("log_level")
    def _default_log_level(self) -> int:
        return logging.INFO

    @default("log")
    def _default_log(self) -> logging.Logger:
        return logging.getLogger(type(self).__module__)

    @default("ip")
    def _default_ip(self) -> str:
        return self._told().hostname or "127.0.0.1"

    @default("port")
    def _default_port(self) -> int:
        return self._told().port or 0

    @default("base_url")
    def _default_base_url(self) -> str:
        return os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or f"/services/{self.name}/"

    @default("hub_api_url")
    def _default_hub_api_url(self) -> str:
        return os.environ.get("JUPYTERHUB_API_URL") or "http://127.0.0.1:8081/hub/api"

    @validate("base_url")
    def _slashes(self, proposal: Any) -> str:
        return f"/{str(proposal['value']).strip('/')}/".replace("//", "/")

    def _told(self) -> Any:
        return urlparse(os.environ.get("JUPYTERHUB_SERVICE_URL", ""))

    def _configure_logging(self) -> None:
        """Leave logging to `launch`: a library must not configure the process that imports it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.live: weakref.WeakSet[LiveHandler] = weakref.WeakSet()
        self.in_flight: weakref.WeakSet[CheckedHandler] = weakref.WeakSet()
        self.opened_at = time.monotonic()
        self.metrics = Metrics(str(self.name), str(self.version))
        self._server: HTTPServer | None = None
        self._opened = False
        self._watch: asyncio.Task[None] | None = None

    def routes(self) -> Routes:
        """Return the routes of the service, as patterns below its prefix."""
        return []

    async def start_parts(self) -> None:
        """Open what the service works with; may be called again."""

    async def stop_parts(self) -> None:
        """Close what the service works with; may be called again."""

    def wake(self) -> None:
        """Let those that only wait for something to happen have their answers now, as the service stops."""

    async def readiness(self) -> dict[str, str]:
        """Return for each part "ok" or what is wrong with it."""
        return {}

    def details(self) -> dict[str, Any]:
        """Return what an admin wants to know of the service's state, as JSON; no learner's name or work."""
        return {}

    def all_routes(self) -> Routes:
        """Return the service's own routes and those that every service has."""
        own = self.routes()
        return [
            *own,
            ("health", HealthHandler),
            ("health/live", LiveHealthHandler),
            ("health/details", DetailsHandler),
            ("metrics", MetricsHandler),
            (r"api/openapi\.json", OpenApiHandler),
        ]

    def check(self) -> None:
        """Refuse a service in which anything is open by omission.

        Raises:
            ServiceMisconfigured: a handler is not one of ours, or a verb declares no scopes.

        """
        for pattern, handler in self.all_routes():
            if not issubclass(handler, CheckedHandler):
                raise ServiceMisconfigured(f"{handler.__name__} ({pattern}) is neither a Handler nor a LiveHandler.")
            missing = undeclared(handler)
            if missing:
                raise ServiceMisconfigured(
                    f"{handler.__name__} ({pattern}) does not say who may call {', '.join(missing)}: add @scoped(...)."
                )

    async def open(self) -> None:
        """Start the parts, then listen; idempotent.

        Raises:
            ServiceMisconfigured: see `check`.
            OSError: the port cannot be had.

        """
        if self._server is not None:
            return
        self.check()
        self.openapi = self._load_openapi()
        hub = HubAuth(
            api_url=self.hub_api_url,
            api_token=os.environ.get("JUPYTERHUB_API_TOKEN", ""),
            cache_max_age=max(1, self.token_cache_seconds),
        )
        name = os.environ.get("JUPYTERHUB_SERVICE_NAME") or str(self.name)
        self.sessions = Sessions(hub, name, self.base_url)
        self.authenticator = Authenticator(hub, name)
        refused = self.metrics.refusal("requests")
        self.limits = Limits(self.requests_per_second, self.request_burst, refused=refused)
        self.health = Health(self)
        self.metrics.expect(handler for _, handler in self.all_routes())
        self.opened_at = time.monotonic()
        self._opened = True
        await self.start_parts()
        arguments = {"service": self}
        web = WebApplication(
            [(re.escape(self.base_url) + pattern, handler, arguments) for pattern, handler in self.all_routes()],
            default_handler_class=UnknownPathHandler,
            default_handler_args=arguments,
            cookie_secret=self.sessions.cookie_secret,
            log_function=self._log_request,
            websocket_ping_interval=30,
            websocket_max_message_size=MAX_MESSAGE_BYTES,
        )
        self._server = HTTPServer(
            web,
            max_body_size=max(self.max_body_bytes, DRAINED_OF_STRANGERS),  # the limit itself is the handlers' to tell
            idle_connection_timeout=self.idle_seconds,
            body_timeout=self.body_seconds + _SLACK_SECONDS,
        )
        sockets = bind_sockets(self.port, self.ip)
        self._server.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]
        self._watch = asyncio.create_task(self._watch_live())
        log.info("Listening at http://%s:%d%s", self.ip, self.port, self.base_url)

    async def close(self) -> None:
        """Stop listening, close live sockets, stop the parts; idempotent."""
        server, self._server = self._server, None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if server is not None:
            server.stop()
            for socket in list(self.live):
                socket.close(1001, "The service stops.")
            self.wake()
            await self._drain()
            await asyncio.wait({asyncio.ensure_future(server.close_all_connections())}, timeout=2.0)
        if self._opened:
            await self.stop_parts()
            self._opened = False

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, stop.set)
        try:
            await self.open()
            await stop.wait()
            log.info("Stopping.")
        finally:
            await asyncio.wait_for(self.close(), _STOP_SECONDS)

    async def _drain(self) -> None:
        """Wait until what is being answered is answered, a short while at most."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        while self.in_flight and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if self.in_flight:
            log.warning("%d requests were still being answered.", len(self.in_flight))

    @classmethod
    def launch(cls, argv: list[str] | None = None) -> None:
        """Run the service in this process until it is told to stop."""
        die_with_parent()
        service = cls()
        service.initialize(argv)
        logs.configure(
            str(cls.name),
            cast(int, service.log_level),  # traitlets has turned a level's name into its number
            plain=service.plain_logs,
        )
        try:
            asyncio.run(service.run())
        except (ServiceMisconfigured, NbcoachError, OSError) as err:
            log.error("The service cannot run: %s", err)
            sys.exit(1)

    def _load_openapi(self) -> dict[str, Any]:
        package = self.openapi_package or sys.modules[type(self).__module__].__package__ or ""
        try:
            return load(package)
        except (FileNotFoundError, ModuleNotFoundError, ValueError):
            log.warning("The package %r has no openapi.json.", package)
            return {"openapi": "3.1.0", "info": {"title": self.name, "version": str(self.version)}, "paths": {}}

    def _log_request(self, handler: RequestHandler) -> None:
        request = handler.request
        status = handler.get_status()
        fields = {
            "verb": request.method,
            "path": request.path,
            "status": status,
            "ms": round(1000 * request.request_time(), 1),
        }
        quiet = isinstance(handler, _ASKED_OFTEN) and status < 400
        log.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"fields": fields})

    async def _watch_live(self) -> None:
        """Close the socket of a caller who lost the right to it."""
        while True:
            await asyncio.sleep(_RECHECK_SECONDS)
            for socket in [live for live in self.live if live.ws_connection is not None]:
                try:
                    if not await socket.still_allowed():
                        socket.close(4403, "No longer allowed.")
                except (Unavailable, UpstreamFailed):
                    log.warning("The hub cannot be asked about live sockets now.")
                    break
