"""Handlers that know who is calling before they do anything else.

The order for each request is: request id, declared scopes of the verb, token, scope, rate limit,
and only then the body. One that is too large, or of a request that is refused, is read and thrown away, as its sender
sees our answer only once it has sent everything, and the hub's proxy answers 503 for us where we hang up before; one
that does not come in time is not waited for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from nbcoach_exercises.errors import (
    InvalidInput,
    NbcoachError,
    NotAllowed,
    NotFound,
    TooLarge,
    TooSlow,
    UnknownCourse,
    status_of,
)
from nbcoach_exercises.identifiers import new_id
from nbcoach_exercises.schemas import Schema

from . import logs
from .auth import Identity, token_of
from .errors import GONE, describe, retry_after
from .scopes import LOG, declared, public

if TYPE_CHECKING:
    from .application import Service

log = logging.getLogger(__name__)
_WITH_BODY = ("PATCH", "POST", "PUT")
_DRAINED_BYTES = 256 * 2**20
"""How much of a body that is too large is thrown away before we hang up."""
DRAINED_OF_STRANGERS = 16 * 2**20
"""The same where the request is refused whatever its body holds; more than the gateway lets through."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_NO_DECLARATION = "This verb is not open to anybody."


def request_id(headers: HTTPHeaders) -> str:
    """Return the id that the caller gave a request in `X-Request-Id`, if it can be one, else a new one."""
    given = headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else new_id()


class CheckedHandler(RequestHandler):
    """Refuse a request unless its verb declares a scope that the caller's token carries."""

    described: ClassVar[bool] = True
    """Whether the handler belongs into the service's OpenAPI document; pages do not."""

    service: Service
    identity: Identity
    cleared: frozenset[str] | None

    def initialize(self, service: Service) -> None:
        """Take the service that routes to this handler."""
        self.service = service
        self.cleared = None
        self.request_id = request_id(self.request.headers)
        self.set_header("X-Request-Id", self.request_id)
        self._begun = time.monotonic()
        service.in_flight.add(self)

    async def prepare(self) -> None:
        """Check the caller before the verb runs."""
        logs.clear()
        logs.bind(request=self.request_id)
        verb = str(self.request.method).lower()
        if getattr(type(self), verb) is RequestHandler._unimplemented_method:
            raise HTTPError(405)
        if len(self.request.body) > self.service.max_body_bytes:  # a form; `Handler` gets its body later
            raise self._too_large()
        scopes = declared(self, verb)
        if scopes is None:
            raise NotAllowed(_NO_DECLARATION)
        if scopes:
            self.identity = await self.caller()
            logs.bind(user=self.identity.name)
            if not self.identity.holds(*scopes):
                raise NotAllowed("The token lacks the scope for this.", scopes=sorted(scopes))
            self.service.limits.spend(f"{self.identity.kind}:{self.identity.name}")
        self.cleared = scopes

    def _too_large(self) -> TooLarge:
        limit = self.service.max_body_bytes
        return TooLarge(f"A request may hold {limit / 2**20:g} MiB.", limit=limit)

    async def caller(self) -> Identity:
        """Return who is calling, by the token in the header.

        Raises:
            NotAllowed: nobody that the hub knows.

        """
        return await self.service.authenticator.identify(token_of(self.request.headers))

    def require_member(self, course: str) -> None:
        """Go on only if the caller learns or teaches a course, or reads the log.

        Raises:
            UnknownCourse: otherwise, exactly as for a course that does not exist.

        """
        identity = self.identity
        if not (course in identity.courses_learnt() | identity.courses_taught() or identity.holds(LOG)):
            raise UnknownCourse(course)

    def require_teacher(self, course: str) -> None:
        """Go on only if the caller teaches a course.

        Raises:
            UnknownCourse: otherwise, exactly as for a course that does not exist.

        """
        if course not in self.identity.courses_taught():
            raise UnknownCourse(course)

    def set_default_headers(self) -> None:
        """Set headers that keep an answer from being taken for a page, or from being kept."""
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with `{code, message, detail}`."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        status, body = describe(error, status_code, self.request_id)
        self.set_status(status, reason="Client gone" if status == GONE else None)
        self.set_header("X-Request-Id", self.request_id)
        wait = retry_after(error)
        if wait is not None:
            self.set_header("Retry-After", wait)
        self.finish(json.dumps(body, default=str))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log an exception: our own errors by their code in the request's line, anything else with its place."""
        if isinstance(value, NbcoachError):
            logs.bind(code=value.code)
        elif not isinstance(value, HTTPError | StreamClosedError | WebSocketClosedError):
            log.error("A request failed.", exc_info=(typ, value, tb))

    def on_finish(self) -> None:
        """Count the request."""
        self.service.in_flight.discard(self)
        seconds = time.monotonic() - self._begun
        verb = str(self.request.method).lower()
        self.service.metrics.count(type(self).__name__, verb, self.get_status(), seconds)


@stream_request_body
class Handler(CheckedHandler):
    """Answer requests in JSON; verbs with a body begin with `json_body`."""

    def initialize(self, service: Service) -> None:
        """Take the service that routes to this handler."""
        super().initialize(service)
        self._body = bytearray()
        self._overflow = False
        self._lateness: asyncio.TimerHandle | None = None
        self._early = True

    async def prepare(self) -> None:
        """Check the caller and the announced size of the body, and give it its time."""
        with_body = self.request.method in _WITH_BODY
        try:
            await self.admit()
        except (NbcoachError, HTTPError) as err:
            if not with_body or self._announced() > DRAINED_OF_STRANGERS:
                raise
            self._expect(DRAINED_OF_STRANGERS)
            self._refuse_later(err)
        else:
            if with_body:
                self._expect(_DRAINED_BYTES)
            elif self._announced() > self.service.max_body_bytes:
                raise self._too_large()
        self._early = False

    async def admit(self) -> None:
        """Check the caller; what it raises is answered once the body has come."""
        await super().prepare()

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, up to the limit."""
        self._overflow = self._overflow or len(self._body) + len(chunk) > self.service.max_body_bytes
        if not self._overflow:
            self._body += chunk

    def json_body(self, schema: Schema) -> dict[str, Any]:
        """Return the body as a JSON object that matches a schema.

        Raises:
            InvalidInput: no JSON, or not what the schema says.
            TooLarge: more than the service takes.

        """
        self._in_time()
        if self._overflow:
            raise self._too_large()
        try:
            body = json.loads(self._body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as err:
            raise InvalidInput("The body is no JSON.") from err
        if not isinstance(body, dict):
            raise InvalidInput("The body must be a JSON object.")
        error = schema.error(body)
        if error is not None:
            place = "/".join(map(str, error.absolute_path)) or "body"
            raise InvalidInput(f"{place}: {error.message[:200]}", place=place)
        return body

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        """Return a whole number from the query.

        Raises:
            InvalidInput: no whole number, or outside of the range.

        """
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 19 and lowest <= int(text) <= highest):
            raise InvalidInput(f"{name}: a whole number from {lowest} to {highest} is needed.", place=name)
        return int(text)

    def reply(self, body: Mapping[str, Any], status: int = 200) -> None:
        """Answer with a JSON object."""
        self.set_status(status)
        self.finish(_ENCODER.encode(body))

    def set_etag_header(self) -> None:
        """Give no tag: nobody may keep an answer, so nobody can ask whether it changed."""

    def check_etag_header(self) -> bool:
        """Return that what was asked for is to be sent."""
        return False

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with `{code, message, detail}`.

        Tornado ends a connection whose request is answered before it was read. Unless it is told, the hub's proxy
        would send somebody else's request there, and answer 503 to that.
        """
        if self._early:
            self.set_header("Connection", "close")
        super().write_error(status_code, **kwargs)

    def on_connection_close(self) -> None:
        """Wait for nothing more."""
        self._in_time()
        super().on_connection_close()

    def on_finish(self) -> None:
        """Wait for nothing more, and count the request."""
        self._in_time()
        super().on_finish()

    def _announced(self) -> int:
        """Return how many bytes the body has by its own account; 0 where it says nothing."""
        announced = self.request.headers.get("Content-Length", "0")
        return int(announced) if announced.isdigit() else 0

    def _expect(self, most: int) -> None:
        """Let a body of so many bytes come, in its time."""
        self.request.connection.set_max_body_size(most)  # type: ignore[union-attr]
        self._lateness = asyncio.get_running_loop().call_later(self.service.body_seconds, self._late)

    def _refuse_later(self, error: Exception) -> None:
        """Let the verb, which runs once the body has come, do nothing but refuse."""

        def refuse(*_arguments: str) -> None:
            raise error

        setattr(self, str(self.request.method).lower(), refuse)
        self._overflow = True  # keep nothing of the body

    def _late(self) -> None:
        """Refuse a body that is still on its way."""
        self._early = True
        err = TooSlow(f"A request's body must come within {self.service.body_seconds:g} s.")
        self.log_exception(type(err), err, None)
        self.send_error(status_of(err), exc_info=(type(err), err, None))

    def _in_time(self) -> None:
        """Stop the time for the body."""
        if self._lateness is not None:
            self._lateness.cancel()


class LiveHandler(CheckedHandler, WebSocketHandler):
    """Hold a WebSocket whose caller was checked before the upgrade.

    A subclass defines `get` with `@scoped(...)` that calls `await super().get(*args)`.
    """

    async def prepare(self) -> None:
        """Check the caller, then keep the socket in the service's list of live ones."""
        await super().prepare()
        self.service.in_flight.discard(self)
        self.service.live.add(self)

    async def still_allowed(self) -> bool:
        """Ask the hub again whether the caller may hold this socket."""
        scopes = declared(self, "get") or frozenset()
        try:
            found = await self.service.authenticator.identify(token_of(self.request.headers), fresh=True)
        except NotAllowed:
            return False
        self.identity = found
        return found.holds(*scopes)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade to a WebSocket; undeclared here, so that each subclass has to declare it."""
        self.service.metrics.live.inc()
        try:
            await super().get(*args, **kwargs)
        finally:
            self.service.metrics.live.dec()


class UnknownPathHandler(Handler):
    """Answer 404 in JSON for every path that no route knows."""

    async def admit(self) -> None:
        """Refuse everybody."""
        logs.clear()
        logs.bind(request=self.request_id)
        raise NotFound("There is nothing here.")

    @public
    async def get(self) -> None:
        """Never reached."""


def _refuse_constant(name: str) -> float:
    raise ValueError(name)
