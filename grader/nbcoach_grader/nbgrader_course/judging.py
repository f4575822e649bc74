"""Judging: a learner's notebook against its master, with manual cells told apart."""

from __future__ import annotations

import time
from collections.abc import Iterable

from nbcoach_exercises.catalogue import test_cells
from nbcoach_exercises.format import Role, grade_id_of, points_of, role_of
from nbcoach_exercises.model import Limits, Question
from nbcoach_exercises.verdicts import Verdict

from ..engine.engine import Engine
from ..engine.namespace import bound_names
from ..engine.plan import CellReport, Plan
from ..feedback import judgement
from ..rebuild import rebuild
from .masters import Master
from .results import MANUAL, GradedCell, GradedNotebook
from .work import Work


class Judging:
    """Judge whole notebooks.

    Args:
        engine: what runs and judges.

    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def grade(self, student: str, master: Master, work: Work) -> GradedNotebook:
        """Judge a learner's notebook.

        Raises:
            GraderFailed: the grader broke; nothing is known about the work.

        """
        start = time.monotonic()
        tests = test_cells(master.notebook)
        cells: list[GradedCell] = []
        code = [c for c in master.notebook.cells if c.cell_type == "code"]
        repairs: dict[str, None] = {}
        reports: dict[str, CellReport] = {}
        sources: tuple[tuple[str, str], ...] = ()
        answers = tuple(n for c in code if role_of(c) is Role.ANSWER and (n := grade_id_of(c)))
        for name, test in tests.items():
            q = Question(answers=answers, tests=(name,), points=test.points)
            rebuilt = rebuild(master.notebook, master.released, q, work.cells)
            repairs |= dict.fromkeys(rebuilt.repairs)
            plan = Plan(
                learner=student,
                exercise=f"{master.assignment}/{master.name}",
                version="1",
                imports=("numpy", "pandas"),
                cells=rebuilt.cells,
                locked=rebuilt.locked,
                sources=tuple(c.source for c in code if role_of(c) is not Role.TESTS),
                answers=frozenset().union(
                    *(bound_names(c.source) for c in code if role_of(c) in (Role.ANSWER, Role.MANUAL_ANSWER))
                ),
                tests=(test,),
                limits=Limits(),
                files=master.files,
            )
            outcome = await self._engine.run(plan)
            judged = judgement(Question(answers=(), tests=(name,), points=test.points), [test], outcome)
            reports |= {r.id: r for r in outcome.cells}
            if len(rebuilt.cells) > len(sources):
                sources = tuple((c.id, c.source) for c in rebuilt.cells)
            score = None if judged.verdict is Verdict.GRADER_FAILED else judged.points
            cells.append(
                GradedCell(
                    id=name,
                    score=score,
                    max_score=test.points,
                    verdict=judged.verdict,
                    mode="isolated",
                    checks=judged.checks,
                )
            )
        given = {n: c.source for c in master.released.cells if (n := grade_id_of(c))}
        texts = {name: source for name, (source, _) in work.texts.items()} | dict(sources)
        unanswered = frozenset(
            n
            for c in master.released.cells
            if role_of(c) in (Role.ANSWER, Role.MANUAL_ANSWER)
            and (n := grade_id_of(c))
            and texts.get(n, c.source) == c.source
        )
        return GradedNotebook(
            student=student,
            assignment=master.assignment,
            notebook=master.name,
            cells=(*cells, *_manual(master, unanswered)),
            repairs=tuple(repairs),
            seconds=time.monotonic() - start,
            reports=reports,
            sources=sources,
            work=work,
            unanswered=unanswered,
        )


def _manual(master: Master, unanswered: frozenset[str]) -> Iterable[GradedCell]:
    """Return the cells that a person grades; what nobody answered comes to nothing, as with nbgrader."""
    for cell in master.released.cells:
        name, role = grade_id_of(cell), role_of(cell)
        if name is not None and role in (Role.MANUAL_ANSWER, Role.MANUAL_TASK):
            empty = role is Role.MANUAL_ANSWER and name in unanswered
            yield GradedCell(
                id=name,
                score=0.0 if empty else None,
                max_score=points_of(cell),
                verdict=Verdict.NOT_ATTEMPTED if empty else MANUAL,
                mode=MANUAL,
            )
