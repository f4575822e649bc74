"""The engine: plans in, outcomes out. Owns the zygotes, the lines of snapshots and the judges."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from traitlets import Enum, Float, Integer
from traitlets.config import LoggingConfigurable

from ..errors import EngineStopped, SandboxFailed
from ..sandbox import choice
from ..sandbox.abc import Sandbox
from ..sandbox.choice import AUTO, LEVELS
from ..sandbox.removal import remove
from . import rest
from .fork_server import Zygote, start_zygote
from .judges import Judges
from .pair import Pair
from .plan import Begun, Outcome, Plan, nothing
from .prefixes import Prefixes, PrefixLost
from .process import Process
from .whole import Whole

log = logging.getLogger(__name__)

REST_SECONDS = 5.0
"""How long a learner waits whose code was ended for what it used too much of: ending it costs the others."""


class Engine(LoggingConfigurable):
    """Run learners' cells and judge them."""

    max_lines = Integer(64, help="Learners' notebooks kept warm at once; the least recently used goes first.").tag(
        config=True
    )
    max_memory_mb = Integer(
        help="Memory in MiB of all notebooks kept warm, beyond what they share; by default half of the machine's."
    ).tag(config=True)
    max_judges = Integer(64, help="Prepared judges kept, one for each question of an exercise version.").tag(
        config=True
    )
    max_prefixes = Integer(
        64, help="Exercise versions whose first cells, the author's own, are kept run for the whole class."
    ).tag(config=True)
    max_running = Integer(help="Checks that run at once; by default twice the number of processors.").tag(config=True)
    max_seconds = Float(
        15.0, help="Longest time in seconds for judging one question, unless an exercise allows its cells more."
    ).tag(config=True)

    def _max_memory_mb_default(self) -> int:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**21

    sandbox_level = Enum(
        [AUTO, *LEVELS],
        AUTO,
        help="How learners' code is confined: the best way that works here, or a level that must work.",
    ).tag(config=True)

    def _max_running_default(self) -> int:
        return 2 * (os.cpu_count() or 1)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folder: Path | None = None
        self._begun: Path | None = None
        self._sandbox: Sandbox | None = None
        self._zygotes: dict[tuple[str, ...], Zygote] = {}
        self._ahead: Zygote | None = None
        self._pairs: OrderedDict[str, Pair] = OrderedDict()
        self._judges = Judges(self.zygote, lambda: self.sandbox)
        self._prefixes = Prefixes(self.zygote, lambda: self.sandbox)
        self._starting = asyncio.Lock()
        self._running = asyncio.Semaphore(self.max_running)
        self._active = 0
        self._zygotes_lost = 0
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._resting: dict[str, float] = {}
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._preparing: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @property
    def sandbox(self) -> Sandbox:
        """Return the sandbox in use.

        Raises:
            EngineStopped: the engine does not run.

        """
        if self._sandbox is None:
            raise EngineStopped("The engine is not running.")
        return self._sandbox

    @property
    def running(self) -> bool:
        """Return whether the engine has been started and not stopped."""
        return self._folder is not None

    def begin(self, likely: Collection[str] = ()) -> Path:
        """Make room and have a fork server load, without waiting for it; `start` goes on from there; idempotent.

        Args:
            likely: modules that the first notebook probably imports.

        Raises:
            EngineFailed: a fork server cannot be started.

        """
        if self._begun is None:
            self._begun = Path(tempfile.mkdtemp(prefix="nbcoach-grader-"))
            (self._begun / "home").mkdir(mode=0o700)
            self._ahead = start_zygote(self._begun, likely)
            with contextlib.suppress(SandboxFailed):  # who chooses one tries again, and says why
                choice.begin()
        return self._begun

    async def start(self) -> None:
        """Choose a sandbox and make room; idempotent.

        Raises:
            SandboxFailed: the wanted level does not work here.

        """
        if self._folder is None:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # one for each snapshot; 1024 is usual
            try:
                folder = self.begin()
                self._sandbox = await asyncio.to_thread(choice.choose, folder, self.sandbox_level)
            except BaseException:
                await self.stop()
                raise
            self._folder = folder
            self._stopping = asyncio.Event()
            self._watching = asyncio.create_task(self._watch(self._stopping))
            log.info("Sandbox %s protects: %s", self._sandbox.name, ", ".join(self._sandbox.protects))
            for lack in self._sandbox.lacks:
                log.warning("Sandbox %s: %s", self._sandbox.name, lack)

    async def stop(self) -> None:
        """End every process and remove every file; idempotent."""
        folder, self._folder, self._begun = self._begun, None, None
        for task in self._tasks:
            task.cancel()
        self._stopping.set()  # never cancelled: what is being ended must be ended
        watching = [self._watching] if self._watching is not None else []
        await asyncio.gather(*self._tasks, *self._preparing, *watching, return_exceptions=True)
        self._watching = None
        for pair in self._pairs.values():
            await pair.discard()
        self._pairs.clear()
        await self._judges.discard()
        await self._prefixes.discard()
        await asyncio.gather(*(zygote.end() for zygote in self._zygotes.values()), self._end_ahead())
        self._zygotes.clear()
        if folder is not None:
            await asyncio.to_thread(remove, folder)

    async def _end_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            await ahead.kill()

    def statistics(self) -> dict[str, int]:
        """Return how many warm notebooks, judges and fork servers there are."""
        return {
            "lines": len(self._pairs),
            "judges": len(self._judges),
            "prefixes": len(self._prefixes),
            "zygotes": len(self._zygotes),
        }

    def workload(self) -> dict[str, int]:
        """Return what is under way, what it keeps, and how many processes were lost since the engine was made."""
        return {
            "running": self._active,
            "waiting": len(self._tasks) - self._active,
            "snapshots": sum(line.snapshots for pair in self._pairs.values() for line in (pair.open, pair.blind)),
            "memory_bytes": sum(pair.memory_bytes for pair in self._pairs.values()),
            "judges_lost": self._judges.lost,
            "zygotes_lost": self._zygotes_lost,
        }

    async def warm(self, imports: tuple[str, ...]) -> None:
        """Start the fork server of a course before its first learner comes."""
        await self.zygote(imports)

    async def run(self, plan: Plan, begun: Begun = nothing) -> Outcome:
        """Run a learner's notebook and judge it at its stops.

        A learner's requests are served one after the other; `begun` is called when it is this one's
        turn. One that nobody waits for any more is dropped if it has not begun, and else carried out: a
        process that was left in the middle of an order could not be used again.

        Raises:
            EngineFailed: the grader itself failed; nothing is known about the work.
            EngineStopped: the engine does not run, or not any more.

        """
        started = asyncio.Event()
        task = asyncio.create_task(self._in_turn(plan, started, begun))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not started.is_set():
                task.cancel()
            me = asyncio.current_task()
            if task.cancelled() and me is not None and not me.cancelling():
                raise EngineStopped("The engine was stopped.") from None
            raise

    def _done(self, task: asyncio.Task[Outcome]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # somebody has looked at it, also where the caller has gone

    async def _in_turn(self, plan: Plan, started: asyncio.Event, begun: Begun) -> Outcome:
        turn = self._turns.setdefault(plan.learner, asyncio.Lock())
        async with turn:
            await self._rested(plan.learner)
            return await self._outcome(plan, started, begun)

    async def _rested(self, learner: str) -> None:
        """Wait until a learner may go on whose code was ended for what it used too much of."""
        until = self._resting.get(learner, 0.0)
        await asyncio.sleep(max(until - time.monotonic(), 0.0))
        self._resting.pop(learner, None)  # not before: who gives up waiting has not waited

    async def _outcome(self, plan: Plan, started: asyncio.Event, begun: Begun) -> Outcome:
        async with self._running, self._counted():
            started.set()
            begun()
            try:
                outcome, pair = await self._served(plan)
            except PrefixLost:  # it is made again for whoever comes next
                outcome, pair = await self._served(plan)
            await self._evict()
        if pair is None:
            return outcome
        task = asyncio.create_task(self._prepare(plan, pair))
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)
        return outcome

    async def _served(self, plan: Plan) -> tuple[Outcome, Pair | None]:
        """Judge, and return the lines that are kept, if any.

        Raises:
            PrefixLost: the process that lines are forked from has ended.
            EngineFailed: the grader itself failed.

        """
        if plan.once:
            whole = Whole(plan, await self._prefixes.get(plan), self.sandbox, self._judges, self.max_seconds)
            return await whole.judge(), None
        while True:
            pair = await self._pair(plan)
            async with pair.lock:
                if self._pairs.get(plan.line) is pair:  # it may have been evicted meanwhile
                    pair.uses += 1
                    before = pair.excesses
                    outcome = await pair.judge(plan, self._judges, self.max_seconds, crowded=self._crowded())
                    if pair.excesses > before:
                        self._resting[plan.learner] = time.monotonic() + REST_SECONDS
                    return outcome, pair

    @contextlib.asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1

    def _idle(self) -> bool:
        """Tell whether no request is being served."""
        return self._active == 0

    def _crowded(self) -> bool:
        """Tell whether there are more requests than processors for two lines each."""
        return 2 * self._active > (os.cpu_count() or 1)

    async def _prepare(self, plan: Plan, pair: Pair) -> None:
        """Fork ahead for the next request once the answer to this one is on its way, never beside a request."""
        async with pair.lock:
            if self._pairs.get(plan.line) is pair:
                pair.uses += 1
                await pair.settle()
                await pair.open.fork_ahead(self._idle)
                await pair.blind.fork_ahead(self._idle)
                await pair.measure()
        await self._evict()
        for stop in plan.stops:
            await self._judges.refill(plan, stop, self._idle)

    async def _pair(self, plan: Plan) -> Pair:
        prefix = await self._prefixes.get(plan)
        pair = self._pairs.get(plan.line)
        if pair is not None and pair.prefix is not prefix:
            await pair.discard()
            pair = None
        if pair is None:
            pair = self._pairs[plan.line] = Pair(prefix, self.sandbox)
        self._pairs.move_to_end(plan.line)
        return pair

    async def zygote(self, imports: tuple[str, ...]) -> Process:
        """Return the fork server of a course, started again if it was lost.

        Raises:
            EngineFailed: it does not come up.

        """
        async with self._starting:
            if self._folder is None:
                raise EngineStopped("The engine is not running.")
            found = self._zygotes.get(imports)
            if found is not None and found.alive:
                return found.process
            if found is not None:
                log.warning("A fork server was lost and is started again")
                self._zygotes_lost += 1
                await found.kill()
            ahead, self._ahead = self._ahead, None
            if ahead is not None and not (ahead.alive and ahead.likely <= set(imports)):
                await ahead.kill()
                ahead = None
            zygote = ahead or start_zygote(self._folder)
            await zygote.load(imports)
            self._zygotes[imports] = zygote
            return zygote.process

    async def _watch(self, stopping: asyncio.Event) -> None:
        """End what goes on working while nobody asks."""
        looking = rest.Rest(self.sandbox)
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest.SECONDS):
                    await stopping.wait()
                    break
            for name in await looking.disturbed(self._pairs):
                pair = self._pairs.get(name)
                if pair is not None and not pair.lock.locked():
                    log.warning("A warm notebook went on working and was ended")
                    await self._end(name)

    async def _end(self, name: str) -> None:
        pair = self._pairs.pop(name)  # nobody finds it any more while it ends
        async with pair.lock:
            await pair.discard()

    def _memory_mb(self) -> float:
        return sum(pair.memory_bytes for pair in self._pairs.values()) / 2**20

    async def _evict(self) -> None:
        """End what was not used for longest; what is in use has its lock taken."""
        while len(self._pairs) > self.max_lines or (len(self._pairs) > 1 and self._memory_mb() > self.max_memory_mb):
            name = next((name for name, pair in self._pairs.items() if not pair.lock.locked()), None)
            if name is None:
                break
            await self._end(name)
        await self._judges.evict(self.max_judges)
        await self._prefixes.evict(self.max_prefixes)
