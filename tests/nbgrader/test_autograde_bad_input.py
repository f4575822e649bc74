"""Bad input: each broken file is named, the rest is graded, nothing is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from course_folders import RIGHT, SMALL, CourseFolder, Run, answer, answered, cell, notebook, solved, tests

BROKEN: dict[str, tuple[bytes, str]] = {
    "truncated": (json.dumps(SMALL).encode()[:200], "is no JSON"),
    "empty": (b"", "is no JSON"),
    "nul": (b'{"cells": [\x00]}', "is no JSON"),
    "deep": (b'{"cells": ' + b"[" * 200_000, "nested too deeply"),
    "huge": (b" " * (8 * 2**20 + 1), "larger than 8 MiB"),
    "older": (json.dumps({"nbformat": 3, "metadata": {}, "cells": []}).encode(), "notebook format 3"),
    "newer": (json.dumps({"nbformat": 5, "metadata": {}, "cells": []}).encode(), "notebook format 5"),
    "other": (b'{"a": 1}', "is no notebook"),
    "list": (b"[]", "is no notebook"),
    "binary": (bytes(range(256)), "is no JSON"),
    "sourceless": (
        json.dumps({"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}}]}).encode(),
        "cell 1",
    ),
}


def unnamed_kernel(work: dict[str, Any]) -> None:
    work["metadata"] = {}


def doubled_cell_ids(work: dict[str, Any]) -> None:
    for found in work["cells"]:
        found["id"] = "same"


def half_characters(work: dict[str, Any]) -> None:
    work["cells"].append({"cell_type": "code", "id": "h", "metadata": {}, "source": "x = '\ud800\x00'", "outputs": []})
    work["cells"].append({"cell_type": "markdown", "id": "m", "metadata": {}, "source": "\udfff <script>"})
    work["cells"].append({"cell_type": "raw", "id": "r", "metadata": {}, "source": "<script>alert(1)</script>"})


ODD: dict[str, Callable[[dict[str, Any]], None]] = {
    "kernelless": unnamed_kernel,
    "same-ids": doubled_cell_ids,
    "halves": half_characters,
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    course = CourseFolder(tmp_path_factory.mktemp("bad"))
    course.assign("ps1", "small", SMALL)
    released = course.released("ps1", "small")
    good = answered(released, RIGHT)
    for student, (content, _) in BROKEN.items():
        course.submit(student, "ps1", "small", content)
    for student, change in ODD.items():
        work = json.loads(json.dumps(good))
        change(work)
        course.submit(student, "ps1", "small", work)
    beside = course.submit("beside", "ps1", "small", good).parent
    (beside / "small-checkpoint.ipynb").write_text("")
    (beside / "extra.ipynb").write_text("no notebook")
    (beside / ".ipynb_checkpoints").mkdir()
    (beside / ".ipynb_checkpoints/small-checkpoint.ipynb").write_text("")
    (beside / "notes.txt").write_text("mine")
    (beside / "secret.txt").symlink_to("/etc/passwd")
    (beside / "setup").mkdir()
    os.mkfifo(beside / "pipe")
    linked = course.root / "submitted/linked/ps1"
    linked.mkdir(parents=True)
    (linked / "small.ipynb").symlink_to(beside / "small.ipynb")
    whole = course.root / "submitted/whole-link"
    whole.mkdir()
    (whole / "ps1").symlink_to(beside)
    missing = course.root / "submitted/missing/ps1"
    missing.mkdir(parents=True)
    (missing / "timestamp.txt").write_text("no time at all")
    return course


@pytest.fixture(scope="module")
def run(course: CourseFolder) -> Run:
    return course.autograde()


def test_the_rest_is_graded(run: Run) -> None:
    assert run.status == 2
    assert {row["student"]: row["score"] for row in run.lines} == {"beside": 8} | dict.fromkeys(ODD, 8)


@pytest.mark.parametrize("student", BROKEN)
def test_broken_file_is_named(run: Run, student: str) -> None:
    (line,) = [line for line in run.errors.splitlines() if f"/{student}/" in line]
    assert line.startswith("error: ")
    assert "small.ipynb" in line
    assert BROKEN[student][1] in line


@pytest.mark.parametrize("student", ["linked", "whole-link"])
def test_links_are_not_followed(course: CourseFolder, run: Run, student: str) -> None:
    assert any(f"/{student}/" in line and "link" in line for line in run.errors.splitlines())
    assert not (course.root / "autograded" / student / "ps1/small.ipynb").exists()


def test_files_beside_the_notebook(course: CourseFolder, run: Run) -> None:
    folder = course.root / "autograded/beside/ps1"
    assert sorted(path.name for path in folder.rglob("*")) == ["notes.txt", "small.ipynb"]
    assert "extra.ipynb" in run.errors


def test_missing_notebook_comes_to_nothing(course: CourseFolder, run: Run) -> None:
    assert "missing/ps1 has no small.ipynb" in run.errors
    with course.gradebook() as book:
        work = book.find_submission_notebook("small", "ps1", "missing")
        assert (work.score, work.needs_manual_grade) == (0, False)


def test_unread_work_is_not_scored(course: CourseFolder, run: Run) -> None:
    with course.gradebook() as book:
        work = book.find_submission_notebook("small", "ps1", "truncated")
        assert {grade.auto_score for grade in work.grades} == {None}


def test_written_notebooks_are_valid_and_inert(course: CourseFolder, run: Run) -> None:
    import nbformat

    for student in (*ODD, "beside"):
        nbformat.validate(nbformat.read(course.root / f"autograded/{student}/ps1/small.ipynb", as_version=4))
    assert "<script>" not in course.everything("autograded", "halves")
    assert "<script>alert(1)" not in course.everything("feedback", "halves")


ASKED = {
    ("--assignment", "ps2"): "Did you mean 'ps1'?",
    ("--student", "besides"): "Did you mean 'beside'?",
}


@pytest.mark.parametrize("options", ASKED)
def test_unknown_names_are_refused(course: CourseFolder, options: tuple[str, str]) -> None:
    run = course.autograde(*options)
    assert (run.status, run.lines) == (2, [])
    assert ASKED[options] in run.errors


def test_folder_that_is_no_course(tmp_path: Path) -> None:
    course = CourseFolder(tmp_path / "course")
    (course.root / "source").rmdir()
    run = course.autograde()
    assert run.status == 2
    assert "no nbgrader course directory" in run.errors


BEGIN = "BEGIN HIDDEN TESTS"
MASTERS: dict[str, tuple[Any, str]] = {
    "no-json": ("{", "is no JSON"),
    "schema": (notebook(cell("1", "a", schema_version=10)), "cell 1: Schema version is too new"),
    "twice": (
        notebook(answer("a", solved("def a():", "pass")), answer("a", "b = 1")),
        "cell 2: a second cell with the id 'a'",
    ),
    "unclosed": (
        notebook(answer("a", "### BEGIN SOLUTION\n1"), tests("t", "assert a", 1)),
        "RuntimeError",
    ),
    "nested": (
        notebook(answer("a", "a = 1"), tests("t", f"### {BEGIN}\nassert a\n### {BEGIN}", 1), tests("u", "assert a", 1)),
        "nested begin hidden tests",
    ),
    "unopened": (
        notebook(answer("a", "a = 1"), tests("t", "assert a\n### END HIDDEN TESTS", 1), tests("u", "assert a", 1)),
        "Test cell 't', line 2: unbalanced hidden region",
    ),
    "pointless": (notebook({**cell("1", "a"), "metadata": {"nbgrader": {"schema_version": 3}}}), "cell 1"),
}


def test_broken_masters_are_named_and_the_rest_is_graded(tmp_path: Path) -> None:
    course = CourseFolder(tmp_path)
    for name, (master, _) in MASTERS.items():
        course.assign(name, "broken", master)
        course.submit("ada", name, "broken", SMALL)
    course.assign("ps1", "small", SMALL)
    course.submit("ada", "ps1", "small", answered(course.released("ps1", "small"), RIGHT))
    run = course.autograde()
    assert run.status == 2
    assert [(row["assignment"], row["score"]) for row in run.lines] == [("ps1", 8)]
    lines = run.errors.splitlines()
    for name, (_, words) in MASTERS.items():
        (line,) = [line for line in lines if line.startswith("error:") and f"source/{name}/" in line]
        assert words in line


def test_names_that_are_no_text_are_named_and_the_rest_is_graded(tmp_path: Path) -> None:
    course = CourseFolder(tmp_path / "course")
    course.assign("ps1", "small", SMALL)
    work = answered(course.released("ps1", "small"), RIGHT)
    course.submit("ada", "ps1", "small", work)
    course.submit("caf\udce9", "ps1", "small", work)
    (course.root / "submitted" / "ada" / "ps1" / "data\udce9.csv").write_text("1")
    run = course.autograde()
    assert run.status == 2
    assert [line["student"] for line in run.lines] == ["ada"]
    assert r"caf\udce9/ps1 was not graded: the student's name is no UTF-8." in run.errors
    assert r"data\udce9.csv was left aside: its name is no UTF-8." in run.errors
