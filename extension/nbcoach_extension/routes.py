"""The routes that the front end calls, below `nbcoach/api/`. Handlers parse, call one function, encode."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from nbcoach_exercises.errors import InvalidInput, NbcoachError, TooLarge, UnknownCell
from nbcoach_exercises.identifiers import slug
from nbcoach_exercises.schemas import Schema

from . import logs
from .clients import ServiceClient
from .errors import answer_of
from .live import LiveHandler
from .workspace import Workspace, starter_of

AUTH_RESOURCE = "nbcoach"
PREFIX = r"/nbcoach/api/"
MAX_BODY_BYTES = 64 * 1024


class NbcoachHandler(APIHandler):
    """Base of the JSON handlers: errors of nbcoach become `{code, message, detail}`."""

    auth_resource = AUTH_RESOURCE

    async def prepare(self) -> None:  # type: ignore[override]  # as APIHandler does
        """Take over the id that the browser gave the request."""
        self.request_id = logs.begin(self.request.headers.get("X-Request-Id"))
        self.set_header("X-Request-Id", self.request_id)
        await super().prepare()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with `{code, message, detail}` where Jupyter Server itself refuses."""
        phrase = HTTPStatus(status_code).phrase if status_code in list(HTTPStatus) else "Error"
        code = phrase.lower().replace(" ", "-")
        self.finish(json.dumps({"code": code, "message": f"{phrase}.", "detail": {}}))

    def on_finish(self) -> None:
        """Log the request."""
        super().on_finish()
        logs.write(
            "request",
            request=getattr(self, "request_id", None),
            verb=self.request.method,
            path=self.request.path,
            status=self.get_status(),
            ms=round(1000 * self.request.request_time(), 1),
        )

    @property
    def grader(self) -> ServiceClient:
        """The grader, asked as the learner."""
        client: ServiceClient = self.settings["nbcoach_grader"]
        return client

    @property
    def recommender(self) -> ServiceClient:
        """The recommender, asked as the learner."""
        client: ServiceClient = self.settings["nbcoach_recommender"]
        return client

    def json_body(self, schema: str) -> dict[str, Any]:
        """Return the request's body, valid against a schema that `openapi.json` names.

        Raises:
            TooLarge: more than 64 KiB.
            InvalidInput: no JSON, or not what the schema says.

        """
        if len(self.request.body) > MAX_BODY_BYTES:
            raise TooLarge(f"A request may hold {MAX_BODY_BYTES // 1024} KiB.", limit=MAX_BODY_BYTES)
        try:
            body = json.loads(self.request.body)
        except (ValueError, RecursionError) as err:
            raise InvalidInput("The request's body is no JSON.") from err
        error = _schema(schema).error(body)
        if error is not None:
            raise InvalidInput(f"The request's body is not valid: {error.message[:200]}")
        return dict(body)

    def reply(self, body: Mapping[str, Any], status: int = 200) -> None:
        """Finish with a JSON body."""
        self.set_status(status)
        self.finish(json.dumps(body))


def reporting(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Answer an nbcoach error with its status and body."""

    @functools.wraps(method)
    async def wrapper(self: NbcoachHandler, *args: str) -> None:
        try:
            await method(self, *args)
        except NbcoachError as err:
            status, body = answer_of(err)
            if retry_after := body["detail"].get("retry_after"):
                self.set_header("Retry-After", str(math.ceil(retry_after)))
            self.reply(body, status)

    return wrapper


class CoursesHandler(NbcoachHandler):
    """The learner's courses."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self) -> None:
        """Return the courses."""
        self.reply(await self.grader.get("api/courses"))


class CourseHandler(NbcoachHandler):
    """One course with the learner's progress."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self, course: str) -> None:
        """Return the course."""
        self.reply(await self.grader.get(f"api/courses/{slug(course, 'course')}"))


class OpenHandler(NbcoachHandler):
    """Puts the newest version of an exercise into the learner's files."""

    @web.authenticated
    @authorized
    @reporting
    async def post(self) -> None:
        """Write the notebook and tell its path."""
        body = self.json_body("OpenRequest")
        course, exercise = slug(body["course"], "course"), slug(body["exercise"], "exercise")
        workspace: Workspace = self.settings["nbcoach_workspace"]
        released = await self.grader.get(f"api/courses/{course}/exercises/{exercise}/notebook")
        self.reply(await workspace.place(course, exercise, released))


class ResetHandler(NbcoachHandler):
    """Begins an exercise anew."""

    @web.authenticated
    @authorized
    @reporting
    async def post(self) -> None:
        """Write the starter notebook, keep the present one beside it, and tell both paths."""
        body = self.json_body("OpenRequest")
        course, exercise = slug(body["course"], "course"), slug(body["exercise"], "exercise")
        workspace: Workspace = self.settings["nbcoach_workspace"]
        released = await self.grader.get(f"api/courses/{course}/exercises/{exercise}/notebook")
        self.reply(await workspace.reset(course, exercise, released))


class StarterHandler(NbcoachHandler):
    """What stood in a cell at the beginning."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self, course: str, exercise: str, cell: str) -> None:
        """Return the starter of an answer cell."""
        course, exercise = slug(course, "course"), slug(exercise, "exercise")
        released = await self.grader.get(f"api/courses/{course}/exercises/{exercise}/notebook")
        source = starter_of(released, cell)
        if source is None:
            raise UnknownCell(exercise, cell[:128])
        self.reply({"source": source})


class SubmissionsHandler(NbcoachHandler):
    """What the learner has handed in."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self, course: str) -> None:
        """List it with the comments on it, newest first."""
        exercise = self.get_query_argument("exercise", None)
        query = None if exercise is None else {"exercise": slug(exercise, "exercise")}
        self.reply(await self.grader.get(f"api/courses/{slug(course, 'course')}/submissions", query))


class SubmissionHandler(NbcoachHandler):
    """One submission."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self, course: str, submission: str) -> None:
        """Return it with its answers."""
        name = quote(submission, safe="")
        self.reply(await self.grader.get(f"api/courses/{slug(course, 'course')}/submissions/{name}"))


class NotificationsHandler(NbcoachHandler):
    """What the learner should know."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self) -> None:
        """List it, newest first."""
        self.reply(await self.grader.get("api/notifications"))


class ReadHandler(NbcoachHandler):
    """What the learner has read."""

    @web.authenticated
    @authorized
    @reporting
    async def post(self) -> None:
        """Mark notifications as read."""
        self.reply(await self.grader.post("api/notifications/read", self.json_body("ReadRequest")))


class NextHandler(NbcoachHandler):
    """What to do next, and why."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self, course: str) -> None:
        """Return recommendations, best first."""
        query = {}
        for name, low, high in (("k", 1, 20), ("seen", 0, 2**53)):
            if (value := self.get_query_argument(name, None)) is not None:
                query[name] = str(_whole_number(name, value, low, high))
        self.reply(await self.recommender.get(f"api/courses/{slug(course, 'course')}/next", query))


class MasteryHandler(NbcoachHandler):
    """How well the learner knows each skill of a course."""

    @web.authenticated
    @authorized
    @reporting
    async def get(self, course: str) -> None:
        """Return the skills."""
        self.reply(await self.recommender.get(f"api/courses/{slug(course, 'course')}/mastery"))


class EventsHandler(NbcoachHandler):
    """What the learner says about an exercise."""

    @web.authenticated
    @authorized
    @reporting
    async def post(self) -> None:
        """Report one event to the grader's log."""
        self.reply(await self.grader.post("api/events", self.json_body("EventRequest")), 201)


def _whole_number(name: str, value: str, low: int, high: int) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 16 and low <= int(value) <= high):
        raise InvalidInput(f"'{name}' must be a whole number from {low} to {high}.")
    return int(value)


@functools.cache
def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of these routes."""
    document: dict[str, Any] = json.loads((files(__package__) / "openapi.json").read_text("utf-8"))
    return document


@functools.cache
def _schema(name: str) -> Schema:
    return Schema(openapi()["components"]["schemas"][name])


def routes() -> list[tuple[str, type[web.RequestHandler]]]:
    """List the routes, without the server's base URL."""
    return [
        (PREFIX + r"courses", CoursesHandler),
        (PREFIX + r"courses/([^/]+)", CourseHandler),
        (PREFIX + r"courses/([^/]+)/next", NextHandler),
        (PREFIX + r"courses/([^/]+)/mastery", MasteryHandler),
        (PREFIX + r"courses/([^/]+)/submissions", SubmissionsHandler),
        (PREFIX + r"courses/([^/]+)/submissions/([^/]+)", SubmissionHandler),
        (PREFIX + r"courses/([^/]+)/exercises/([^/]+)/cells/([^/]+)", StarterHandler),
        (PREFIX + r"notifications", NotificationsHandler),
        (PREFIX + r"notifications/read", ReadHandler),
        (PREFIX + r"open", OpenHandler),
        (PREFIX + r"reset", ResetHandler),
        (PREFIX + r"events", EventsHandler),
        (PREFIX + r"live", LiveHandler),
    ]
