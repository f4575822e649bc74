"""The engine: plans in, outcomes out. Owns the zygotes, the lines of snapshots and the judges."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import tempfile
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from traitlets import Float, Integer
from traitlets.config import LoggingConfigurable

from nbcoach_exercises.model import Limits
from nbcoach_exercises.verdicts import Verdict

from ..errors import EngineFailed
from ..sandbox.abc import Box, Sandbox
from ..sandbox.choice import choose
from .plan import CheckReport, Outcome, Plan, TestReport
from .process import Process, ProcessGone, ProcessLate, start_zygote
from .snapshots import Line

log = logging.getLogger(__name__)

_JUDGE_LIMITS = Limits(seconds=60, memory_mb=2048)
_END_SECONDS = 0.25


class Engine(LoggingConfigurable):
    """Run learners' cells and judge them."""

    max_lines = Integer(64, help="Learners' notebooks kept warm at once; the least recently used goes first.").tag(
        config=True
    )
    max_judges = Integer(64, help="Prepared judges kept, one for each question of an exercise version.").tag(
        config=True
    )
    max_running = Integer(help="Checks that run at once; by default twice the number of processors.").tag(config=True)
    max_seconds = Float(15.0, help="Longest time in seconds for judging one question.").tag(config=True)

    def _max_running_default(self) -> int:
        return 2 * (os.cpu_count() or 1)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folder: Path | None = None
        self._sandbox: Sandbox | None = None
        self._zygotes: dict[tuple[str, ...], tuple[Process, asyncio.subprocess.Process]] = {}
        self._lines: OrderedDict[str, Line] = OrderedDict()
        self._judges: OrderedDict[tuple[Any, ...], tuple[Process, Process, Box]] = OrderedDict()
        self._starting = asyncio.Lock()
        self._running = asyncio.Semaphore(self.max_running)

    @property
    def sandbox(self) -> Sandbox:
        """Return the sandbox in use.

        Raises:
            EngineFailed: the engine has not been started.

        """
        if self._sandbox is None:
            raise EngineFailed("The engine is not running.")
        return self._sandbox

    @property
    def running(self) -> bool:
        """Return whether the engine has been started and not stopped."""
        return self._folder is not None

    async def start(self) -> None:
        """Choose a sandbox and make room; idempotent."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="nbcoach-grader-"))
            (self._folder / "home").mkdir()
            self._sandbox = choose(self._folder)
            log.info("Sandbox %s protects: %s", self._sandbox.name, ", ".join(self._sandbox.protects))
            for lack in self._sandbox.lacks:
                log.warning("Sandbox %s: %s", self._sandbox.name, lack)

    async def stop(self) -> None:
        """End every process and remove every file; idempotent."""
        for line in list(self._lines.values()):
            async with line.lock:
                await line.discard()
        self._lines.clear()
        for key in list(self._judges):
            await self._drop_judge(key)
        for zygote, child in self._zygotes.values():
            zygote.close()
            await _end(child)
        self._zygotes.clear()
        folder, self._folder = self._folder, None
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, True)

    def statistics(self) -> dict[str, int]:
        """Return how many warm notebooks, judges and fork servers there are."""
        return {"lines": len(self._lines), "judges": len(self._judges), "zygotes": len(self._zygotes)}

    async def warm(self, imports: tuple[str, ...]) -> None:
        """Start the fork server of a course before its first learner comes."""
        await self._zygote(imports)

    async def run(self, plan: Plan) -> Outcome:
        """Run a learner's notebook up to a question and judge it.

        Raises:
            EngineFailed: the grader itself failed; nothing is known about the work.

        """
        start = time.monotonic()
        async with self._running:
            line = await self._line(plan)
            async with line.lock:
                tip, cells, reused = await line.advance(plan)
                tests = await self._judge(plan, line, tip) if plan.tests else ()
        await self._evict()
        return Outcome(cells=cells, tests=tests, seconds=time.monotonic() - start, reused=reused)

    async def _line(self, plan: Plan) -> Line:
        zygote = await self._zygote(plan.imports)
        line = self._lines.get(plan.line)
        if line is None or line.zygote is not zygote:
            line = self._lines[plan.line] = Line(zygote, self.sandbox)
        self._lines.move_to_end(plan.line)
        return line

    async def _judge(self, plan: Plan, line: Line, tip: Process) -> tuple[TestReport, ...]:
        judge = await (await self._prepared_judge(plan)).fork()
        checks = sum(len(test.checks) for test in plan.tests)
        limit = plan.limits.seconds
        seconds = min(checks * limit + 2.0, max(self.max_seconds, limit + 2.0))
        ours, theirs = socket.socketpair()
        served: Process | None = None
        try:
            with theirs:  # only the subject may hold its end, so that its death is seen
                served = await tip.fork()
                await served.tell("serve", [theirs.fileno()], seconds=seconds)
            orders = [_cell_order(test) for test in plan.tests]
            given = {"cells": orders, "answers": sorted(plan.answers), "sources": list(plan.sources), "limit": limit}
            answer = await self._decision(judge, ours, seconds, **given)
            return _reports(plan, answer)
        except (ProcessGone, ProcessLate) as err:
            await line.discard()
            return _lost(plan, Verdict.TIMEOUT if isinstance(err, ProcessLate) else Verdict.CRASHED)
        finally:
            ours.close()
            judge.close()
            if served is not None:
                if not await served.gone(_END_SECONDS):
                    await line.discard()
                served.close()

    async def _decision(self, judge: Process, ours: socket.socket, seconds: float, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await judge.order("judge", [ours.fileno()], wait=seconds, **arguments)
        except ProcessGone as err:
            raise EngineFailed("The judge ended before it decided.") from err
        return answer

    async def _prepared_judge(self, plan: Plan) -> Process:
        """Return a process that has run the author's locked cells and no other code."""
        zygote = await self._zygote(plan.imports)
        key = (plan.imports, plan.exercise, plan.version, plan.locked)
        found = self._judges.get(key)
        if found is not None and found[0].usable and found[1] is zygote:
            self._judges.move_to_end(key)
            return found[0]
        if found is not None:
            await self._drop_judge(key)
        box = await asyncio.to_thread(self.sandbox.prepare, plan.files, _JUDGE_LIMITS)
        judge = await zygote.fork()
        self._judges[key] = (judge, zygote, box)
        try:
            await judge.order("enter", box=dict(box.order))
            for source in plan.locked:
                await judge.order("run", source=source, seconds=_JUDGE_LIMITS.seconds, wait=_JUDGE_LIMITS.seconds + 2)
        except (ProcessGone, ProcessLate) as err:
            await self._drop_judge(key)
            raise EngineFailed("The author's cells could not be run.") from err
        return judge

    async def _drop_judge(self, key: tuple[Any, ...]) -> None:
        judge, zygote, box = self._judges.pop(key)
        judge.close()
        with contextlib.suppress(ProcessGone, ProcessLate, EngineFailed):
            await zygote.order("discard", pid=judge.pid)
        await asyncio.to_thread(self.sandbox.discard, box)

    async def _zygote(self, imports: tuple[str, ...]) -> Process:
        async with self._starting:
            if self._folder is None:
                raise EngineFailed("The engine is not running.")
            found = self._zygotes.get(imports)
            if found is not None and found[0].usable and found[1].returncode is None:
                return found[0]
            if found is not None:
                log.warning("A fork server was lost and is started again")
                found[0].close()
                await _end(found[1])
            self._zygotes[imports] = await start_zygote(imports, self._folder / "home")
            return self._zygotes[imports][0]

    async def _evict(self) -> None:
        while len(self._lines) > self.max_lines:
            name, line = next(iter(self._lines.items()))
            del self._lines[name]
            async with line.lock:
                await line.discard()
        while len(self._judges) > self.max_judges:
            await self._drop_judge(next(iter(self._judges)))


async def _end(child: asyncio.subprocess.Process) -> None:
    """End a fork server; it ends by itself when its socket closes."""
    try:
        async with asyncio.timeout(3):
            await child.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _cell_order(test: Any) -> dict[str, Any]:
    checks = [{"id": check.id, "source": check.source, "hidden": check.hidden} for check in test.checks]
    return {"id": test.grade_id, "preamble": test.preamble, "checks": checks}


def _reports(plan: Plan, answer: dict[str, Any]) -> tuple[TestReport, ...]:
    """Read the judge's report; a check that it does not mention has not passed."""
    found = {cell["id"]: cell for cell in answer["cells"]}
    reports = []
    for test in plan.tests:
        cell = found.get(test.grade_id, {"checks": [], "score": None})
        said = {check["id"]: check for check in cell["checks"]}
        missing = {"verdict": Verdict.GRADER_FAILED, "message": None, "seconds": 0.0}
        checks = tuple(
            CheckReport(
                id=check.id,
                verdict=Verdict(said.get(check.id, missing)["verdict"]),
                message=said.get(check.id, missing)["message"],
                seconds=said.get(check.id, missing)["seconds"],
            )
            for check in test.checks
        )
        reports.append(TestReport(id=test.grade_id, checks=checks, score=cell["score"]))
    return tuple(reports)


def _lost(plan: Plan, verdict: Verdict) -> tuple[TestReport, ...]:
    """Report that the learner's process was lost before anything was decided."""
    return tuple(
        TestReport(
            id=test.grade_id,
            checks=tuple(CheckReport(id=c.id, verdict=verdict, message=None, seconds=0.0) for c in test.checks),
            score=None,
        )
        for test in plan.tests
    )
