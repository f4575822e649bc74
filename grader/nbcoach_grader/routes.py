"""HTTP routes of the grader: the catalogue as a learner may see it, events, and the attempt log."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, cast

from nbcoach_exercises.errors import NotAllowed, UnknownCourse
from nbcoach_exercises.events import LearnerEvent, Reaction, entry_to_json
from nbcoach_exercises.identifiers import slug
from nbcoach_exercises.schemas import Schema
from nbcoach_hub.service import LEARN, LOG, TEACH, Handler, scoped
from nbcoach_hub.storage import AuditEntry

if TYPE_CHECKING:
    from .app import Grader

_EVENT = Schema(
    {
        "type": "object",
        "required": ["course", "exercise", "kind"],
        "additionalProperties": False,
        "properties": {
            "course": {"type": "string", "maxLength": 64},
            "exercise": {"type": "string", "maxLength": 64},
            "kind": {"enum": [kind.value for kind in Reaction]},
            "cell": {"type": ["string", "null"], "minLength": 1, "maxLength": 128},
            "check": {"type": ["string", "null"], "minLength": 1, "maxLength": 128},
            "level": {"type": ["integer", "null"], "minimum": 1, "maximum": 50},
        },
    }
)


class GraderHandler(Handler):
    """A handler that knows its service."""

    @property
    def grader(self) -> Grader:
        """Return the service."""
        return cast("Grader", self.service)

    async def note(self, action: str, subject: str = "", **detail: object) -> None:
        """Note for the audit trail what an instructor did, to whom if to one learner."""
        entry = AuditEntry(
            actor=self.identity.name, action=action, subject=subject, request=self.request_id, detail=detail
        )
        await self.grader.store.audit(entry)


class CoursesHandler(GraderHandler):
    """The caller's courses."""

    @scoped(LEARN, TEACH, LOG)
    async def get(self) -> None:
        """List them."""
        mine = self.identity.courses_learnt() | self.identity.courses_taught()
        everything = self.identity.holds(LOG)
        courses = [course for course in self.grader.grading.catalogue if everything or course.id in mine]
        self.reply({"courses": [{"id": c.id, "title": c.title, "summary": c.summary} for c in courses]})


class CourseHandler(GraderHandler):
    """One course."""

    @scoped(LEARN, TEACH, LOG)
    async def get(self, course: str) -> None:
        """Return its outline, and a user's progress with it."""
        self.require_member(slug(course, "course"))
        found = self.grader.grading.catalogue.course(course)
        body = found.outline()
        if self.identity.kind == "user":
            body["progress"] = await self.grader.grading.progress(self.identity.name, found)
        self.reply(body)


class NotebookHandler(GraderHandler):
    """The learner version of an exercise."""

    @scoped(LEARN, TEACH)
    async def get(self, course: str, exercise: str) -> None:
        """Return notebook, version and the files that stand beside it."""
        self.require_member(slug(course, "course"))
        outline = self.grader.grading.catalogue.course(course)
        found = outline.exercise(slug(exercise, "exercise"))
        notebook, files = await self.grader.grading.released(outline, found)
        listed = [{"path": file.path, "content": base64.b64encode(file.content).decode()} for file in files]
        self.reply({"notebook": notebook, "version": found.version, "files": listed})


class EventsHandler(GraderHandler):
    """What a learner's browser reports."""

    @scoped(LEARN)
    async def post(self) -> None:
        """Keep one event."""
        body = self.json_body(_EVENT)
        if slug(body["course"], "course") not in self.identity.courses_learnt() | self.identity.courses_taught():
            raise UnknownCourse(body["course"])
        event = LearnerEvent(learner=self.identity.name, **(body | {"kind": Reaction(body["kind"])}))
        logged = await self.grader.grading.react(event)
        self.reply({"cursor": logged.cursor}, 201)


class LogHandler(GraderHandler):
    """The attempt log, for services that follow it."""

    @scoped(LOG)
    async def get(self) -> None:
        """Return entries after a cursor; wait for some if asked to."""
        if self.identity.kind != "service":
            raise NotAllowed("Only a service may follow the attempt log.")
        after = self.whole("after", 0, 0, 2**62)
        limit = self.whole("limit", 500, 1, 5000)
        wait = self.whole("wait", 0, 0, 30)
        entries = await self.grader.grading.log_after(after, limit, wait)
        listed = [{"cursor": logged.cursor, "entry": entry_to_json(logged.entry)} for logged in entries]
        self.reply({"entries": listed, "cursor": entries[-1].cursor if entries else after})


api_routes = [
    (r"api/courses", CoursesHandler),
    (r"api/courses/([^/]+)", CourseHandler),
    (r"api/courses/([^/]+)/exercises/([^/]+)/notebook", NotebookHandler),
    (r"api/events", EventsHandler),
    (r"api/log", LogHandler),
]
