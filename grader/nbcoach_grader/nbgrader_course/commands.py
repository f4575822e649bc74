"""The command `nbcoach autograde`."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbcoach_exercises.errors import NbcoachError

from ..commands.printing import Printing, complain, printable
from ..engine.engine import Engine
from ..errors import GraderFailed
from .preloading import likely

if TYPE_CHECKING:
    from .results import GradedNotebook


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--assignment", help="Grade this assignment only.")
@click.option("--student", help="Grade this student's work only.")
@click.option("--jobs", type=click.IntRange(1, 64), help="How many at a time; by default three for each processor.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each notebook.")
def autograde(directory: Path, assignment: str | None, student: str | None, jobs: int | None, as_json: bool) -> None:
    """Grade the submissions of the nbgrader course DIRECTORY.

    Scores go to its gradebook, graded notebooks to autograded/ and pages for learners to feedback/, so nbgrader's
    own tools go on from there. Whatever is asked for is graded again.

    Exit status: 0 when all was graded, whatever the scores; 2 for bad input, of which the rest was graded; 3 when
    the grader itself failed.
    """
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    jobs = jobs or 3 * (os.cpu_count() or 1)
    engine = Engine(max_running=jobs, max_lines=2 * jobs)
    engine.begin(likely(directory, assignment))
    gc.disable()  # looking for garbage would take a sixth of the time, and there is none
    from .autograde import Summary, plan, run  # nbgrader takes as long to load as the fork server
    from .directory import Directory

    gc.freeze()
    gc.enable()
    summary = Summary()
    try:
        course = Directory(directory)
        task = plan(course, assignment, student, summary)
        with course.alone(_wait), Printing("Grading", len(task.places), as_json=as_json) as printing:

            def report(graded: Sequence[GradedNotebook]) -> None:
                for notebook in graded:
                    printing.say(json.dumps(notebook.line()) if as_json else _text(notebook))
                printing.advance()

            with contextlib.chdir(course.root):  # hooks name files as from there
                asyncio.run(run(course, task, engine, summary, report))
    except GraderFailed as err:
        summary.failed.append(err.message)
    except NbcoachError as err:
        summary.refused.append(err.message)
    finally:
        asyncio.run(engine.stop())
    for warning in summary.warnings:
        complain(f"warning for the author: {warning}")
    for note in summary.notes:
        complain(f"note: {note}")
    for problem in summary.refused:
        complain(f"error: {problem}")
    for failure in summary.failed:
        complain(f"The grader failed: {failure}")
    sys.exit(3 if summary.failed else 2 if summary.refused else 0)


def _wait() -> None:
    complain("Another run is grading this course; this one begins when that has ended.")


def _text(notebook: GradedNotebook) -> str:
    head = f"{notebook.student} {notebook.assignment}/{notebook.notebook}: {notebook.score:g} of {notebook.max_score:g}"
    return printable("\n".join([head, *(f"  note: {repair}" for repair in notebook.repairs)]))
