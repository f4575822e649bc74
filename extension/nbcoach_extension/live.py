"""The relay between a browser's WebSocket and the grader's.

Theory of operation. Each browser socket has one task, which holds at most one upstream socket.
`on_message` validates a frame and puts it on a bounded queue; the task opens the upstream socket,
writes what is queued, and passes replies down. A request is *pending* from the moment it is taken
until a final reply (feedback, hint-text, receipt, failure) carries its id. Notifications go down as
they come. When the grader cannot be reached, or goes away, every pending request is answered with one
`failure` frame of code "unavailable"; the browser keeps the request and sends it again. The task then
tries again with growing pauses, and at once when a new frame comes. It ends with the browser's socket, and
takes the upstream with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.utils import ensure_async
from tornado import web
from tornado.httpclient import HTTPError as HTTPClientError
from tornado.iostream import StreamClosedError
from tornado.websocket import (
    WebSocketClientConnection,
    WebSocketClosedError,
    WebSocketError,
    WebSocketHandler,
    websocket_connect,
)

from nbcoach_exercises import wire
from nbcoach_exercises.errors import InvalidFrame, NbcoachError, NotAllowed, TooMany, Unavailable, UpstreamFailed

from . import logs
from .clients import ServiceClient

AUTH_RESOURCE = "nbcoach"
MAX_PENDING = 64
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
PING_SECONDS = 20.0
_ASKED = (wire.CheckRequest, wire.HintRequest, wire.Submit)
_FINAL = (wire.Feedback, wire.HintText, wire.Receipt, wire.Failure)


class LiveHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """One browser's socket."""

    auth_resource = AUTH_RESOURCE

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade to a WebSocket, for users who may execute here."""
        allowed = await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, "execute", self.auth_resource)
        )
        if not allowed:
            raise web.HTTPError(403)
        result = super().get(*args, **kwargs)
        if result is not None:
            await result

    @property
    def max_message_size(self) -> int:
        """The largest message that is read; larger ones close the socket."""
        return wire.MAX_MESSAGE_BYTES

    def get_compression_options(self) -> dict[str, Any] | None:
        """Send frames as they are: they are small, and the browser is near."""
        return None

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Start the relay."""
        super().open(*args, **kwargs)
        self.relay = Relay(self.settings["nbcoach_grader"], self._down, self.log)
        self.relay.start()

    def on_message(self, message: str | bytes) -> None:
        """Take a frame from the browser."""
        self.relay.take(message)

    def on_close(self) -> None:
        """End the relay."""
        relay = getattr(self, "relay", None)
        if relay is not None:
            relay.stop()
        super().on_close()

    async def _down(self, text: str) -> None:
        with contextlib.suppress(WebSocketClosedError, StreamClosedError):
            await self.write_message(text)


class Relay:
    """Carries frames between one browser and the grader.

    Args:
        grader: opens the upstream socket.
        down: an async function that sends text to the browser.
        log: a logger.

    """

    def __init__(self, grader: ServiceClient, down: Any, log: Any) -> None:
        self._grader = grader
        self._down = down
        self._log = log
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MAX_PENDING)
        self._pending: set[str] = set()
        self._frame_came = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Start relaying; must run inside the event loop."""
        self._spawn(self._run())

    def stop(self) -> None:
        """Stop relaying and let go of the upstream socket."""
        for task in tuple(self._tasks):
            task.cancel()

    def take(self, message: str | bytes) -> None:
        """Take a frame from the browser, or answer at once why it is not taken."""
        request: str | None = None
        try:
            frame = wire.decode(message)
            if not isinstance(frame, _ASKED):
                raise InvalidFrame(f"A browser sends no {frame.type!r} frame.")
            request = frame.request
            if len(self._pending) >= MAX_PENDING or self._queue.full():
                raise TooMany("Too many requests are waiting for the grader.", retry_after=5.0)
        except NbcoachError as err:
            self._spawn(self._fail(request or getattr(err, "request", None), err))
            return
        logs.write(frame.type, request=request, course=frame.course, exercise=frame.exercise)
        self._pending.add(request)
        self._queue.put_nowait((request, wire.encode(frame)))
        self._frame_came.set()

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                upstream = await self._connect()
            except HTTPClientError as err:
                await self._fail_pending(_refusal(err))
            except (Unavailable, WebSocketError, StreamClosedError, OSError, TimeoutError) as err:
                self._log.debug("nbcoach: no live connection to the grader: %s", type(err).__name__)
                await self._fail_pending(_away())
            else:
                pause = FIRST_PAUSE
                await self._carry(upstream)
                await self._fail_pending(_away())
            self._frame_came.clear()
            with contextlib.suppress(TimeoutError):
                # Jitter, so that a grader that comes back is not met by all learners at once.
                await asyncio.wait_for(self._frame_came.wait(), pause * random.uniform(0.7, 1.3))  # noqa: S311
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _connect(self) -> WebSocketClientConnection:
        connecting = asyncio.ensure_future(
            websocket_connect(
                self._grader.live_request("api/live"),
                ping_interval=PING_SECONDS,
                max_message_size=wire.MAX_MESSAGE_BYTES,
            )
        )
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # The browser left meanwhile: a socket that still opens must not stay open.
            connecting.add_done_callback(_close_late)
            raise

    async def _carry(self, upstream: WebSocketClientConnection) -> None:
        """Carry frames both ways until the upstream socket ends."""
        up = asyncio.create_task(self._carry_up(upstream))
        down = asyncio.create_task(self._carry_down(upstream))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            upstream.close()

    async def _carry_up(self, upstream: WebSocketClientConnection) -> None:
        while True:
            request, text = await self._queue.get()
            if request not in self._pending:
                continue
            try:
                await upstream.write_message(text)
            except (WebSocketClosedError, StreamClosedError):
                return

    async def _carry_down(self, upstream: WebSocketClientConnection) -> None:
        while (text := await upstream.read_message()) is not None:
            try:
                frame = wire.decode(text)
            except NbcoachError as err:
                self._log.error("nbcoach: the grader sent a frame that is not valid: %s", err.message)
                continue
            if isinstance(frame, _ASKED):
                continue
            if isinstance(frame, _FINAL):
                self._pending.discard(frame.request or "")
            await self._down(text if isinstance(text, str) else text.decode())

    async def _fail_pending(self, error: NbcoachError) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        for request in tuple(self._pending):
            self._pending.discard(request)
            await self._fail(request, error)

    async def _fail(self, request: str | None, error: NbcoachError) -> None:
        failure = wire.Failure(request=request, code=error.code, message=error.message, detail=error.detail)
        await self._down(wire.encode(failure))

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _close_late(connecting: asyncio.Future[WebSocketClientConnection]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


def _away() -> Unavailable:
    return Unavailable("The grader cannot be reached at the moment.", service="grader")


def _refusal(err: HTTPClientError) -> NbcoachError:
    if err.code in (401, 403):
        return NotAllowed(
            "The grader does not know this server: stop it in the hub's control panel and start it again."
        )
    if err.code in (404, 500):
        return UpstreamFailed(f"The grader answered {err.code}.", service="grader")
    return _away()
