"""A grader and a recommender that answer as the contract says, for the extension's own tests.

It stands where other processes stand in the product; what it answers is fixed, so a test can say what it expects.
"""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from tornado import web, websocket
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from nbcoach_exercises import wire
from nbcoach_exercises.verdicts import Verdict

TOKEN = "learner-token"
COURSE = "first-steps"
EXERCISE = "factorial"


def code(source: str, grade_id: str | None = None, **flags: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if grade_id:
        points = flags.pop("own_points", None)
        metadata["nbgrader"] = {"grade_id": grade_id, "schema_version": 3, "locked": False, **flags}
        if points is not None:
            metadata["nbcoach"] = {"points": points}
    return {
        "cell_type": "code",
        "id": f"id-{grade_id or abs(hash(source)) % 10**6}",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def text(source: str, cell_id: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


def notebook(version: str = "v1", exercise: str = EXERCISE) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "nbcoach": {
                "course": COURSE,
                "exercise": exercise,
                "version": version,
                "title": exercise.title(),
                "points": 3,
            },
        },
        "cells": [
            text("# Factorial\n\nThe factorial of *n* is the product of all whole numbers from 1 to *n*.", "intro"),
            code(
                "def factorial(n):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
                "fact",
                solution=True,
                grade=False,
                own_points=2,
            ),
            code(
                "### CHECK: small numbers\nassert factorial(3) == 6", "test-fact", solution=False, grade=True, points=2
            ),
            text("Now the sum of the first *n* numbers.", "more"),
            code("# YOUR CODE HERE", "total", solution=True, grade=False, own_points=1),
            code("assert total(3) == 6", "test-total", solution=False, grade=True, points=1),
        ],
    }


class Upstream:
    """Both services on one port: `url("grader")`, `url("recommender")`."""

    def __init__(self) -> None:
        self.version = "v1"
        self.files: list[dict[str, str]] = [
            {"path": "data/numbers.csv", "content": base64.b64encode(b"n\n1\n2\n").decode()}
        ]
        self.events: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, str]] = []
        self.sockets: list[LiveSocket] = []
        self.frames: list[wire.Frame] = []
        self.answer_checks = True
        self.broken: int | None = None
        self.progress: dict[str, dict[str, Any]] = {}
        self.points: dict[str, float] = {}
        self.cursor = 10
        self.port = 0
        self._server: HTTPServer | None = None

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.port}/services/{service}/"

    def start(self, port: int = 0) -> None:
        routes = [
            (r"/services/grader/api/courses", Courses),
            (r"/services/grader/api/courses/([^/]+)", Course),
            (r"/services/grader/api/courses/([^/]+)/exercises/([^/]+)/notebook", Notebook),
            (r"/services/grader/api/courses/([^/]+)/submissions", Submissions),
            (r"/services/grader/api/courses/([^/]+)/submissions/([^/]+)", Submission),
            (r"/services/grader/api/notifications", Notifications),
            (r"/services/grader/api/notifications/read", Read),
            (r"/services/grader/api/events", Events),
            (r"/services/grader/api/live", LiveSocket),
            (r"/services/recommender/api/courses/([^/]+)/next", Next),
            (r"/services/recommender/api/courses/([^/]+)/mastery", Mastery),
        ]
        self._server = HTTPServer(web.Application(routes, upstream=self))
        if port:
            self._server.listen(port, "127.0.0.1")
            self.port = port
        else:
            socket, self.port = bind_unused_port()
            self._server.add_sockets([socket])

    async def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            for socket in list(self.sockets):
                socket.close()
            await self._server.close_all_connections()
            self._server = None


class Json(web.RequestHandler):
    @property
    def upstream(self) -> Upstream:
        return self.application.settings["upstream"]  # type: ignore[no-any-return]

    def prepare(self) -> None:
        token = self.request.headers.get("Authorization", "")
        self.upstream.requests.append((self.request.method or "", self.request.uri or "", token))
        if self.upstream.broken is not None:
            self.fail(self.upstream.broken, "broken", "It broke.")
        elif token != f"token {TOKEN}":
            self.fail(403, "not-allowed", "Who are you?")

    def fail(self, status: int, code: str, message: str) -> None:
        self.set_status(status)
        self.finish(json.dumps({"code": code, "message": message, "detail": {"status": status}}))

    def known(self, course: str) -> bool:
        if course in (COURSE, "second"):
            return True
        self.fail(404, "unknown-course", f"There is no course '{course}'.")
        return False


class Courses(Json):
    def get(self) -> None:
        self.finish(
            {
                "courses": [
                    {"id": COURSE, "title": "First steps in Python", "summary": "Functions and loops."},
                    {"id": "second", "title": "Data with pandas", "summary": "Tables."},
                ]
            }
        )


EXERCISES = [
    ("hello", "basics", "Say hello", ["functions"], 1, 5, 1),
    ("factorial", "basics", "The factorial", ["functions", "loops"], 2, 12, 3),
    ("primes", "loops", "Prime numbers up to n", ["loops"], 3, 20, 4),
    ("matrix", "loops", "Multiply two matrices without numpy", ["loops", "lists"], 4, 35, 6),
]


class Course(Json):
    def get(self, course: str) -> None:
        if not self.known(course):
            return
        names = ("id", "unit", "title", "skills", "difficulty", "minutes", "points")
        self.finish(
            {
                "id": course,
                "title": "First steps in Python",
                "summary": "Functions and loops.",
                "skills": [
                    {"id": skill, "title": skill.title(), "requires": []} for skill in ("functions", "loops", "lists")
                ],
                "units": [
                    {"id": "basics", "title": "1. Basics", "exercises": ["hello", "factorial"]},
                    {"id": "loops", "title": "2. Loops", "exercises": ["primes", "matrix"]},
                ],
                "exercises": [
                    dict(zip(names, item, strict=True)) | {"summary": f"About {item[2]}.", "version": "v1"}
                    for item in EXERCISES
                ],
                "progress": {
                    item[0]: {"state": "new", "points": 0, "max_points": item[6], "solved": False} for item in EXERCISES
                }
                | {"hello": {"state": "passed", "points": 1, "max_points": 1, "solved": True}}
                | self.upstream.progress,
            }
        )


class Notebook(Json):
    def get(self, course: str, exercise: str) -> None:
        if self.known(course):
            self.finish(
                {
                    "notebook": notebook(self.upstream.version, exercise),
                    "version": self.upstream.version,
                    "files": self.upstream.files,
                }
            )


class Submissions(Json):
    def get(self, course: str) -> None:
        if self.known(course):
            self.finish({"submissions": [{"submission": "one", "exercise": EXERCISE}]})


class Submission(Json):
    def get(self, course: str, submission: str) -> None:
        if submission != "one":
            self.fail(404, "unknown-submission", "There is no such submission.")
        elif self.known(course):
            self.finish({"submission": {"submission": "one", "exercise": EXERCISE}, "sources": {"fact": "x"}})


class Notifications(Json):
    def get(self) -> None:
        self.finish({"notifications": [{"id": "n1", "kind": "comment"}]})


class Read(Json):
    def post(self) -> None:
        self.finish({"read": len(json.loads(self.request.body)["ids"])})


class Events(Json):
    def post(self) -> None:
        body = json.loads(self.request.body)
        if self.known(body["course"]):
            self.upstream.events.append(body)
            self.upstream.cursor += 1
            self.set_status(201)
            self.finish({"cursor": self.upstream.cursor})


class Next(Json):
    def get(self, course: str) -> None:
        if not self.known(course):
            return
        skipped = {event["exercise"] for event in self.upstream.events if event["kind"] in ("not-now", "too-easy")}
        passed = {name for name, item in self.upstream.progress.items() if item["state"] == "passed"} | {"hello"}
        items = [
            {
                "exercise": item[0],
                "title": item[2],
                "p": 0.7,
                "minutes": item[5],
                "difficulty": item[4],
                "skills": item[3],
                "why": {
                    "code": "practise",
                    "params": {},
                    "text": f"It practises {item[3][0]}, which you have begun, and you are ready for it.",
                },
            }
            for item in EXERCISES
            if item[0] not in skipped | passed
        ]
        count = int(self.get_query_argument("k", "1"))
        self.finish(
            {"course": course, "model": "test", "cursor": self.upstream.cursor, "items": items[:count]}
            | ({} if items else {"done": True})
        )


class Mastery(Json):
    def get(self, course: str) -> None:
        if self.known(course):
            passed = self.upstream.progress.get("factorial", {}).get("state") == "passed"
            self.finish(
                {
                    "course": course,
                    "cursor": self.upstream.cursor,
                    "skills": [
                        {"id": "functions", "title": "Functions", "mastery": 0.81 if passed else 0.62, "attempts": 5},
                        {"id": "loops", "title": "Loops", "mastery": 0.44 if passed else 0.3, "attempts": 2},
                        {"id": "lists", "title": "Lists", "mastery": 0.1, "attempts": 0},
                    ],
                }
            )


class LiveSocket(websocket.WebSocketHandler):
    @property
    def upstream(self) -> Upstream:
        return self.application.settings["upstream"]  # type: ignore[no-any-return]

    def prepare(self) -> None:
        if self.request.headers.get("Authorization") != f"token {TOKEN}":
            raise web.HTTPError(403)

    def open(self, *args: Any, **kwargs: Any) -> None:
        self.upstream.sockets.append(self)

    def on_close(self) -> None:
        self.upstream.sockets.remove(self)

    async def on_message(self, message: str | bytes) -> None:
        frame = wire.decode(message)
        self.upstream.frames.append(frame)
        if isinstance(frame, wire.HintRequest):
            await self.write_message(
                wire.encode(
                    wire.HintText(
                        request=frame.request,
                        cell=frame.cell,
                        check=frame.check,
                        level=frame.level,
                        of=2,
                        text=f"Hint number {frame.level}: what is the factorial of <b>0</b>?",
                    )
                )
            )
        elif isinstance(frame, wire.Submit):
            await self.write_message(wire.encode(receipt(frame)))
        elif isinstance(frame, wire.CheckRequest) and self.upstream.answer_checks:
            for state in ("queued", "running"):
                await self.write_message(wire.encode(wire.Progress(request=frame.request, state=state)))
            await self.write_message(wire.encode(judge(self.upstream, frame)))


def receipt(frame: wire.Submit) -> wire.Receipt:
    return wire.Receipt(
        request=frame.request,
        submission="one",
        course=frame.course,
        exercise=frame.exercise,
        version=frame.version,
        at="2026-11-27T12:00:00+00:00",
        due=None,
        late=False,
        hash="0" * 64,
        points=3.0,
        max_points=3.0,
        questions=(wire.QuestionResult(cell="fact", verdict=Verdict.PASSED, points=2.0),),
        repairs=(),
        solved=True,
        cursor=1,
    )


def judge(upstream: Upstream, frame: wire.CheckRequest) -> wire.Feedback:
    """Pass an answer with `return` or `=` in it; call anything else not attempted, or an error."""
    source = next(cell.source for cell in frame.cells if cell.grade_id == frame.cell)
    most = 2.0 if frame.cell == "fact" else 1.0
    error = None
    if "YOUR CODE" in source:
        verdicts = [Verdict.NOT_ATTEMPTED] * 2
    elif "oops" in source:
        verdicts = [Verdict.ERROR] * 2
        error = wire.LearnerError(
            cell=frame.cell, name="NameError", message="name 'oops' is not defined", line=2, text="    return oops"
        )
    elif "half" in source:
        verdicts = [Verdict.PASSED, Verdict.FAILED]
    else:
        verdicts = [Verdict.PASSED] * 2
    names = (("small numbers", False), ("rejects n < 0", False)) if most == 2 else (("sums", False), ("large n", True))
    checks = tuple(
        wire.CheckResult(
            id=f"test-{frame.cell}.{number}",
            name=name,
            verdict=verdict,
            hidden=hidden,
            points=most / 2 if verdict is Verdict.PASSED else 0.0,
            max_points=most / 2,
            message=None if hidden or verdict is Verdict.PASSED else "assert factorial(-1) <i>raises</i> ValueError",
            hints=0 if hidden else 2,
        )
        for number, ((name, hidden), verdict) in enumerate(zip(names, verdicts, strict=True), 1)
    )
    points = sum(check.points for check in checks)
    upstream.points[frame.cell] = points
    upstream.cursor += 1
    total = sum(upstream.points.values())
    upstream.progress[frame.exercise] = {
        "state": "passed" if total == 3 else "started",
        "points": total,
        "max_points": 3,
        "solved": total == 3,
    }
    return wire.Feedback(
        request=frame.request,
        course=frame.course,
        exercise=frame.exercise,
        version=frame.version,
        cell=frame.cell,
        verdict=max(verdicts, key=tuple(Verdict).index),
        points=points,
        max_points=most,
        checks=checks,
        error=error,
        output="6\n" if not error else "",
        repairs=(),
        seconds=0.04,
        peak_mb=31.0,
        attempt=f"attempt-{upstream.cursor}",
        cursor=upstream.cursor,
        exercise_points=total,
        exercise_max_points=3.0,
        solved=total == 3,
    )


def with_answer(book: dict[str, Any], grade_id: str, source: str) -> dict[str, Any]:
    """Return a copy of a notebook with an answer written into it."""
    written = copy.deepcopy(book)
    for cell in written["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id:
            cell["source"] = source
    return written
