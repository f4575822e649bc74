"""A line of snapshots: processes of one learner in one exercise, each standing after one more cell.

All processes of a line descend from one root that the zygote forked, share one sandbox box,
and die together. A cell that killed its process, or had to be killed, is remembered and
skipped, so that the rest of the notebook is still judged.

Whatever runs in a line is watched: when it has too many processes or writes too much, all of
it is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from ..errors import EngineFailed, SandboxFailed
from ..sandbox.abc import Box, Sandbox
from .plan import CellReport, Plan, cell_report, chain_keys
from .process import OrderRefused, Process, ProcessGone, ProcessLate

log = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
WATCH_SECONDS = 0.25
SLOW_TICKS = 4
"""Who runs longer than so many of them gets a smaller share of the processors than who checks briefly."""
SERVING_PROCESSES = 8
CHEAP_SECONDS = 0.05
_CHANCES = 2
MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Snapshot:
    """A process after a cell; `process` is None where the cell left none."""

    key: str
    process: Process | None
    report: CellReport


@dataclass(frozen=True)
class Standing:
    """Where a line stands: a report for each cell, how many of them there was time for, how many were kept."""

    cells: tuple[CellReport, ...]
    reached: int
    reused: int


class _NoTime(Exception):
    """The time for the whole notebook is used up."""


class Line:
    """The snapshots of one learner in one exercise.

    Args:
        zygote: what to fork from.
        sandbox: where foreign code runs.

    """

    def __init__(self, zygote: Process, sandbox: Sandbox) -> None:
        self._zygote = zygote
        self._sandbox = sandbox
        self._root: Process | None = None
        self._root_fd: int | None = None
        self._box: Box | None = None
        self._snapshots: list[Snapshot] = []
        self._fatal: dict[str, CellReport] = {}
        self._lost: dict[str, int] = {}
        self._spare: tuple[Process, Process] | None = None
        self._ended = False
        self._kills = 0

    @property
    def zygote(self) -> Process:
        """Return the fork server that this line hangs on."""
        return self._zygote

    async def advance(self, plan: Plan, deadline: float) -> Standing:
        """Run what changed and return where the line then stands.

        Args:
            plan: the cells.
            deadline: when, on the monotonic clock, the last cell must have ended.

        Raises:
            EngineFailed: no process can be had.

        """
        if self._ended:
            await self.discard()
        keys = chain_keys(plan)
        reused = self._keep_prefix(keys)
        try:
            for _ in range(_CHANCES * len(keys) + 2):  # each turn but the last finds a cell that is fatal, or may be
                tip = await self._tip(plan)
                if await self._run_from(plan, keys, tip, deadline):
                    reports = tuple(snapshot.report for snapshot in self._snapshots)
                    return Standing(reports, len(reports), reused)
                reused = 0
        except _NoTime:
            done = [snapshot.report for snapshot in self._snapshots]
            late = [CellReport(id=cell.id, state="timeout") for cell in plan.cells[len(done) :]]
            return Standing((*done, *late), len(done), reused)
        raise EngineFailed("The notebook could not be run to its end.")

    @contextlib.asynccontextmanager
    async def watched(self, plan: Plan) -> AsyncIterator[None]:
        """Bound processes and disk of the line from outside while something runs in it."""
        stop = asyncio.Event()
        watch = asyncio.create_task(self._watch(len(plan.cells) + SERVING_PROCESSES + plan.limits.processes, stop))
        try:
            yield
        finally:
            stop.set()  # never cancelled: an order to the zygote must be waited for
            await watch
            if self._ended:
                await self.discard()

    async def discard(self) -> None:
        """End every process of the line and remove its box; idempotent."""
        await self._end()
        self._ended = False
        spare, self._spare = self._spare, None
        if spare is not None:
            spare[1].close()
        for snapshot in self._snapshots:
            if snapshot.process:
                snapshot.process.close()
        self._snapshots.clear()
        root, self._root = self._root, None
        if root is not None:
            root.close()
        fd, self._root_fd = self._root_fd, None
        if fd is not None:
            os.close(fd)
        box, self._box = self._box, None
        if box is not None:
            self._kills = 0
            await asyncio.to_thread(self._sandbox.discard, box)

    async def memory_bytes(self) -> int:
        """Return the memory of all processes of the line, beyond what they share with the fork server."""
        root, box = self._root, self._box
        if root is None or box is None:
            return 0
        return await asyncio.to_thread(self._sandbox.memory_of, box, root.pid)

    async def out_of_memory(self) -> bool:
        """Return whether the kernel has ended a process of the line for want of memory since this was last asked."""
        if self._box is None:
            return False
        before, self._kills = self._kills, await asyncio.to_thread(self._sandbox.memory_kills, self._box)
        return self._kills > before

    async def _end(self) -> None:
        """Kill all processes of the line."""
        if self._root is None or self._ended:
            return
        self._ended = True
        try:
            if not await self._zygote.discard(self._root):
                log.error("Processes of a learner's code have not ended yet")
        except (ProcessGone, ProcessLate, OrderRefused):
            self._end_without_zygote()

    def _end_without_zygote(self) -> None:
        """Kill the line's process group, if its leader is still the process that we know."""
        if self._root is None or self._root_fd is None:
            return
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._root_fd, 0)
            os.killpg(self._root.pid, signal.SIGKILL)

    async def _watch(self, processes: int, stop: asyncio.Event) -> None:
        ticks = 0
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await stop.wait()
                    break
            root, box = self._root, self._box
            if root is None or box is None or self._ended:
                continue
            ticks += 1
            if ticks == SLOW_TICKS:
                await asyncio.to_thread(self._sandbox.weigh, box, light=True)
            excess = await asyncio.to_thread(self._sandbox.excess, box, root.pid, processes, MAX_BYTES)
            if excess:
                log.warning("A learner's code was ended: it %s", excess)
                if root is self._root:
                    await self._end()
        if ticks >= SLOW_TICKS and self._box is not None:
            await asyncio.to_thread(self._sandbox.weigh, self._box, light=False)

    def _last(self, after: int | None = None) -> Snapshot | None:
        """Return the last snapshot that has a process, among the first `after`."""
        return next((snapshot for snapshot in reversed(self._snapshots[:after]) if snapshot.process is not None), None)

    async def _tip(self, plan: Plan) -> Process:
        last = self._last()
        if last is not None and last.process is not None:
            return last.process
        if self._root is None:
            self._box = await asyncio.to_thread(self._sandbox.prepare, plan.files, plan.limits)
            try:
                self._root = await self._zygote.fork(self._box.birth)
                with contextlib.suppress(OSError, AttributeError):
                    self._root_fd = os.pidfd_open(self._root.pid)
                await asyncio.to_thread(self._sandbox.admit, self._box, self._root.pid)
                await self._root.order("enter", box=dict(self._box.order))
            except (ProcessGone, ProcessLate, OrderRefused, SandboxFailed) as err:
                log.error("A sandbox could not be entered: %s", err.reason if isinstance(err, OrderRefused) else err)
                await self.discard()
                raise EngineFailed("A sandboxed process could not be started.") from err
        return self._root

    async def _run_from(self, plan: Plan, keys: list[str], tip: Process, deadline: float) -> bool:
        """Run the cells that are left; False when the line had to be ended and must be built again.

        Raises:
            _NoTime: the deadline has come.

        """
        places = {stop.after for stop in plan.stops} if plan.once else set(range(len(keys) + 1))
        for number in range(len(self._snapshots), len(keys)):
            key, cell = keys[number], plan.cells[number]
            if key in self._fatal:
                self._snapshots.append(Snapshot(key, None, self._fatal[key]))
                continue
            seconds = min(plan.limits.seconds, deadline - time.monotonic())
            short = seconds < plan.limits.seconds
            if seconds <= 0:
                raise _NoTime
            try:
                child = tip if number not in places and tip is not self._root else await self._fork(tip)
            except ProcessGone as err:
                last = self._last()
                await self._distrust(last.key if last else "", last.report.id if last else "")
                if last is None and self._lost[""] >= _CHANCES:
                    raise EngineFailed("A sandboxed process was lost.") from err
                return False
            try:
                claim = await child.order(
                    "run", source=cell.source, seconds=seconds, cell=cell.id, wait=seconds + GRACE_SECONDS
                )
            except ProcessLate:
                child.close()
                if await self.out_of_memory():
                    self._fatal[key] = _too_much(cell.id)
                elif not short:
                    self._fatal[key] = CellReport(id=cell.id, state="timeout", seconds=seconds)
                await self.discard()
                return False
            except (ProcessGone, OrderRefused):
                child.close()
                await self._distrust(key, cell.id)
                return False
            except BaseException:
                child.close()
                raise
            report = cell_report(cell.id, claim)
            if short and report.state == "timeout":
                child.close()
                raise _NoTime
            if child is tip:
                self._emptied(tip)
            tip = child
            self._snapshots.append(Snapshot(key, child, report))
        return True

    async def stand_in(
        self, plan: Plan, after: int, deadline: float, *, last: bool, serve: tuple[int, float] | None = None
    ) -> Process | None:
        """Return a process that stands after some cells and may be used up; None if none can be had.

        It is a fork of that snapshot or, where nothing else needs it and its cell is quickly
        run again, the snapshot itself, which saves a fork on most checks. A process that was lost is
        made again once.

        Args:
            plan: the cells.
            after: how many of them have run.
            deadline: when, on the monotonic clock, cells that must run again must have ended.
            last: whether this is the last time that this request asks for the place.
            serve: a socket on which it shall answer a judge, and for how many seconds.

        """
        for _ in range(_CHANCES):
            ended = self._ended or self._root is None
            if ended and (await self.advance(plan, deadline)).reached < after:
                return None
            found = self._last(after)
            tip = found.process if found is not None and found.process is not None else self._root
            if tip is None:
                return None
            with contextlib.suppress(ProcessGone):
                spent = last and found is not None and self._dispensable(plan, found, after)
                process = self._spend(found) if spent and found is not None else await tip.fork()
                if serve is not None:
                    await process.tell("serve", [serve[0]], seconds=serve[1])
                return process
            await self._distrust(found.key if found else "", found.report.id if found else "")
        return None

    def _dispensable(self, plan: Plan, snapshot: Snapshot, after: int) -> bool:
        """Tell whether nothing is lost when a snapshot is used up."""
        if plan.once:
            return not any(self._last(stop.after) is snapshot for stop in plan.stops if stop.after > after)
        return snapshot is self._snapshots[-1] and snapshot.report.seconds < CHEAP_SECONDS

    def _spend(self, snapshot: Snapshot) -> Process:
        """Take the process out of a snapshot; the cell of a last one runs again when it is needed."""
        assert snapshot.process is not None
        if snapshot is self._snapshots[-1]:
            del self._snapshots[-1]
        else:
            self._emptied(snapshot.process)
        return snapshot.process

    def _emptied(self, process: Process) -> None:
        """Note that a process no longer stands where its snapshot was taken."""
        self._snapshots = [replace(kept, process=None) if kept.process is process else kept for kept in self._snapshots]

    async def fork_ahead(self, idle: Callable[[], bool]) -> None:
        """Fork what the next edit is likely to start from; while nobody waits for a processor, make it ready too."""
        last = self._last()
        base = last.process if last is not None else self._root
        if base is None or self._spare is not None:
            return
        with contextlib.suppress(ProcessGone, ProcessLate, OrderRefused):
            spare = await base.fork()
            if idle():
                await spare.order("limber")
            if base.usable and self._spare is None:
                self._spare = (base, spare)
            else:
                spare.close()

    async def _fork(self, tip: Process) -> Process:
        spare, self._spare = self._spare, None
        if spare is not None:
            if spare[0] is tip and spare[1].usable:
                return spare[1]
            spare[1].close()
        return await tip.fork()

    async def _distrust(self, key: str, cell: str) -> None:
        """End the line because the process after a cell was lost; if it happens again, it is the cell's doing."""
        self._lost[key] = self._lost.get(key, 0) + 1
        if await self.out_of_memory():
            self._fatal[key] = _too_much(cell)
        elif self._lost[key] >= _CHANCES:
            self._fatal[key] = CellReport(id=cell, state="crashed")
        await self.discard()

    def _keep_prefix(self, keys: list[str]) -> int:
        same = 0
        for snapshot, key in zip(self._snapshots, keys, strict=False):
            if snapshot.key != key:
                break
            same += 1
        for snapshot in self._snapshots[same:]:
            if snapshot.process:
                snapshot.process.close()
        del self._snapshots[same:]
        self._fatal = {key: report for key, report in self._fatal.items() if key in keys}
        self._lost = {key: times for key, times in self._lost.items() if key in keys}
        return same


def _too_much(cell: str) -> CellReport:
    """Report a cell during which the kernel ended a process of the line for want of memory."""
    words = "All processes of the notebook together used too much memory."
    return CellReport(id=cell, state="raised", name="MemoryError", message=words)
