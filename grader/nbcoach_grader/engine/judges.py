"""Prepared judges: for each stop of an exercise version a process that knows the author's part and no learner."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from nbcoach_exercises.model import Limits

from ..errors import EngineFailed
from ..sandbox.abc import Box, Sandbox
from .plan import Plan, Stop
from .process import OrderRefused, Process, ProcessGone, ProcessLate

LIMITS = Limits(seconds=60, memory_mb=2048, processes=256)
SPARES = 2
USES = 50
"""How many times one judge decides at most, where its checks leave no trace in it."""

MOST_USED = 4
"""How many of such judges wait for others at once."""

_TRIES = 3

Key = tuple[Any, ...]


@dataclass
class Prepared:
    """A judge to be forked, the zygote it came from, its box, and forks that were made ahead.

    Where the author's checks leave no trace (`steadiness`), forks are used again; `used` has those, and how often
    they still may be.
    """

    process: Process
    zygote: Process
    box: Box
    spares: list[Process] = field(default_factory=list)
    used: dict[Process, int] = field(default_factory=dict)
    traceless: bool = False

    @property
    def waiting(self) -> int:
        """Return how many judges wait for somebody to ask."""
        return len(self.spares) + len(self.used)


class Judges:
    """Keep prepared judges, the least recently used of which goes first.

    Args:
        zygote: returns the fork server of a course.
        sandbox: returns the sandbox.

    """

    def __init__(self, zygote: Callable[[tuple[str, ...]], Awaitable[Process]], sandbox: Callable[[], Sandbox]) -> None:
        self._zygote = zygote
        self._sandbox = sandbox
        self._prepared: OrderedDict[Key, Prepared] = OrderedDict()
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()
        self._refilling: set[Key] = set()
        self._taken: dict[Process, int] = {}
        self.lost = 0
        """How many prepared judges were found ended."""

    def __len__(self) -> int:
        return len(self._prepared)

    async def take(self, plan: Plan, stop: Stop) -> Process:
        """Return a judge for a stop: one that was given back, one that was forked ahead, or a new fork.

        Raises:
            EngineFailed: none can be had.

        """
        key = _key(plan, stop)
        prepared = self._prepared.get(key)
        while prepared is not None and (prepared.used or prepared.spares):
            judge, left = prepared.used.popitem() if prepared.used else (prepared.spares.pop(), USES)
            if prepared.zygote.usable and prepared.process.usable and judge.usable:
                self._prepared.move_to_end(key)
                break
            judge.close()
        else:
            judge, left = await self._fork(key, plan, stop), USES
        self._taken[judge] = left
        return judge

    def give_back(self, plan: Plan, stop: Stop, judge: Process) -> None:
        """Keep a judge for others where nothing can have been left in it; else end it."""
        prepared = self._prepared.get(_key(plan, stop))
        left = self._taken.pop(judge, 0) - 1
        if prepared is not None and prepared.traceless and left > 0 and judge.usable and len(prepared.used) < MOST_USED:
            prepared.used[judge] = left
        else:
            judge.close()

    async def refill(self, plan: Plan, stop: Stop, idle: Callable[[], bool]) -> None:
        """Fork judges ahead for the next one who asks; while nobody waits for a processor, make them ready too.

        Those that a crowd has left are ended then.
        """
        key = _key(plan, stop)
        if key in self._refilling:  # two at once would both see room for the last one
            return
        self._refilling.add(key)
        try:
            prepared = self._prepared.get(key)
            while prepared is not None and idle() and prepared.used and prepared.waiting > SPARES:
                prepared.used.popitem()[0].close()
            while prepared is not None and self._prepared.get(key) is prepared:
                if prepared.waiting >= SPARES:
                    break
                spare = await prepared.process.fork()
                if idle():
                    await spare.order("limber")
                if self._prepared.get(key) is prepared:
                    prepared.spares.append(spare)
                else:
                    spare.close()
        except (ProcessGone, ProcessLate, OrderRefused):
            return
        finally:
            self._refilling.discard(key)

    async def _fork(self, key: Key, plan: Plan, stop: Stop) -> Process:
        for _ in range(_TRIES):
            lock = self._locks.setdefault(key, asyncio.Lock())
            async with lock:
                prepared = await self._get(key, plan, stop)
            try:
                return await prepared.process.fork()
            except ProcessGone:  # it may have been evicted meanwhile
                self.lost += self._prepared.get(key) is prepared
                await self._drop(key, prepared)
        raise EngineFailed("The judge could not be started.")

    async def evict(self, limit: int) -> None:
        """Drop what was not used for longest until at most `limit` are left."""
        while len(self._prepared) > limit:
            key, prepared = next(iter(self._prepared.items()))
            await self._drop(key, prepared)

    async def discard(self) -> None:
        """Drop all."""
        await self.evict(0)

    async def _get(self, key: Key, plan: Plan, stop: Stop) -> Prepared:
        zygote = await self._zygote(plan.imports)
        found = self._prepared.get(key)
        if found is not None and found.process.usable and found.zygote is zygote:
            self._prepared.move_to_end(key)
            return found
        if found is not None:
            self.lost += 1
            await self._drop(key, found)
        box = await asyncio.to_thread(self._sandbox().prepare, plan.files, LIMITS)
        try:
            process = await zygote.fork(box.birth)
        except ProcessGone as err:
            await asyncio.to_thread(self._sandbox().discard, box)
            raise EngineFailed("The judge could not be started.") from err
        made = self._prepared[key] = Prepared(process, zygote, box)
        try:
            await process.order("enter", box=dict(box.order))
            if stop.locked:
                cells = [{"id": "", "source": source, "plain": False} for source in stop.locked]
                wait = LIMITS.seconds + 2
                async for _ in process.answers(
                    "run", len(cells), wait=lambda: wait, cells=cells, seconds=LIMITS.seconds
                ):
                    pass
            tests = (*stop.prelude, *stop.tests)
            checks = [source for test in tests for source in (test.preamble, *(c.source for c in test.checks))]
            told = await process.order("study", sources=list(plan.sources), checks=checks, wait=LIMITS.seconds)
            made.traceless = told["traceless"] is True
        except (ProcessGone, ProcessLate, OrderRefused) as err:
            await self._drop(key, made)
            raise EngineFailed("The author's cells could not be run.") from err
        return made

    async def _drop(self, key: Key, prepared: Prepared) -> None:
        if self._prepared.get(key) is not prepared:
            return
        del self._prepared[key]
        for process in (prepared.process, *prepared.spares, *prepared.used):
            process.close()
        with contextlib.suppress(ProcessGone, ProcessLate, OrderRefused):
            await prepared.zygote.discard(prepared.process)
        await asyncio.to_thread(self._sandbox().discard, prepared.box)


def _key(plan: Plan, stop: Stop) -> Key:
    tests = tuple(test.grade_id for test in stop.tests)
    return (plan.imports, plan.exercise, plan.version, stop.locked, tests)
