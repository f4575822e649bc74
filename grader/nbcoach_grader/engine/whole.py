"""A whole notebook that nobody asks about again: judged in one sweep, and stop by stop where that does not do."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from nbcoach_exercises.verdicts import Verdict

from ..sandbox.abc import Sandbox
from .decisions import Decision, Decisions, Part, merged
from .judges import Judges
from .plan import Outcome, Plan, Stop
from .prefixes import Prefix
from .side import Side, deadline_of
from .snapshots import Line
from .standing import Standing
from .sweep import Sweep, SweepLost, Swept

log = logging.getLogger(__name__)


class Whole:
    """A notebook, and what it is judged with.

    Args:
        plan: the notebook.
        prefix: what its lines are forked from.
        sandbox: where they run.
        judges: where judges come from.
        seconds: the longest time for one stop.

    """

    def __init__(self, plan: Plan, prefix: Prefix, sandbox: Sandbox, judges: Judges, seconds: float) -> None:
        self._plan = plan
        self._prefix = prefix
        self._sandbox = sandbox
        self._judges = judges
        self._seconds = seconds

    async def judge(self) -> Outcome:
        """Judge it.

        A sweep decides most; what is doubtful then is judged stop by stop, and so is all of it where a test needs the
        learner's own process, or costs are asked for.

        Raises:
            EngineFailed: the grader itself failed.

        """
        start = time.monotonic()
        plan = self._plan
        swept = None if plan.shared or plan.costs else await self._sweep()
        visible: dict[str, Decision] = dict(swept.visible) if swept else {}
        hidden: dict[str, Decision] = dict(swept.hidden) if swept else {}
        cells = swept.standing.cells if swept else ()
        left = tuple(stop for stop in plan.stops if swept is None or stop.after in swept.doubtful)
        if left or swept is None:
            again = replace(plan, stops=left, cells=plan.cells[: left[-1].after]) if swept else plan
            standing, told, everything = await self._stop_by_stop(again)
            visible |= told
            hidden |= everything
            cells = cells or standing.cells
        tests = merged(plan, visible, hidden)
        return Outcome(cells=cells, tests=tests, seconds=time.monotonic() - start, reused=len(self._prefix.reports))

    async def _sweep(self) -> Swept | None:
        line = Line(self._prefix, self._sandbox, single=True)
        deadline = deadline_of(self._plan, self._seconds)
        try:
            return await Sweep(self._plan, line, self._judges, deadline, self._seconds).decide()
        except SweepLost:
            log.info("A judge was lost; the work is judged again")
            return None
        finally:
            await line.discard()

    async def _stop_by_stop(self, plan: Plan) -> tuple[Standing, Decisions, Decisions]:
        """Return where the cells stand, and what was decided for learners to see and in all.

        One line meets all checks. Where a visible one fails, a second line that has met no hidden check says why.
        """
        standing, everything = await self._side(plan, Part.ALL)
        unclear = tuple(stop for stop in plan.stops if not _visible_passed(stop, everything))
        if not unclear or not plan.has_hidden:
            return standing, everything, everything
        again = replace(plan, stops=unclear, cells=plan.cells[: unclear[-1].after])
        return standing, {**everything, **(await self._side(again, Part.VISIBLE))[1]}, everything

    async def _side(self, plan: Plan, part: Part) -> tuple[Standing, Decisions]:
        line = Line(self._prefix, self._sandbox)
        deadline = deadline_of(plan, self._seconds)
        try:
            standing, found = await Side(plan, line, self._judges, deadline, (part,), self._seconds).decide()
            return standing, found[part]
        finally:
            await line.discard()


def _visible_passed(stop: Stop, found: Decisions) -> bool:
    passed = {
        name for decision in found.values() for name, told in decision.checks.items() if told[0] is Verdict.PASSED
    }
    return all(check.hidden or check.id in passed for test in stop.tests for check in test.checks)
