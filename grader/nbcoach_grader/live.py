"""The live WebSocket: requests in, feedback and notices out, one connection for all of a learner's notebooks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, cast

from tornado.websocket import WebSocketClosedError

from nbcoach_exercises.errors import InvalidFrame, NbcoachError, TooMany, UnknownCourse
from nbcoach_exercises.wire import (
    CheckRequest,
    Failure,
    Feedback,
    HintRequest,
    Progress,
    Reply,
    Request,
    Submit,
    decode,
    encode,
)
from nbcoach_hub.service import LEARN, LiveHandler, logs, scoped

from .errors import GraderFailed

if TYPE_CHECKING:
    from .app import Grader

log = logging.getLogger(__name__)

MAX_PENDING = 16


class GraderLiveHandler(LiveHandler):
    """One learner's connection. Requests run side by side; a vanished browser cancels its own."""

    def open(self, *args: str, **kwargs: str) -> None:
        """Begin with nothing pending, and hear of what the learner should know."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._hearing = contextlib.ExitStack()
        self._hearing.enter_context(cast("Grader", self.service).notices.listening(self.identity.name, self._send))

    @scoped(LEARN)
    async def get(self, *args: str, **kwargs: str) -> None:
        """Upgrade to a WebSocket."""
        await super().get(*args, **kwargs)

    def on_message(self, message: str | bytes) -> None:
        """Take one frame; whatever is wrong with it is answered, never raised."""
        request: str | None = None
        try:
            frame = decode(message)
            request = getattr(frame, "request", None)
            if not isinstance(frame, CheckRequest | HintRequest | Submit):
                raise InvalidFrame(f"A {frame.type!r} frame is an answer, not a request.")
            if frame.course not in self.identity.courses_learnt() | self.identity.courses_taught():
                raise UnknownCourse(frame.course)
            if len(self._tasks) >= MAX_PENDING:
                raise TooMany(f"{MAX_PENDING} requests are pending already.", retry_after=1.0)
            self.service.limits.spend(f"live:{self.identity.name}")
        except NbcoachError as err:
            self._fail(request or getattr(err, "request", None), err)
            return
        task = asyncio.ensure_future(self._answer(frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def on_close(self) -> None:
        """Forget what is pending; attempts that are already decided are kept."""
        if not hasattr(self, "_hearing"):
            return  # it was refused
        self._hearing.close()
        for task in self._tasks:
            task.cancel()

    async def _answer(self, frame: Request) -> None:
        # The task has a context of its own, so these fields stay with this frame.
        logs.bind(request=frame.request, course=frame.course, exercise=frame.exercise)
        grader = cast("Grader", self.service)
        try:
            if isinstance(frame, HintRequest):
                self._send(await grader.grading.hint(self.identity.name, frame))
                return
            self._send(Progress(request=frame.request, state="queued"))
            begun = lambda: self._send(Progress(request=frame.request, state="running"))  # noqa: E731
            if isinstance(frame, Submit):
                self._send(await grader.submissions.submit(self.identity.name, frame, begun))
                return
            start = time.monotonic()
            feedback = await grader.grading.check(self.identity.name, frame, begun)
            self._note(feedback, time.monotonic() - start)
            self._send(feedback)
        except NbcoachError as err:
            self._give_up(frame, err)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("A request could not be served")
            self._give_up(frame, GraderFailed("The grader failed; try again."))

    def _note(self, feedback: Feedback, seconds: float) -> None:
        cast("Grader", self.service).seen.judged(feedback.verdict, seconds)
        fields = {
            "attempt": feedback.attempt,
            "verdict": str(feedback.verdict),
            "cursor": feedback.cursor,
            "ms": round(1000 * seconds, 1),
        }
        log.info("checked", extra={"fields": fields})

    def _give_up(self, frame: Request, error: NbcoachError) -> None:
        log.warning("A request failed: %s", error.code)
        if isinstance(frame, CheckRequest):
            cast("Grader", self.service).seen.failed(error)
        self._fail(frame.request, error)

    def _send(self, frame: Reply) -> None:
        with contextlib.suppress(WebSocketClosedError):
            self.write_message(encode(frame).encode("utf-8", "replace"))

    def _fail(self, request: str | None, error: NbcoachError) -> None:
        self._send(Failure(request=request, code=error.code, message=error.message[:4000], detail=error.detail))


live_routes = [(r"api/live", GraderLiveHandler)]
