"""Whole notebooks of a course are judged against their master, the same code once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from course_folders import RIGHT, SMALL, cell, notebook

from nbcoach_exercises.model import DataFile
from nbcoach_exercises.wire import CellSource
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import Begun, Outcome, Plan, nothing
from nbcoach_grader.nbgrader_course.marking import Marking
from nbcoach_grader.nbgrader_course.masters import Master, read_loose
from nbcoach_grader.nbgrader_course.results import GradedNotebook
from nbcoach_grader.nbgrader_course.work import Work

REFERENCE = "\0reference"
EXITS = "import os\nos._exit(0)"


class Counted:
    """An engine that remembers whose notebooks it has run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.learners: list[str] = []

    async def run(self, plan: Plan, begun: Begun = nothing) -> Outcome:
        self.learners.append(plan.learner)
        return await self._engine.run(plan, begun)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Master:
    path = tmp_path_factory.mktemp("loose") / "small.ipynb"
    path.write_text(json.dumps(SMALL))
    return read_loose(path)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def engine(runner: asyncio.Runner) -> Iterator[Engine]:
    engine = Engine()
    runner.run(engine.start())
    yield engine
    runner.run(engine.stop())


def work(**answers: str) -> Work:
    cells = tuple(CellSource(id=name, grade_id=name, source=source) for name, source in (RIGHT | answers).items())
    return Work(cells=cells, texts={}, added={}, repairs=())


@pytest.fixture
def graded(runner: asyncio.Runner, engine: Engine, master: Master) -> Any:
    """Grade works at once; return what they came to, and for whom something ran."""

    def go(*works: Work, files: tuple[tuple[DataFile, ...], ...] = ()) -> tuple[list[GradedNotebook], list[str]]:
        counted = Counted(engine)

        async def story() -> list[GradedNotebook]:
            marking = Marking(counted)
            own = files or ((),) * len(works)
            tasks = [marking.grade(f"l{n}", master, some, own[n]) for n, some in enumerate(works)]
            return list(await asyncio.gather(*tasks))

        found = runner.run(story())
        return found, [name for name in counted.learners if name != REFERENCE]

    return go


def test_the_same_code_is_judged_once(graded: Any) -> None:
    found, ran = graded(work(), work(squares="def squares(n):\n    return []"), work(), work())
    assert [book.score for book in found] == [8, 4, 8, 8]
    assert [book.student for book in found] == ["l0", "l1", "l2", "l3"]
    assert sorted(ran) == ["l0", "l1"]


@pytest.mark.parametrize("change", ["# mine", " ", "\n"])
def test_any_difference_is_one(graded: Any, change: str) -> None:
    assert len(graded(work(), work(double=RIGHT["double"] + change))[1]) == 2


def test_files_of_one_s_own_are_a_difference(graded: Any) -> None:
    own = (DataFile("data.txt", b"mine"),)
    assert len(graded(work(), work(), files=((), own))[1]) == 2


def test_what_may_be_chance_is_judged_for_each(graded: Any) -> None:
    found, ran = graded(work(double=EXITS), work(double=EXITS))
    assert [book.score for book in found] == [4, 4]
    assert len(set(ran)) == 2


def test_a_cell_that_was_ended_is_run_for_each_whatever_the_tests_came_to(graded: Any) -> None:
    ended = replace(work(), cells=(*work().cells, CellSource(id="last", grade_id=None, source=EXITS)))
    found, ran = graded(ended, ended)
    assert [book.score for book in found] == [8, 8]
    assert len(set(ran)) == 2


@pytest.mark.parametrize(("added", "score", "notes"), [({"": (("Because.", None),)}, None, 1), ({}, 0, 0)])
def test_a_text_that_lost_its_id_is_for_a_person_to_see(
    runner: asyncio.Runner, engine: Engine, tmp_path: Path, added: Any, score: float | None, notes: int
) -> None:
    path = tmp_path / "small.ipynb"
    path.write_text(
        json.dumps(notebook(*SMALL["cells"], cell("Why?", "why", kind="markdown", points=3, solution=True)))
    )
    found = runner.run(Marking(engine).grade("ada", read_loose(path), replace(work(), added=added)))
    assert [c.score for c in found.cells if c.id == "why"] == [score]
    assert ("why" in found.unanswered) == (score == 0)
    assert sum("'why' was missing" in repair for repair in found.repairs) == notes
