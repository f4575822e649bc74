"""nbgrader course directories, written cell by cell, and the command that grades them."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook

from nbcoach_grader.nbgrader_course.directory import Directory
from nbcoach_grader.nbgrader_course.masters import read_masters

MARK = "SECRET-MARK"


def cell(source: str, name: str | None = None, *, kind: str = "code", points: float | None = None, **own: Any) -> Any:
    """Return a cell; one with points but no solution is a test cell."""
    meta: dict[str, Any] = {}
    if name is not None:
        told = {"schema_version": 3, "grade_id": name, "solution": False, "locked": False, "task": False}
        told |= {"grade": points is not None} | ({} if points is None else {"points": points}) | own
        meta = {"nbgrader": told}
    body = {"cell_type": kind, "id": (name or f"free-{len(source)}").replace("_", "-"), "metadata": meta}
    body |= {"source": source}
    return body | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def answer(name: str, source: str) -> Any:
    return cell(source, name, solution=True)


def tests(name: str, source: str, points: float) -> Any:
    return cell(source, name, points=points, locked=True)


tests.__test__ = False  # type: ignore[attr-defined]


def notebook(*cells: Any) -> dict[str, Any]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": list(cells)}


def solved(source: str, solution: str) -> str:
    return f"{source}\n    ### BEGIN SOLUTION\n    {solution}\n    ### END SOLUTION"


def hidden(shown: str, unseen: str) -> str:
    return f"{shown}\n### BEGIN HIDDEN TESTS\n{unseen}\n### END HIDDEN TESTS"


SMALL = notebook(
    cell("import numpy as np", "setup", locked=True),
    answer("double", solved("def double(n):", "return 2 * n")),
    tests("double-tests", hidden("assert double(2) == 4", f"assert double(21) == 42, '{MARK}-double'"), 4),
    answer("squares", solved("def squares(n):", "return [i * i for i in range(n)]")),
    tests("squares-tests", hidden("assert squares(2) == [0, 1]", f"assert squares(0) == [], '{MARK}-squares'"), 4),
)
RIGHT = {
    "double": "def double(n):\n    return 2 * n",
    "squares": "def squares(n):\n    return [i * i for i in range(n)]",
}


def complaints(errors: str) -> list[str]:
    """Return what a run said on standard error, but for what this machine's sandbox does not protect."""
    return [line for line in errors.splitlines() if "Sandbox " not in line]


@dataclass(frozen=True)
class Run:
    """What a run of the command came to."""

    status: int
    lines: list[dict[str, Any]]
    errors: str

    def of(self, student: str, notebook: str | None = None) -> dict[str, Any]:
        (found,) = [row for row in self.lines if row["student"] == student and notebook in (None, row["notebook"])]
        return found

    def scores(self, student: str, notebook: str | None = None) -> dict[str, float | None]:
        return {c["id"]: c["score"] for c in self.of(student, notebook)["cells"]}


class CourseFolder:
    """A course directory under a folder."""

    def __init__(self, root: Path, config: str = "") -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        (root / "source").mkdir(exist_ok=True)
        text = "c = get_config()\nc.CourseDirectory.course_id = 'testing'\n"
        (root / "nbgrader_config.py").write_text(text + config)

    def assign(self, assignment: str, name: str, master: Any, files: dict[str, str] | None = None) -> None:
        folder = self.root / "source" / assignment
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.ipynb").write_text(master if isinstance(master, str) else json.dumps(master))
        for path, text in (files or {}).items():
            (folder / path).write_text(text)

    def released(self, assignment: str, name: str) -> dict[str, Any]:
        """Return what learners get, made by nbgrader's preprocessors."""
        found: dict[str, Any] = read_masters(Directory(self.root), assignment)[name].released
        return found

    def submit(self, student: str, assignment: str, name: str, work: Any) -> Path:
        folder = self.root / "submitted" / student / assignment
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.ipynb"
        if isinstance(work, bytes):
            path.write_bytes(work)
        else:
            path.write_text(json.dumps(work))
        return path

    def autograde(self, *options: str) -> Run:
        done = subprocess.run(self.command(*options), capture_output=True, text=True, timeout=110)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return Run(done.returncode, lines, done.stderr)

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-m", "nbcoach_hub.cli", "autograde", str(self.root), "--json", *options]

    def nbgrader(self, *arguments: str) -> str:
        path = str(Path(sys.executable).parent)
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=110,
            env={"PATH": f"{path}:/usr/bin:/bin", "HOME": str(self.root)},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.root}/gradebook.db", "testing")

    def everything(self, step: str, student: str) -> str:
        """Return the text of all files that a step made for a learner."""
        return "\n".join(p.read_text() for p in sorted((self.root / step / student).rglob("*")) if p.is_file())


def answered(released: dict[str, Any], answers: dict[str, str]) -> dict[str, Any]:
    """Return a released notebook with answers in it."""
    work = copy.deepcopy(released)
    for found in work["cells"]:
        name = found["metadata"].get("nbgrader", {}).get("grade_id")
        if name in answers:
            found["source"] = answers[name]
    return work


Change = Callable[[dict[str, Any]], None]
