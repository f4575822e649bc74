"""A line of snapshots: processes of one learner in one exercise, each standing after one more cell.

All processes of a line descend from one root, which was forked from the author's first cells (`prefixes`), share one
sandbox box, and die together. A cell that killed its process, or had to be killed, is remembered and
skipped, so that the rest of the notebook is still judged. Semaphores and shared memory of `multiprocessing` are
no part of a snapshot: a line that has used them is begun anew for the next request.

No fork has the threads of its parent. So where a cell leaves some behind (`threads`), the cells after it run in the
same process for as long as those go on, and who needs a process there uses it up. What is asked for later runs again
from the last snapshot without threads, once that process has ended: what goes on in both would meet in one folder.

Whatever runs in a line is watched (`watch`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence

from ..errors import EngineFailed, SandboxFailed
from ..sandbox.abc import Box, Sandbox
from ..sandbox.protection import Name
from .displays import DISPLAY_SECONDS, MAX_CELL_BYTES, room_left
from .fatal import CHANCES, ended_for, too_much
from .groups import only_defines
from .plan import CellReport, Plan, cell_report, chain_keys
from .prefixes import Prefix, PrefixLost
from .process import OrderRefused, Process, ProcessGone, ProcessLate
from .spare import Spare
from .standing import Chain, NoTime, Snapshot, Standing
from .watch import watched

log = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
SERVING_PROCESSES = 8
CHEAP_SECONDS = 0.05
_LEAST_ROOM = 16
"""For how many cells there is room in a box at least: notebooks grow, and a box's bounds are for good."""
_END_SECONDS = 1.5
_LAST_SECONDS = 0.02
"""How long the first process of a box may live after the others: it is the last to go."""


class Line:
    """The snapshots of one learner in one exercise.

    Args:
        prefix: what to fork from.
        sandbox: where foreign code runs.
        single: for one pass only: its first process runs cells too, and what was used up is not made again.

    """

    def __init__(self, prefix: Prefix, sandbox: Sandbox, *, single: bool = False) -> None:
        self._single = single
        self._prefix = prefix
        self._sandbox = sandbox
        self._root: Process | None = None
        self._box: Box | None = None
        self._chain = Chain(len(prefix.reports))
        self._spare = Spare()
        self._leaving: list[Process] = []
        self._ended = False
        self._kills = 0
        self._room = 0
        self._unshared = 0
        self._excess: Name | None = None
        self.excesses = 0
        """How often it was ended for what it used too much of."""

    @property
    def snapshots(self) -> int:
        """Return how many snapshots have a process."""
        return sum(snapshot.process is not None for snapshot in self._chain)

    async def advance(
        self, plan: Plan, deadline: float, kept: Collection[int] | None = None, after: int | None = None
    ) -> Standing:
        """Run what changed and return where the line then stands.

        Args:
            plan: the cells.
            deadline: when, on the monotonic clock, the last cell must have ended.
            kept: after how many cells a process must stay; None is after each.
            after: how many of the cells are wanted; None is all.

        Raises:
            EngineFailed: no process can be had.

        """
        if self._ended or len(plan.cells) > self._room or self._shares_memory():
            await self.discard()
        keys = chain_keys(plan)
        end = len(keys) if after is None else after
        for process in self._chain.keep(keys, end):
            if process.threaded:
                process.dismiss()
                self.release(process)
            else:
                process.close()
        if any(process.threaded for process in self._leaving):
            await self.settle()
        reused = max(len(self._chain), len(self._prefix.reports))
        try:
            for _ in range(CHANCES * len(keys) + 2):  # each turn but the last finds a cell that is fatal, or may be
                tip = await self._tip(plan, keys)
                if await self._run_from(plan, keys[:end], tip, deadline, kept):
                    reports = tuple(snapshot.report for snapshot in self._chain)
                    return Standing(reports, len(reports), reused)
                reused = len(self._prefix.reports)
        except NoTime:
            done = [snapshot.report for snapshot in self._chain]
            late = [CellReport(id=cell.id, state="timeout") for cell in plan.cells[len(done) :]]
            return Standing((*done, *late), len(done), reused)
        raise EngineFailed("The notebook could not be run to its end.")

    @contextlib.asynccontextmanager
    async def watched(self, plan: Plan) -> AsyncIterator[None]:
        """Bound processes and disk of the line from outside while something runs in it."""
        async with watched(self, self._sandbox, len(plan.cells) + SERVING_PROCESSES + plan.limits.processes):
            yield
        if self._ended:
            await self.discard()

    def release(self, process: Process) -> None:
        """Let go of a process that is used up; it takes milliseconds to end, and nobody needs to wait for that."""
        self._leaving.append(process)

    async def settle(self) -> None:
        """Wait until what was released has gone, and all who hold on to it; end the line where one does not go."""
        while self._leaving:
            if not await self._leaving[-1].gone(_END_SECONDS):
                await self.discard()
            else:
                self._leaving.pop().close()

    async def discard(self) -> None:
        """End every process of the line and remove its box; idempotent."""
        await self.end()
        self._ended, self._excess = False, None
        while self._leaving:
            self._leaving.pop().close()
        self._spare.close()
        for snapshot in self._chain:
            if snapshot.process:
                snapshot.process.close()
        self._chain.clear()
        root, self._root = self._root, None
        if root is not None:
            self._prefix.lines -= 1
            root.close()
            root.forget()
        box, self._box = self._box, None
        if box is not None:
            self._kills = 0
            await asyncio.to_thread(self._sandbox.discard, box)

    async def memory_bytes(self) -> int:
        """Return the memory of all processes of the line, beyond what they share with the fork server."""
        root, box = self._root, self._box
        if root is None or box is None:
            return 0
        return await asyncio.to_thread(self._sandbox.memory_of, box, root.host_pid)

    @property
    def place(self) -> tuple[Box, int] | None:
        """Return the box of the line and the process group of all that runs in it, if anything does."""
        return None if self._root is None or self._box is None or self._ended else (self._box, self._root.host_pid)

    async def out_of_memory(self) -> bool:
        """Return whether the kernel has ended a process of the line for want of memory since this was last asked."""
        if self._box is None:
            return False
        before, self._kills = self._kills, await asyncio.to_thread(self._sandbox.memory_kills, self._box)
        self.excesses += self._kills > before
        return self._kills > before

    async def ended_from_outside(self) -> bool:
        """Return whether somebody else than the service has ended the line; its own code cannot end its root."""
        if self._root is None or self._ended or self._single or not self._sandbox.keeps_first:
            return False
        return await self._root.ended(_LAST_SECONDS)

    async def end(self, excess: Name | None = None) -> None:
        """Kill all processes of the line, for what they use too much of, if that is why; idempotent."""
        if self._root is None or self._ended:
            return
        self._ended, self._excess = True, excess
        self.excesses += excess is not None
        try:
            ending = _LAST_SECONDS if self._single and not self._root.usable else 0.0  # serving, and nobody asks
            if not await self._prefix.process.discard(self._root, ending=ending):
                log.error("Processes of a learner's code have not ended yet")
        except (ProcessGone, ProcessLate, OrderRefused):
            self._root.kill_group()

    def _shares_memory(self) -> bool:
        """Tell whether cells may have changed what the snapshots before them hold, as no fork copies it."""
        return self._root is not None and self._sandbox.shared_memory(self._root.host_pid) not in (0, self._unshared)

    async def _tip(self, plan: Plan, keys: Sequence[str]) -> Process:
        last = self._chain.last()
        if last is not None and last.process is not None:
            return last.process
        if self._root is None:
            try:
                self._room = max(_LEAST_ROOM, 2 * len(plan.cells))
                processes = self._room + SERVING_PROCESSES
                self._box = await asyncio.to_thread(self._prefix.box_for, self._sandbox, plan, processes)
                self._root = await self._prefix.process.fork(self._box.birth)
                self._prefix.lines += 1
                self._root.watch()
                await asyncio.to_thread(self._sandbox.admit, self._box, self._root.host_pid)
                await self._root.order("enter", box=dict(self._box.order))
                self._unshared = self._sandbox.shared_memory(self._root.host_pid)
            except (ProcessGone, ProcessLate, OrderRefused, SandboxFailed) as err:
                why = err.reason if isinstance(err, OrderRefused) else str(err) or type(err).__name__
                log.error("A sandbox could not be entered: %s", why)
                await self.discard()
                lost = EngineFailed if self._prefix.usable else PrefixLost
                raise lost("A sandboxed process could not be started.") from err
            self._chain += [Snapshot(k, None, r) for k, r in zip(keys, self._prefix.reports, strict=False)]
        return self._root

    async def _run_from(
        self, plan: Plan, keys: list[str], tip: Process, deadline: float, kept: Collection[int] | None
    ) -> bool:
        """Run the cells that are left; False when the line had to be ended and must be built again.

        Raises:
            NoTime: the deadline has come.

        """
        number = len(self._chain)
        while number < len(keys):
            if keys[number] in self._chain.fatal:
                self._chain.append(Snapshot(keys[number], None, self._chain.fatal[keys[number]]))
                number += 1
                continue
            end = number + 1
            while kept is not None and end < len(keys) and end not in kept and keys[end] not in self._chain.fatal:
                end += 1
            if deadline <= time.monotonic():
                raise NoTime
            stays = kept is None or number in kept or (tip is self._root and not self._single)
            forks = stays and not tip.threaded
            child = await self._continued(tip) if forks else tip
            if child is None or not await self._run_here(plan, keys, range(number, end), child, deadline):
                return False
            tip, number = child, end
        return True

    async def _continued(self, tip: Process) -> Process | None:
        """Fork a process that goes on; None where the one before is lost, and the line with it.

        Raises:
            EngineFailed: the line's first process is lost again and again.

        """
        try:
            return self._spare.take(tip) or await tip.fork()
        except ProcessGone as err:
            last = self._chain.last()
            await self._distrust(last.key if last else "", last.report.id if last else "")
            if last is None and self._chain.fatal.losses[""] >= CHANCES:
                raise EngineFailed("A sandboxed process was lost.") from err
            return None

    async def _run_here(self, plan: Plan, keys: list[str], numbers: range, process: Process, deadline: float) -> bool:
        """Run cells in a process, one after the other; False when the line had to be ended."""
        cells = [plan.cells[number] for number in numbers]
        orders = [{"id": cell.id, "source": cell.source, "plain": only_defines(cell.source)} for cell in cells]
        limit = plan.limits.seconds
        seconds = min(limit, deadline - time.monotonic()) if len(cells) == 1 else limit
        short = False

        def wait() -> float:
            nonlocal short
            left = min(seconds, deadline - time.monotonic())
            short = left < limit
            return max(left, 0.0) + GRACE_SECONDS + (DISPLAY_SECONDS if plan.once else 0)

        room = room_left(snapshot.report.displays for snapshot in self._chain) if plan.once else None
        left = room or 0
        claims = process.answers("run", len(cells), wait=wait, cells=orders, seconds=seconds, room=room)
        number = numbers[0]
        try:
            async with contextlib.aclosing(claims):
                for number in numbers:
                    self._chain.empty(process)
                    claim = await anext(claims)
                    report = cell_report(plan.cells[number].id, claim, min(left, MAX_CELL_BYTES))
                    left -= sum(display.size for display in report.displays)
                    if report.state == "timeout" and seconds < limit:
                        raise NoTime
                    process.threaded = claim.get("threads") is True
                    self._chain.append(Snapshot(keys[number], process, report))
        except ProcessLate:
            process.close()
            if await self.out_of_memory():
                self._chain.fatal[keys[number]] = too_much(plan.cells[number].id)
            elif not short:
                self._chain.fatal[keys[number]] = CellReport(id=plan.cells[number].id, state="timeout", seconds=limit)
            await self.discard()
            return False
        except (ProcessGone, OrderRefused):
            process.close()
            await self._distrust(keys[number], plan.cells[number].id)
            return False
        except BaseException:
            process.close()
            raise
        return True

    async def stand_in(
        self,
        plan: Plan,
        after: int,
        deadline: float,
        *,
        last: bool,
        kept: Collection[int] | None = None,
        serve: tuple[int, float] | None = None,
    ) -> Process | None:
        """Return a process that stands after some cells and may be used up; None if none can be had.

        It is a fork of that snapshot or the snapshot itself: where threads run in it and, as that saves a fork on most
        checks, where nothing else needs it and its cell is quickly run again. A process that was lost is made again
        once.

        Args:
            plan: the cells.
            after: how many of them have run.
            deadline: when, on the monotonic clock, cells that must run again must have ended.
            last: whether this is the last time that this request asks for the place.
            kept: after how many cells else a process must stay, as `advance` was told.
            serve: a socket on which it shall answer a judge, and for how many seconds.

        Raises:
            NoTime: cells that must run again have not ended in time.

        """
        for _ in range(CHANCES):
            if self._ended or self._root is None or not self._chain.stands(after):
                if self._single:
                    return None
                if (await self.advance(plan, deadline, kept, after)).reached < after:
                    raise NoTime
            found = self._chain.last(after)
            tip = found.process if found is not None and found.process is not None else self._root
            if tip is None or (tip is self._root and found is None and self._single):
                return None
            with contextlib.suppress(ProcessGone):
                spent = tip.threaded or (last and found is not None and self._dispensable(found, after, kept))
                process = self._chain.spend(found) if spent and found is not None else await tip.fork()
                if serve is not None:
                    await process.tell("serve", [serve[0]], seconds=serve[1])
                return process
            if self._single:
                return None
            await self._distrust(found.key if found else "", found.report.id if found else "")
        return None

    def _dispensable(self, snapshot: Snapshot, after: int, kept: Collection[int] | None) -> bool:
        """Tell whether nothing is lost when a snapshot is used up."""
        if kept is not None:
            return not any(self._chain.last(place) is snapshot for place in kept if place > after)
        return snapshot is self._chain[-1] and snapshot.report.seconds < CHEAP_SECONDS

    async def fork_ahead(self, idle: Callable[[], bool]) -> None:
        """Fork what the next edit is likely to start from; while nobody waits for a processor, make it ready too."""
        base = self._chain.forkable() or self._root
        if base is not None:
            await self._spare.make(base, idle)

    async def _distrust(self, key: str, cell: str) -> None:
        """End the line because the process after a cell was lost; if it happens again, it is the cell's doing."""
        outside = await self.ended_from_outside()
        reason = ended_for(self._excess, cell) if self._excess is not None else None
        if reason is None and await self.out_of_memory():
            reason = too_much(cell)
        self._chain.fatal.lose(key, cell, reason, outside=outside)
        await self.discard()
