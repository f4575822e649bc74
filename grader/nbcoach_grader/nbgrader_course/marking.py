"""Marking: a learner's notebook judged against its master, and the cells that a person grades told apart."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator

from nbcoach_exercises.format import Role, grade_id_of, points_of, role_of
from nbcoach_exercises.model import DataFile, Limits
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CellSource

from ..judging import Graded, GradedTest, Judging
from ..material import Material, material_of
from ..runner import Runs
from .masters import Master
from .preloading import preloaded
from .results import MANUAL, GradedCell, GradedNotebook
from .work import Work

_KEPT = 64
"""For how many notebooks it is remembered what the same code came to."""

_BY_CHANCE = frozenset({Verdict.TIMEOUT, Verdict.CRASHED, Verdict.MEMORY, Verdict.GRADER_FAILED})
"""What a busy machine may have a part in."""


class Marking:
    """Judge whole notebooks of a course directory.

    Code that several have handed in to the letter, as is usual for what nobody has touched, is judged once.

    Args:
        runner: what runs notebooks and decides on their tests.
        limits: what learners' code may use.

    """

    def __init__(self, runner: Runs, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
        self._judging = Judging(runner, costs=False)
        self._limits = limits
        self._materials: dict[tuple[str, str], Material] = {}
        self._graded: OrderedDict[object, asyncio.Task[Graded]] = OrderedDict()

    async def grade(
        self, student: str, master: Master, work: Work, own_files: tuple[DataFile, ...] = ()
    ) -> GradedNotebook:
        """Judge a learner's notebook.

        Args:
            student: whose it is.
            master: what it is judged by.
            work: what he wrote.
            own_files: his files that stand in the place of the author's.

        Raises:
            GraderFailed: the grader broke; nothing is known about the work.

        """
        key = master.assignment, master.name
        if key not in self._materials:
            self._materials[key] = material_from(master, self._limits)
        material = self._materials[key]
        graded = await self._judged(student, material, work.cells, own_files)
        sources = tuple((cell.id, cell.source) for cell in graded.rebuilt.cells if cell.id not in material.tests)
        written = {name: text for name, (text, _) in work.texts.items()} | dict(sources)
        starters = master.given.starters.items()
        mislaid = master.given.answers - written.keys() if work.added else frozenset()
        blank = frozenset(name for name, starter in starters if written.get(name, starter) == starter)
        unanswered = blank - mislaid
        tests = {test.id: _scored(test) for test in graded.tests}
        return GradedNotebook(
            student=student,
            assignment=master.assignment,
            notebook=master.name,
            cells=tuple(_in_order(master, tests, unanswered)),
            repairs=(*graded.rebuilt.repairs, *work.repairs, *map(_mislaid, sorted(mislaid))),
            warnings=graded.warnings,
            seconds=graded.seconds,
            reports={report.id: report for report in graded.cells},
            sources=sources,
            work=work,
            unanswered=unanswered,
        )

    async def _judged(
        self, student: str, material: Material, cells: tuple[CellSource, ...], own_files: tuple[DataFile, ...]
    ) -> Graded:
        """Judge cells, or take what the same ones came to, unless chance may have had a part in that."""
        key = material.name, cells, own_files
        found = self._graded.get(key)
        task = found or asyncio.create_task(self._judging.grade(student, material, cells, own_files))
        self._graded[key] = task
        self._graded.move_to_end(key)
        while len(self._graded) > _KEPT:
            self._graded.popitem(last=False)
        try:
            graded = await task
        except BaseException:
            self._graded.pop(key, None)
            raise
        if not _may_be_chance(graded):
            return graded
        self._graded.pop(key, None)
        return graded if found is None else await self._judging.grade(student, material, cells, own_files)


def material_from(master: Master, limits: Limits = Limits()) -> Material:  # noqa: B008 - immutable
    """Return what judging a master needs."""
    return material_of(
        master.notebook,
        master.released,
        name=f"{master.assignment}/{master.name}",
        files=master.files,
        limits=limits,
        imports=preloaded([cell.source for cell in master.notebook.cells if cell.cell_type == "code"]),
    )


def _mislaid(name: str) -> str:
    return f"The text cell {name!r} was missing; whether an added text is the answer is for a person to see."


def _may_be_chance(graded: Graded) -> bool:
    """Tell whether a busy machine may have had a part in what a test came to, or a cell, which others may need."""
    verdicts = {check.verdict for test in graded.tests for check in test.checks}
    return not _BY_CHANCE.isdisjoint(verdicts) or any(cell.state in ("timeout", "crashed") for cell in graded.cells)


def _scored(test: GradedTest) -> GradedCell:
    failed = test.verdict is Verdict.GRADER_FAILED
    return GradedCell(
        id=test.id,
        score=None if failed else test.score,
        max_score=test.max_score,
        verdict=test.verdict,
        mode=test.mode,
        checks=test.checks,
    )


def _in_order(master: Master, tests: dict[str, GradedCell], unanswered: frozenset[str]) -> Iterator[GradedCell]:
    """Yield all cells with points; a manual answer that nobody wrote comes to nothing, as with nbgrader."""
    for cell in master.released.cells:
        name, role = grade_id_of(cell), role_of(cell)
        if name is None:
            continue
        if name in tests:
            yield tests[name]
        elif role in (Role.MANUAL_ANSWER, Role.MANUAL_TASK):
            empty = role is Role.MANUAL_ANSWER and name in unanswered
            yield GradedCell(
                id=name,
                score=0.0 if empty else None,
                max_score=points_of(cell),
                verdict=Verdict.NOT_ATTEMPTED if empty else MANUAL,
                mode=MANUAL,
            )
