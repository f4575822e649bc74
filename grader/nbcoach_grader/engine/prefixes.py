"""Prefixes: for each exercise version a process that has run the author's first cells, for the whole class.

Theory of operation. The cells before the first answer are the author's: imports, data, examples. They run once, in a
sandboxed process that then becomes a fork server itself (`settle`), and the lines of all learners who have left those
cells as they were are forked from there, each into a box of its own within the author's (see `sandbox`). So the class
shares the time and the memory of those cells, and a new line costs a fork. No learner's code ever runs in the prefix.

Where the cells fail, leave threads, open files, shared memory or processes behind, or where the sandbox cannot nest,
lines are forked from the zygote, and run those cells themselves; so are those of who has files of his own in the place
of the author's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from ..errors import EngineFailed, SandboxFailed
from ..sandbox.abc import Box, Sandbox
from ..sandbox.usage import held, shared_mappings
from .displays import DISPLAY_SECONDS, MAX_CELL_BYTES, MAX_NOTEBOOK_BYTES
from .plan import CellReport, Plan, cell_report
from .process import OrderRefused, Process, ProcessGone, ProcessLate

log = logging.getLogger(__name__)

_GRACE_SECONDS = 1.0

Key = tuple[Any, ...]


class PrefixLost(EngineFailed):
    """The process that lines are forked from has ended."""


@dataclass(eq=False)
class Prefix:
    """What lines are forked from.

    `reports` are those of the cells that have run in it; `box` is None where it is the zygote itself.
    `lines` counts who stands on it.
    """

    process: Process
    zygote: Process
    box: Box | None = None
    reports: tuple[CellReport, ...] = ()
    lines: int = 0

    @property
    def usable(self) -> bool:
        """Return whether lines can be forked from it."""
        return self.process.usable and self.zygote.usable

    def box_for(self, sandbox: Sandbox, plan: Plan, snapshots: int) -> Box:
        """Make a box for a line.

        Args:
            sandbox: where foreign code runs.
            plan: the cells.
            snapshots: how many processes the line has beside what its cells start.

        Raises:
            SandboxFailed: it cannot be made.

        """
        if self.box is None:
            return sandbox.prepare(plan.learner_files, plan.limits, snapshots=snapshots)
        return sandbox.within(self.box, self.process.host_pid, plan.limits, snapshots=snapshots)


class Prefixes:
    """Keep prefixes, the least recently used of which goes first.

    Args:
        zygote: returns the fork server of a course.
        sandbox: returns the sandbox.

    """

    def __init__(self, zygote: Callable[[tuple[str, ...]], Awaitable[Process]], sandbox: Callable[[], Sandbox]) -> None:
        self._zygote = zygote
        self._sandbox = sandbox
        self._made: OrderedDict[Key, Prefix] = OrderedDict()
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._made)

    async def get(self, plan: Plan) -> Prefix:
        """Return what a plan's lines are to be forked from.

        Raises:
            EngineFailed: the fork server does not come up.

        """
        zygote = await self._zygote(plan.imports)
        if plan.own_files:  # the author's cells may read them
            return Prefix(zygote, zygote)
        head = plan.cells[: plan.head]
        key = (plan.imports, plan.exercise, plan.version, head, plan.limits)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            found = self._made.get(key)
            if found is not None and (found.zygote is not zygote or not found.usable):
                await self._drop(key)
                found = None
            if found is None:
                found = self._made[key] = await self._make(plan, zygote)
            self._made.move_to_end(key)
            return found

    async def evict(self, limit: int) -> None:
        """Drop what no line stands on and was not used for longest until at most `limit` are left."""
        for key in [key for key, prefix in self._made.items() if not prefix.lines]:
            if len(self._made) <= limit:
                break
            await self._drop(key)

    async def discard(self) -> None:
        """Drop all."""
        for key in list(self._made):
            await self._drop(key)

    async def _make(self, plan: Plan, zygote: Process) -> Prefix:
        """Run the author's cells, and fall back on the zygote where that is not good for everybody."""
        sandbox = self._sandbox()
        if not sandbox.nests:
            return Prefix(zygote, zygote)
        box, process = None, None
        try:
            box = await asyncio.to_thread(sandbox.prepare, plan.files, plan.limits, snapshots=1, author=True)
            process = await zygote.fork(box.birth)
            await asyncio.to_thread(sandbox.admit, box, process.host_pid)
            await process.order("enter", box=dict(box.order))
            before = await asyncio.to_thread(_shared, process.host_pid)
            reports = tuple([report async for report in _reports(process, plan)])
            if await asyncio.to_thread(_shared, process.host_pid) != before:
                raise _NotForAll("threads, open files or shared memory were left behind")
            await process.order("settle")
            made = Prefix(process, zygote, box, reports)
            await self._try(made, plan)
        except (_NotForAll, SandboxFailed, OrderRefused, ProcessGone, ProcessLate) as err:
            why = err.reason if isinstance(err, OrderRefused) else str(err) or type(err).__name__
            log.info("%s: each learner runs the author's first cells himself: %s", plan.exercise, why)
            await self._end(zygote, process, box)
            return Prefix(zygote, zygote)
        return made

    async def _try(self, prefix: Prefix, plan: Plan) -> None:
        """Fork a line once and end it, to see whether boxes nest here.

        Raises:
            ProcessGone: they do not; likewise `ProcessLate`, `OrderRefused`, `SandboxFailed`.

        """
        sandbox = self._sandbox()
        box = await asyncio.to_thread(prefix.box_for, sandbox, plan, 1)
        child: Process | None = None
        try:
            child = await prefix.process.fork(box.birth)
            await asyncio.to_thread(sandbox.admit, box, child.host_pid)
            await child.order("enter", box=dict(box.order))
        finally:
            if child is not None:
                child.close()
                await prefix.process.discard(child)
            await asyncio.to_thread(sandbox.discard, box)

    async def _drop(self, key: Key) -> None:
        prefix = self._made.pop(key)
        if prefix.box is not None:
            await self._end(prefix.zygote, prefix.process, prefix.box)

    async def _end(self, zygote: Process, process: Process | None, box: Box | None) -> None:
        if process is not None:
            process.close()
            with contextlib.suppress(ProcessGone, ProcessLate, OrderRefused):
                await zygote.discard(process)
        if box is not None:
            await asyncio.to_thread(self._sandbox().discard, box)


class _NotForAll(Exception):
    """What the author's cells have made cannot be shared."""


def _shared(pid: int) -> tuple[int, ...]:
    """Count what forks of a process would lose, or share with each other."""
    return (*held(pid), shared_mappings(pid))


async def _reports(process: Process, plan: Plan) -> AsyncIterator[CellReport]:
    cells, seconds = plan.cells[: plan.head], plan.limits.seconds
    if not cells:
        return
    wait = seconds + _GRACE_SECONDS + DISPLAY_SECONDS
    orders = [{"id": cell.id, "source": cell.source, "plain": False} for cell in cells]
    room = MAX_NOTEBOOK_BYTES
    claims = process.answers("run", len(cells), wait=lambda: wait, cells=orders, seconds=seconds, room=room)
    async with contextlib.aclosing(claims):
        for cell in cells:
            report = cell_report(cell.id, await anext(claims), min(room, MAX_CELL_BYTES))
            room -= sum(display.size for display in report.displays)
            if report.state != "ok":
                raise _NotForAll(f"the cell {report.id!r} ended in {report.name}")
            yield report
