"""A sweep: all stops of a notebook that nobody asks about again, judged with as few processes as can be.

Theory of operation. All cells run first, in one process where that can be, and what they print is taken. Stops
that the cells between them cannot touch (`groups`) share one subject, which one judge asks. It decides on the
visible checks of all stops, with what it has to say, and only then, on the same lines, on the hidden ones: whatever
learner code keeps of hidden arguments comes too late for anything that is shown.

What passes beside a shared subject has passed, as it would in the one kernel of nbgrader. What does not pass there
may be an earlier test's doing: unless nothing can have been left behind (`steadiness`), it is `doubtful`, and judged
again with more care (`side`). So is everything where the judge is lost on the way, what stands before a cell that
changes files, and what crashed while other subjects were there, as the end of the line's first process is theirs too.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbcoach_exercises.verdicts import Verdict

from .decisions import Decision, Part, crashed, decisions, lost, orders, out_of_memory, passed
from .groups import Group, groups
from .judges import Judges
from .plan import Mode, Plan, Stop
from .process import OrderRefused, Process, ProcessGone, ProcessLate
from .side import JUDGE_SECONDS, SLACK_SECONDS
from .snapshots import Line
from .standing import Standing


class SweepLost(Exception):
    """A judge was lost; nothing is known about the work."""


@dataclass
class Swept:
    """What a sweep came to: decisions on visible and on hidden checks, and after how many cells they are doubtful."""

    standing: Standing
    visible: dict[str, Decision] = field(default_factory=dict)
    hidden: dict[str, Decision] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _Bench:
    """Stops that one judge decides on beside one subject, which stands after some cells.

    `last` says that nothing else needs a process there.
    """

    after: int
    stops: tuple[Stop, ...]
    last: bool


@dataclass(eq=False)
class _Seat:
    """A bench with its judge, its subject, and the line between them, which comes with what is asked first."""

    bench: _Bench
    judge: Process
    subject: Process
    line: socket.socket
    taken: bool = False


class Sweep:
    """All stops of one notebook.

    Args:
        plan: the notebook, without tests that need the learner's own process.
        line: a line for one pass, to be discarded afterwards.
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
        self._benches = list(_benches(groups(plan)))
        self._kept = frozenset(bench.after for bench in self._benches)
        self._seats: list[_Seat] = []

    async def decide(self) -> Swept:
        """Run the cells, and judge.

        Raises:
            SweepLost: a judge was lost.
            EngineFailed: the grader itself failed.

        """
        wholes = _by_locked(self._plan.stops)
        taking = {
            locked: asyncio.ensure_future(self._judges.take(self._plan, whole)) for locked, whole in wholes.items()
        }
        done = False
        try:
            async with self._line.watched(self._plan):
                standing = await self._line.advance(self._plan, self._deadline - JUDGE_SECONDS, self._kept)
                swept = Swept(standing)
                for bench in self._benches:
                    if standing.overwrites(bench.after) != standing.overwrites(standing.reached):
                        swept.doubtful |= {stop.after for stop in bench.stops}  # all share one folder here
                        continue
                    await self._begin(bench, swept, await taking[bench.stops[0].locked])
                together = [(Part.VISIBLE, Part.HIDDEN)] if len(self._seats) == 1 else [(Part.VISIBLE,), (Part.HIDDEN,)]
                for parts in together:
                    for seat in self._seats:
                        await self._ask(seat, swept, parts)
                done = True
                return swept
        except (ProcessGone, ProcessLate, OrderRefused) as err:
            raise SweepLost from err
        finally:
            results = await asyncio.gather(*taking.values(), return_exceptions=True)
            for whole, taken in zip(wholes.values(), results, strict=True):
                if isinstance(taken, Process) and done:
                    self._judges.give_back(self._plan, whole, taken)
                elif isinstance(taken, Process):  # it may be in the middle of something
                    taken.close()
            for seat in self._seats:
                with contextlib.suppress(OSError):
                    seat.line.shutdown(socket.SHUT_RDWR)  # a judge holds on to its end until it is asked again
                seat.line.close()
                seat.subject.close()  # the notebook's line is ended next, with whoever would stay

    async def _begin(self, bench: _Bench, swept: Swept, judge: Process) -> None:
        """Let a subject serve a judge, if there is one."""
        if bench.after > swept.standing.reached:
            for stop in bench.stops:
                swept.visible |= lost(orders(self._plan, stop, Mode.ISOLATED, Part.VISIBLE), Verdict.TIMEOUT)
                swept.hidden |= lost(orders(self._plan, stop, Mode.ISOLATED, Part.HIDDEN), Verdict.TIMEOUT)
            return
        ours, theirs = socket.socketpair()
        served = None
        try:
            with theirs:  # only the subject may hold its end, so that its death is seen
                serve = (theirs.fileno(), max(self._deadline - time.monotonic(), SLACK_SECONDS))
                deadline = self._deadline - JUDGE_SECONDS
                served = await self._line.stand_in(
                    self._plan, bench.after, deadline, last=bench.last, kept=self._kept, serve=serve
                )
        finally:
            if served is None:
                ours.close()
        if served is None:
            swept.doubtful |= {stop.after for stop in bench.stops}
        else:
            self._seats.append(_Seat(bench, judge, served, ours))

    async def _ask(self, seat: _Seat, swept: Swept, parts: Sequence[Part]) -> None:
        """Let a judge decide on some parts, which it leaves to be asked for again once something is doubtful."""
        left = list(parts)
        while left:
            asked = [(part, self._orders(seat.bench, part, swept.doubtful)) for part in left]
            asked = [(part, orders_of_part) for part, orders_of_part in asked if orders_of_part]
            if not asked:
                return
            answer = await seat.judge.order(
                "decide",
                [] if seat.taken else [seat.line.fileno()],
                first=None if seat.taken else self._first(seat),
                parts=[[{"stop": stop.after, "cells": checks} for stop, checks in told] for _, told in asked],
                limit=self._plan.limits.seconds,
                total=self._seconds,
                until=self._deadline - 2 * SLACK_SECONDS,
                wait=max(self._deadline - time.monotonic(), 0.0),
            )
            seat.taken = True
            for (part, told), found in zip(asked, answer["parts"], strict=False):
                await self._note(seat.bench, part, told, found, swept)
                left = left[left.index(part) + 1 :]

    def _orders(self, bench: _Bench, part: Part, doubtful: Collection[int]) -> list[tuple[Stop, list[dict[str, Any]]]]:
        """Return what is to be decided at those stops that are not doubtful yet."""
        stops = [stop for stop in bench.stops if stop.after not in doubtful]
        found = [(stop, orders(self._plan, stop, Mode.ISOLATED, part)) for stop in stops]
        return [(stop, checks) for stop, checks in found if checks]

    async def _note(
        self,
        bench: _Bench,
        part: Part,
        asked: Sequence[tuple[Stop, list[dict[str, Any]]]],
        answer: Mapping[str, Any],
        swept: Swept,
    ) -> None:
        """Take down what was decided, and what of it is doubtful."""
        pairs = zip(asked, answer["stops"], strict=True)
        found = [(stop, decisions(cells, checks)) for (stop, checks), cells in pairs]
        short_of_memory = any(crashed(decided) for _, decided in found) and await self._line.out_of_memory()
        for stop, decided in found:
            unmet = stop is bench.stops[0] and not (part is Part.HIDDEN and len(bench.stops) > 1)
            others_doing = crashed(decided) and len(self._benches) > 1
            if others_doing or not (unmet or answer["steady"] or passed(decided)):
                swept.doubtful.add(stop.after)
            told = out_of_memory(decided) if short_of_memory else decided
            (swept.hidden if part is Part.HIDDEN else swept.visible).update(told)

    def _first(self, seat: _Seat) -> dict[str, Any]:
        """Return what a judge has to know of a line that it has not seen yet."""
        return {
            "stops": [stop.after for stop in seat.bench.stops],
            "answers": sorted(self._plan.answers),
            "anew": not any(other.taken and other.judge is seat.judge for other in self._seats),
        }


def _benches(found: Sequence[Group]) -> Iterator[_Bench]:
    """Yield benches in order: stops of one group with the same of the author's own cells before them."""
    for after, stops in found:
        together: dict[tuple[str, ...], list[Stop]] = {}
        for stop in stops:
            together.setdefault(stop.locked, []).append(stop)
        *others, last = together.values()
        yield from (_Bench(after, tuple(some), last=False) for some in others)
        yield _Bench(after, tuple(last), last=True)


def _by_locked(stops: Sequence[Stop]) -> dict[tuple[str, ...], Stop]:
    """Return one stop with all tests for each state of the author's own cells, as one judge can decide on them."""
    found: dict[tuple[str, ...], Stop] = {}
    for stop in stops:
        other = found.get(stop.locked)
        tests = (*(other.tests if other else ()), *stop.tests)
        found[stop.locked] = Stop(after=0, locked=stop.locked, tests=tests)
    return found
