"""A campaign: fresh secrets, a course that holds them, and submissions through the product's own path.

Everything that must stay secret is drawn anew for each campaign, so neither side can know it:
marks in comments and messages of hidden tests, a hidden argument, another learner's work, a token
of the service. `Campaign.leaks` looks for all of them in whatever a learner can get hold of.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.wire import CellSource, CheckRequest, Feedback, encode
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.grading import Grading
from nbcoach_hub.storage import Store

COURSE, EXERCISE, ANSWER = "campaign", "squares", "squares"
_NOT_SAID = ("attempt", "version", "cursor", "seconds", "peak_mb")
"""Parts of a feedback that hold digits of their own: hashes, places and measurements."""

Test = tuple[str, float, bool, str]
"""Grade id, points, whether hidden, code."""


@dataclass(frozen=True)
class Secrets:
    """What must not get out, drawn anew each time."""

    comment: str
    message: str
    argument: int
    victim: str
    token: str

    @classmethod
    def draw(cls) -> Secrets:
        marks = [f"{name}{secrets.token_hex(6)}" for name in ("mk", "mm", "vm", "tk")]
        return cls(marks[0], marks[1], 20011 + secrets.randbelow(30000), marks[2], marks[3])

    def found_in(self, text: str) -> list[str]:
        """Return the names of the secrets that a text holds."""
        marks = {"comment": self.comment, "message": self.message, "victim": self.victim, "token": self.token}
        found = [name for name, mark in marks.items() if mark in text]
        if re.search(rf"(?<![\d.]){self.argument}(?!\d)", text):
            found.append("argument")
        return found


class Sink:
    """A listening HTTP server on this machine that keeps what it is sent."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Yield the server's address."""
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 10**6))
                heard.append(f"{self.requestline}\n{self.headers}\n{body.decode('utf-8', 'replace')}")
                self.send_response(200)
                self.end_headers()

            do_GET = do_POST = do_PUT = _take  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Campaign:
    """A course with secrets, and a grader to submit to.

    Args:
        exercise: `SOLUTION`, `STUB` and `TESTS`, with placeholders.
        folder: where the course and other learners' work are kept; its name is what attacks get as `TMP`.
        sink: what listens on this machine, and its address.
        engine: the engine in use.
        store: where attempts are kept.
        limits: the exercise's limits.

    """

    def __init__(
        self,
        exercise: dict[str, Any],
        folder: Path,
        sink: tuple[Sink, str],
        engine: Engine,
        store: Store | None,
        **limits: float,
    ) -> None:
        self.secrets = Secrets.draw()
        self.folder = folder
        self.sink, self._address = sink
        self.engine = engine
        self.solution: str = exercise["SOLUTION"]
        self.starter: str = exercise["STUB"]
        tests = [(name, points, hidden, self.fill(code)) for name, points, hidden, code in exercise["TESTS"]]
        write_course(folder / "courses" / COURSE, self.solution, tests, limits)
        victim = folder / "submitted" / "victim" / "ps1" / "squares.ipynb"
        victim.parent.mkdir(parents=True)
        victim.write_text(json.dumps(master(f"# {self.secrets.victim}\n{self.solution}", [])))
        self.work = victim
        self.grading = Grading(Catalogue.read(folder / "courses"), engine, store)
        self.course = self.grading.catalogue.course(COURSE)
        self.exercise = self.course.exercise(EXERCISE)
        self.points = self.exercise.points
        self._requests = 0

    def fill(self, text: str) -> str:
        """Fill the placeholders of the corpus."""
        s = self.secrets
        values = {"MARKC": s.comment, "MARKM": s.message, "SECRETN": s.argument, "VICTIM": s.victim, "TOKEN": s.token}
        for name, value in {**values, "SINK": self._address, "TMP": self.folder}.items():
            text = text.replace(f"@@{name}@@", str(value))
        return text

    async def submit(self, learner: str, source: str, others: Sequence[CellSource] = ()) -> Feedback:
        """Check a learner's answer as the service does: same request, same path, same log."""
        cells = (CellSource(id="answer", grade_id=ANSWER, source=self.fill(source)), *others)
        return await self.check(learner, cells)

    async def check(self, learner: str, cells: Sequence[CellSource]) -> Feedback:
        """Check a learner's notebook."""
        self._requests += 1
        return await self.grading.check(
            learner,
            CheckRequest(
                request=str(self._requests),
                course=COURSE,
                exercise=EXERCISE,
                version=self.exercise.version,
                cell=ANSWER,
                cells=tuple(cells),
            ),
        )

    async def settled(self) -> None:
        """Wait until the engine has prepared itself for what comes next."""
        await asyncio.gather(*self.engine._preparing)

    def leaks(self, *feedbacks: Feedback) -> list[str]:
        """Return which secrets a learner could get hold of: in feedback, at the sink, or in a file that was written."""
        told = [json.loads(encode(feedback)) for feedback in feedbacks]
        texts = [json.dumps({k: v for k, v in body.items() if k not in _NOT_SAID}, ensure_ascii=False) for body in told]
        texts += self.sink.heard
        texts += [path.read_text("utf-8", "replace") for path in self.written()]
        return [name for text in texts for name in self.secrets.found_in(text)]

    def written(self) -> list[Path]:
        """Return files of the campaign's folder that neither course nor store wrote."""
        ours = {"courses", "store", "submitted"}
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        strangers = [path for path in files if path.relative_to(self.folder).parts[0] not in ours]
        return strangers + [path for path in files if "submitted" in path.parts and path != self.work]


def write_course(folder: Path, solution: str, tests: Sequence[Test], limits: dict[str, float]) -> None:
    """Write a course folder with one exercise."""
    exercise = folder / EXERCISE
    exercise.mkdir(parents=True)
    described = {
        "title": "Campaign",
        "skills": [{"id": "functions", "title": "Functions"}],
        "units": [{"id": "only", "title": "Only", "exercises": [EXERCISE]}],
        "imports": ["numpy"],
    }
    (folder / "course.yaml").write_text(yaml.safe_dump(described))
    (exercise / "exercise.ipynb").write_text(json.dumps(master(solution, tests, limits)))


def master(solution: str, tests: Sequence[Test], limits: dict[str, float] | None = None) -> dict[str, Any]:
    """Return an author's notebook: a text, the answer between solution marks, a test cell for each test."""
    own = {"title": "Squares", "summary": "Squares.", "skills": ["functions"], "difficulty": 1, "minutes": 5}
    cells = [_cell("intro", "# Squares", kind="markdown", locked=True)]
    head, _, body = solution.partition("\n")
    marked = f"{head}\n    ### BEGIN SOLUTION\n{body.rstrip()}\n    ### END SOLUTION\n"
    cells.append(_cell(ANSWER, marked, solution=True))
    for name, points, hidden, code in tests:
        source = f"### BEGIN HIDDEN TESTS\n{code.rstrip()}\n### END HIDDEN TESTS" if hidden else code.rstrip()
        cells.append(_cell(name, source, grade=True, locked=True, points=points))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"nbcoach": own | ({"limits": limits} if limits else {}), "kernelspec": kernel}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def _cell(name: str, source: str, *, kind: str = "code", points: float | None = None, **flags: bool) -> dict[str, Any]:
    meta: dict[str, Any] = {"schema_version": 3, "grade_id": name, "cell_type": kind, "task": False}
    meta |= {flag: flags.get(flag, False) for flag in ("grade", "solution", "locked")}
    if points is not None:
        meta["points"] = points
    cell: dict[str, Any] = {"id": name, "cell_type": kind, "source": source, "metadata": {"nbgrader": meta}}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})
