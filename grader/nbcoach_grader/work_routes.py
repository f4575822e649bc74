"""HTTP routes about handed-in work: learners' submissions and notifications, instructors' comments and regrades."""

from __future__ import annotations

from dataclasses import asdict

from nbcoach_exercises.errors import InvalidInput
from nbcoach_exercises.identifiers import slug
from nbcoach_exercises.schemas import Schema
from nbcoach_hub.service import LEARN, TEACH, scoped

from .routes import GraderHandler
from .submissions import Change, summary_of

_COMMENT = Schema(
    {
        "type": "object",
        "required": ["text"],
        "additionalProperties": False,
        "properties": {
            "text": {"type": "string", "minLength": 1, "maxLength": 4000},
            "cell": {"type": ["string", "null"], "minLength": 1, "maxLength": 128},
        },
    }
)
_REGRADE = Schema(
    {
        "type": "object",
        "required": ["keep"],
        "additionalProperties": False,
        "properties": {"keep": {"type": "boolean"}},
    }
)
_NOTHING = Schema({"type": "object", "additionalProperties": False})
_READ = Schema(
    {
        "type": "object",
        "required": ["ids"],
        "additionalProperties": False,
        "properties": {
            "ids": {"type": "array", "maxItems": 1000, "items": {"type": "string", "minLength": 1, "maxLength": 128}}
        },
    }
)


class SubmissionsHandler(GraderHandler):
    """The caller's own submissions."""

    @scoped(LEARN)
    async def get(self, course: str) -> None:
        """List them with the comments on them, newest first."""
        self.require_member(slug(course, "course"))
        exercise = self.get_query_argument("exercise", None)
        if exercise is not None:
            slug(exercise, "exercise")
        found = await self.grader.submissions.with_comments(self.identity.name, course, exercise)
        self.reply({"submissions": [summary_of(kept, comments) for kept, comments in found]})


class SubmissionHandler(GraderHandler):
    """One submission of the caller's own."""

    @scoped(LEARN)
    async def get(self, course: str, submission: str) -> None:
        """Return it with its answers."""
        self.require_member(slug(course, "course"))
        kept = await self.grader.submissions.find(submission, course, self.identity.name)
        self.reply({"submission": summary_of(kept), "sources": dict(kept.sources)})


class ClassSubmissionsHandler(GraderHandler):
    """Everybody's submissions of an exercise."""

    @scoped(TEACH)
    async def get(self, course: str, exercise: str) -> None:
        """List them, newest first."""
        self.require_teacher(slug(course, "course"))
        self.grader.grading.catalogue.course(course).exercise(slug(exercise, "exercise"))
        found = await self.grader.submissions.of_class(course, exercise)
        self.reply({"submissions": [{"learner": kept.learner, **summary_of(kept)} for kept in found]})


class CommentsHandler(GraderHandler):
    """What instructors say about a submission."""

    @scoped(TEACH)
    async def post(self, course: str, submission: str) -> None:
        """Keep a comment and notify the learner."""
        self.require_teacher(slug(course, "course"))
        body = self.json_body(_COMMENT)
        kept = await self.grader.submissions.find(submission, course)
        cell = body.get("cell")
        if cell is not None and cell not in kept.sources:
            raise InvalidInput(f"The submission has no answer cell {cell!r}.", cell=cell)
        comment = await self.grader.submissions.comment(self.identity.name, kept, body["text"], cell)
        await self.note("work.comment", kept.learner, submission=kept.id)
        self.reply({"id": comment.id, "at": comment.at.isoformat()}, 201)


class RegradeHandler(GraderHandler):
    """Judging everybody's newest submission of an exercise again."""

    @scoped(TEACH)
    async def post(self, course: str, exercise: str) -> None:
        """Regrade, or only tell who would gain and who would lose."""
        self.require_teacher(slug(course, "course"))
        body = self.json_body(_REGRADE)
        outline = self.grader.grading.catalogue.course(course)
        found = outline.exercise(slug(exercise, "exercise"))
        changes = await self.grader.submissions.regrade(outline, found, keep=body["keep"])
        if body["keep"]:
            changed = len(changes)
            await self.note("work.regrade", course=course, exercise=exercise, version=found.version, changes=changed)
        self.reply({"kept": body["keep"], "version": found.version, "changes": [_change(c) for c in changes]})


class ReleaseHandler(GraderHandler):
    """The course's folder, which its instructors have changed."""

    @scoped(TEACH)
    async def post(self, course: str) -> None:
        """Read it anew, and notify learners of exercises that are new or have changed."""
        self.require_teacher(slug(course, "course"))
        self.json_body(_NOTHING)
        released = await self.grader.releases.release(course)
        await self.note("course.release", course=course)
        self.reply(released)


class NotificationsHandler(GraderHandler):
    """What the caller should know."""

    @scoped(LEARN)
    async def get(self) -> None:
        """List it, newest first."""
        notices = await self.grader.notices.of(self.identity.name)
        self.reply({"notifications": [asdict(notice) for notice in notices]})


class ReadHandler(GraderHandler):
    """What the caller has read."""

    @scoped(LEARN)
    async def post(self) -> None:
        """Mark notifications as read."""
        ids = self.json_body(_READ)["ids"]
        self.reply({"read": await self.grader.notices.mark_read(self.identity.name, ids)})


def _change(change: Change) -> dict[str, object]:
    before, after = change.before, change.after
    return {
        "submission": after.id,
        "learner": after.learner,
        "before": before.points,
        "after": after.points,
        "max_points": after.max_points,
    }


work_routes = [
    (r"api/courses/([^/]+)/submissions", SubmissionsHandler),
    (r"api/courses/([^/]+)/submissions/([^/]+)", SubmissionHandler),
    (r"api/courses/([^/]+)/submissions/([^/]+)/comments", CommentsHandler),
    (r"api/courses/([^/]+)/exercises/([^/]+)/submissions", ClassSubmissionsHandler),
    (r"api/courses/([^/]+)/exercises/([^/]+)/regrade", RegradeHandler),
    (r"api/courses/([^/]+)/release", ReleaseHandler),
    (r"api/notifications", NotificationsHandler),
    (r"api/notifications/read", ReadHandler),
]
