"""A side of a request: one line of snapshots brought up to date, and judged at each stop on some of the checks."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from typing import Any

from nbcoach_exercises.verdicts import Verdict

from ..errors import EngineFailed
from .decisions import Decision, Decisions, Part, claims, crashed, decisions, lost, orders, out_of_hand, out_of_memory
from .judges import Judges
from .plan import Mode, Plan, Stop
from .process import OrderRefused, Process, ProcessGone, ProcessLate
from .snapshots import Line
from .standing import NoTime, Standing

_EXTRA_SECONDS = 4.0
JUDGE_SECONDS = 2.0
"""What is left for judging when the last cell must have ended."""

SLACK_SECONDS = 1.0
"""What a process gets beyond its time before it counts as late."""

Checks = list[dict[str, Any]]

Decided = dict[Part, Decisions]
"""What was decided, part by part."""


def deadline_of(plan: Plan, seconds: float) -> float:
    """Return when, on the monotonic clock, all of a plan must be decided that has some seconds for each stop."""
    return time.monotonic() + max(seconds, plan.limits.seconds + _EXTRA_SECONDS) * max(1, len(plan.stops))


class Side:
    """One line, judged for one request.

    Args:
        plan: the notebook and its stops.
        line: the learner's snapshots.
        judges: where judges come from.
        deadline: when, on the monotonic clock, all must be decided.
        parts: the checks to judge, part after part beside the same process.
        seconds: the longest time for one stop.

    """

    def __init__(
        self, plan: Plan, line: Line, judges: Judges, deadline: float, parts: Sequence[Part], seconds: float
    ) -> None:
        self._plan = plan
        self._line = line
        self._judges = judges
        self._deadline = deadline
        self._parts = parts
        self._seconds = seconds
        self._kept = frozenset(stop.after for stop in plan.stops) if plan.once else None

    async def decide(self) -> tuple[Standing, Decided]:
        """Run what changed, and judge at each stop; tests in the learner's own process are judged on the last part.

        Raises:
            EngineFailed: the grader itself failed.

        """
        isolated = {stop.after: self._orders(stop, Mode.ISOLATED) for stop in self._plan.stops}
        shared = {stop.after: self._orders(stop, Mode.SHARED) for stop in self._plan.stops}
        judging = {
            stop.after: asyncio.ensure_future(self._judges.take(self._plan, stop))
            for stop in self._plan.stops
            if isolated[stop.after]
        }
        found: dict[Part, dict[str, Decision]] = {part: {} for part in self._parts}
        try:
            async with self._line.watched(self._plan):
                standing = await self._line.advance(self._plan, self._deadline - JUDGE_SECONDS, self._kept)
                for stop in self._plan.stops:
                    await self._line.settle()
                    asked, in_process = isolated[stop.after], shared[stop.after]
                    if stop.after > standing.reached:
                        told = [_lost(asked, Verdict.TIMEOUT), _lost(in_process, Verdict.TIMEOUT)]
                    else:
                        judge = judging.pop(stop.after, None)
                        told = [await self._judge(stop, await judge, asked, last=not in_process)] if judge else []
                        told += [{part: await self._share(stop, checks)} for part, checks in in_process.items()]
                    for decided in told:
                        for part, decisions_of_part in decided.items():
                            found[part] |= decisions_of_part
                if any(map(out_of_hand, found.values())):  # what may go on is ended before anybody hears of it
                    await self._line.settle()
                return standing, dict(found)
        finally:  # never cancelled either: its process would be lost and stay open
            for taken in await asyncio.gather(*judging.values(), return_exceptions=True):
                if isinstance(taken, Process):
                    taken.close()

    def _orders(self, stop: Stop, mode: Mode) -> dict[Part, Checks]:
        found = {part: orders(self._plan, stop, mode, part) for part in self._parts}
        return {part: checks for part, checks in found.items() if checks}

    def _left(self) -> float:
        """Return the seconds that a stop may take, with one to spare for a judge that hangs in a call of C."""
        return min(self._deadline - time.monotonic() - 2 * SLACK_SECONDS, self._seconds)

    async def _judge(self, stop: Stop, judge: Process, asked: dict[Part, Checks], *, last: bool) -> Decided:
        """Let a judge decide on the process at a stop."""
        total = self._left()
        if total <= 0:
            judge.close()
            return _lost(asked, Verdict.TIMEOUT)
        ours, theirs = socket.socketpair()
        with theirs:  # only the subject may hold its end, so that its death is seen
            serve = (theirs.fileno(), total + SLACK_SECONDS)
            served = await self._stand_in(stop, last=last, serve=serve)
        if isinstance(served, Verdict):
            ours.close()
            judge.close()
            return _lost(asked, served)
        try:
            answer = await judge.order(
                "judge",
                [ours.fileno()],
                wait=total + SLACK_SECONDS,
                parts=list(asked.values()),
                answers=sorted(self._plan.answers),
                limit=self._plan.limits.seconds,
                total=total,
            )
            told = zip(asked.items(), answer["parts"], strict=True)
            decided = {part: decisions(cells, checks) for (part, checks), cells in told}
            if any(map(crashed, decided.values())):
                if await self._line.out_of_memory():
                    return {part: out_of_memory(found) for part, found in decided.items()}
                if await self._line.ended_from_outside():
                    raise EngineFailed("The learner's processes were ended from outside.")
            return decided
        except ProcessLate:
            return _lost(asked, Verdict.TIMEOUT)
        except (ProcessGone, OrderRefused) as err:
            raise EngineFailed("The judge ended before it decided.") from err
        finally:
            ours.close()
            self._judges.give_back(self._plan, stop, judge)
            self._line.release(served)

    async def _share(self, stop: Stop, checks: Checks) -> Decisions:
        """Run tests in the learner's own process, as the reference solution has shown to be needed."""
        total = self._left()
        if total <= 0:
            return lost(checks, Verdict.TIMEOUT)
        process = await self._stand_in(stop, last=True)
        if isinstance(process, Verdict):
            return lost(checks, process)
        try:
            answer = await process.order("share", cells=checks, seconds=self._plan.limits.seconds, wait=total)
            return claims(answer, checks)
        except ProcessLate:
            return lost(checks, Verdict.TIMEOUT)
        except (ProcessGone, OrderRefused):
            return lost(checks, Verdict.CRASHED)
        finally:
            process.dismiss()
            self._line.release(process)

    async def _stand_in(self, stop: Stop, *, last: bool, serve: tuple[int, float] | None = None) -> Process | Verdict:
        """Return a process that stands at a stop, or what is to be said of its tests where none can be had."""
        deadline, kept = self._deadline - JUDGE_SECONDS, self._kept
        try:
            found = await self._line.stand_in(self._plan, stop.after, deadline, last=last, kept=kept, serve=serve)
        except NoTime:
            return Verdict.TIMEOUT
        return found or Verdict.CRASHED


def _lost(asked: dict[Part, Checks], verdict: Verdict) -> Decided:
    return {part: lost(checks, verdict) for part, checks in asked.items()}
