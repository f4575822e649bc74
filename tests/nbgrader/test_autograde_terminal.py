"""`nbcoach autograde` among others: a second run, a reader that leaves, a narrow terminal, a locked gradebook."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import sqlite3
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from course_folders import RIGHT, SMALL, CourseFolder, answered, complaints

STUDENTS = [f"s{number}" for number in range(6)]


@pytest.fixture
def course(tmp_path: Path) -> CourseFolder:
    course = CourseFolder(tmp_path / "course")
    course.assign("ps1", "small", SMALL)
    for student in STUDENTS:
        course.submit(student, "ps1", "small", answered(course.released("ps1", "small"), RIGHT))
    return course


def recorded(course: CourseFolder) -> list[str]:
    with course.gradebook() as book:
        return sorted(work.student.id for work in book.assignment_submissions("ps1") if work.score == 8)


def test_two_runs_at_once_take_turns(course: CourseFolder) -> None:
    runs = [subprocess.Popen(course.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"]
    told = [run.communicate(timeout=110) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    assert [len(out.splitlines()) for out, _ in told] == [len(STUDENTS)] * 2
    assert sorted("Another run is grading this course" in err for _, err in told) == [False, True]
    assert recorded(course) == STUDENTS


def test_a_reader_that_leaves_stops_nothing(course: CourseFolder) -> None:
    with subprocess.Popen(course.command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        assert json.loads(run.stdout.readline())["score"] == 8
        run.stdout.close()
        assert complaints(run.stderr.read()) == []
        assert run.wait(timeout=110) == 0
    assert recorded(course) == STUDENTS


def test_lines_and_bar_fit_a_narrow_terminal(course: CourseFolder) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 40, 0, 0))
    command = [part for part in course.command() if part != "--json"]
    unsaid = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=unsaid) as run:
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):  # the other side has closed
            while part := os.read(ours, 4096):
                said += part
        assert run.wait(timeout=110) == 0
    os.close(ours)
    lines = said.decode().replace("\x1b[K", "").replace("\x1b[?25l", "").replace("\x1b[?25h", "")
    shown = [line for part in lines.split("\n") for line in part.split("\r") if line]
    assert [line for line in shown if line.startswith("s")] == [f"{name} ps1/small: 8 of 8" for name in STUDENTS]
    assert "Grading" in said.decode()
    assert [line for line in complaints("\n".join(shown)) if len(line) > 40] == []


def test_names_from_learners_cannot_steer_a_terminal(course: CourseFolder) -> None:
    course.submit("\x1b[31mred", "ps1", "small", b"{")
    run = course.autograde("--student", "\x1b[31mred")
    assert run.status == 2
    assert "\x1b" not in run.errors
    assert r"\x1b[31mred/ps1/small.ipynb is no JSON" in run.errors


def test_a_gradebook_in_use_is_named_and_a_later_run_completes(course: CourseFolder) -> None:
    assert course.autograde("--student", "s0").status == 0
    path = course.root / "gradebook.db"
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write(f"c.CourseDirectory.db_url = 'sqlite:///{path}?timeout=0.1'\n")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        run = course.autograde()
    assert (run.status, run.lines) == (3, [])
    assert "database is locked. Another program is using it" in run.errors
    assert "SQL" not in run.errors
    assert "sqlalche" not in run.errors
    assert course.autograde().status == 0
    assert recorded(course) == STUDENTS
