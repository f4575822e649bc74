"""A sweep: all stops of a notebook that nobody asks about again, judged with as few processes as can be.

Theory of operation. All cells run first, and what they print is taken. Then every stop gets a
subject that stands there, and one judge decides on the visible checks of all of them, with what it has to
say. Only then, on the same lines, it decides on the hidden checks: whatever learner code keeps of
hidden arguments comes too late for anything that is shown. Where the judge is lost on the way, nothing
is decided, and the work is judged again with more care (`side`).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence

from nbcoach_exercises.verdicts import Verdict

from .decisions import Decision, Decisions, decisions, lost, orders, out_of_memory
from .judges import Judges
from .plan import Mode, Plan, Stop
from .process import OrderRefused, Process, ProcessGone, ProcessLate
from .side import JUDGE_SECONDS, SLACK_SECONDS, Checks
from .snapshots import Line, Standing


class SweepLost(Exception):
    """A judge was lost; nothing is known about the work."""


class Sweep:
    """All stops of one notebook.

    Args:
        plan: the notebook, without tests that need the learner's own process.
        line: a line for this notebook alone, to be discarded afterwards.
        judges: where judges come from.
        deadline: when, on the monotonic clock, all must be decided.
        seconds: the longest time for one stop.

    """

    def __init__(self, plan: Plan, line: Line, judges: Judges, deadline: float, seconds: float) -> None:
        self._plan = plan
        self._line = line
        self._judges = judges
        self._deadline = deadline
        self._seconds = seconds
        self._served: list[Process] = []
        self._lines: list[socket.socket] = []

    async def decide(self) -> tuple[Standing, Decisions, Decisions]:
        """Return where the cells stand, and what was decided on visible and on hidden checks.

        Raises:
            SweepLost: a judge was lost.
            EngineFailed: the grader itself failed.

        """
        taking = {
            locked: asyncio.ensure_future(self._judges.take(self._plan, whole))
            for locked, whole in _by_locked(self._plan.stops).items()
        }
        visible: dict[str, Decision] = {}
        hidden: dict[str, Decision] = {}
        try:
            async with self._line.watched(self._plan):
                standing = await self._line.advance(self._plan, self._deadline - JUDGE_SECONDS)
                there = []
                for stop in self._plan.stops:
                    shown = orders(self._plan, stop, Mode.ISOLATED, hidden=False)
                    if await self._begin(stop, standing, await taking[stop.locked]):
                        there.append(stop)
                        visible |= await self._order(await taking[stop.locked], stop, shown)
                    else:
                        late = stop.after > standing.reached
                        verdict = Verdict.TIMEOUT if late else Verdict.CRASHED
                        visible |= lost(shown, verdict)
                        hidden |= lost(_hidden(self._plan, stop), verdict)
                for stop in there:
                    hidden |= await self._order(await taking[stop.locked], stop, _hidden(self._plan, stop))
                return standing, visible, hidden
        except (ProcessGone, ProcessLate, OrderRefused) as err:
            raise SweepLost from err
        finally:
            for taken in await asyncio.gather(*taking.values(), return_exceptions=True):
                if isinstance(taken, Process):
                    taken.close()
            for line in self._lines:
                line.close()
            for process in self._served:  # the line is ended next, with whoever would stay
                process.close()

    async def _begin(self, stop: Stop, standing: Standing, judge: Process) -> bool:
        """Give a judge a line to a subject that stands at a stop; False where there is none."""
        if stop.after > standing.reached:
            return False
        ours, theirs = socket.socketpair()
        self._lines.append(ours)
        with theirs:  # only the subject may hold its end, so that its death is seen
            serve = (theirs.fileno(), max(self._deadline - time.monotonic(), SLACK_SECONDS))
            deadline = self._deadline - JUDGE_SECONDS
            served = await self._line.stand_in(self._plan, stop.after, deadline, last=True, serve=serve)
        if served is None:
            return False
        self._served.append(served)
        await judge.order("seat", [ours.fileno()], stop=stop.after, answers=sorted(self._plan.answers))
        return True

    async def _order(self, judge: Process, stop: Stop, checks: Checks) -> Decisions:
        """Let a judge decide on checks at a stop where it has a line."""
        total = min(self._deadline - time.monotonic() - 2 * SLACK_SECONDS, self._seconds)
        if not checks:
            return {}
        if total <= 0:
            return lost(checks, Verdict.TIMEOUT)
        limit = self._plan.limits.seconds
        wait = total + SLACK_SECONDS
        answer = await judge.order("decide", stop=stop.after, cells=checks, limit=limit, total=total, wait=wait)
        decided = decisions(answer["cells"], checks)
        return out_of_memory(decided) if await self._line.out_of_memory() else decided


def _by_locked(stops: Sequence[Stop]) -> dict[tuple[str, ...], Stop]:
    """Return one stop with all tests for each state of the author's own cells, as one judge can decide on them."""
    found: dict[tuple[str, ...], Stop] = {}
    for stop in stops:
        other = found.get(stop.locked)
        tests = (*(other.tests if other else ()), *stop.tests)
        found[stop.locked] = Stop(after=0, locked=stop.locked, tests=tests)
    return found


def _hidden(plan: Plan, stop: Stop) -> Checks:
    """Return the orders for the hidden checks alone of a stop, and of what comes before them."""
    found = []
    for cell in orders(plan, stop, Mode.ISOLATED, hidden=True):
        checks = [check for check in cell["checks"] if check["hidden"]]
        if checks:
            found.append({**cell, "checks": checks})
    while found and not found[-1]["judged"]:
        del found[-1]
    return found
