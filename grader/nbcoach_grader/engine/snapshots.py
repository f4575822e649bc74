"""A line of snapshots: one learner's processes in one exercise, each standing after one more cell.

All processes of a line descend from one root that the zygote forked, share one sandbox box,
and die together. A cell that killed its process, or had to be killed, is remembered and
skipped, so that the rest of the notebook is still judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from ..errors import EngineFailed
from ..sandbox.abc import Box, Sandbox
from .plan import CellReport, Plan, cell_report, chain_keys
from .process import Process, ProcessGone, ProcessLate

GRACE_SECONDS = 1.0


@dataclass(frozen=True)
class Snapshot:
    """A process after a cell; `process` is None where the cell left none."""

    key: str
    process: Process | None
    report: CellReport


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
        self._box: Box | None = None
        self._snapshots: list[Snapshot] = []
        self._fatal: dict[str, CellReport] = {}
        self.lock = asyncio.Lock()
        self.used = time.monotonic()

    @property
    def zygote(self) -> Process:
        """Return the fork server that this line hangs on."""
        return self._zygote

    async def advance(self, plan: Plan) -> tuple[Process, tuple[CellReport, ...], int]:
        """Run what changed and return the process after the last cell.

        Returns:
            The process, a report for each cell, and how many cells needed no run.

        Raises:
            EngineFailed: no process can be had.

        """
        self.used = time.monotonic()
        keys = chain_keys(plan)
        reused = self._keep_prefix(keys)
        for _ in range(len(keys) + 2):  # each turn but two ends with one more fatal cell
            tip = await self._tip(plan)
            done = len(self._snapshots)
            if done == len(keys):
                return tip, tuple(snapshot.report for snapshot in self._snapshots), reused
            if await self._run_from(plan, keys, done, tip):
                continue
            reused = 0
        raise EngineFailed("The notebook could not be run to its end.")

    async def discard(self) -> None:
        """End every process of the line and remove its box; idempotent."""
        for snapshot in self._snapshots:
            if snapshot.process:
                snapshot.process.close()
        self._snapshots.clear()
        root, self._root = self._root, None
        if root is not None:
            root.close()
            with contextlib.suppress(ProcessGone, ProcessLate, EngineFailed):
                await self._zygote.order("discard", pid=root.pid)
        box, self._box = self._box, None
        if box is not None:
            await asyncio.to_thread(self._sandbox.discard, box)

    async def _tip(self, plan: Plan) -> Process:
        for snapshot in reversed(self._snapshots):
            if snapshot.process is not None:
                return snapshot.process
        if self._root is None:
            self._box = await asyncio.to_thread(self._sandbox.prepare, plan.files, plan.limits)
            try:
                self._root = await self._zygote.fork()
                await self._root.order("enter", box=dict(self._box.order))
            except (ProcessGone, ProcessLate) as err:
                await self.discard()
                raise EngineFailed("A sandboxed process could not be started.") from err
        return self._root

    async def _run_from(self, plan: Plan, keys: list[str], start: int, tip: Process) -> bool:
        """Run cells on; False when the line had to be ended and must be built again."""
        for number in range(start, len(keys)):
            key, cell = keys[number], plan.cells[number]
            if key in self._fatal:
                self._snapshots.append(Snapshot(key, None, self._fatal[key]))
                continue
            seconds = plan.limits.seconds
            try:
                child = await tip.fork()
            except (ProcessGone, ProcessLate):
                await self.discard()
                return False
            try:
                claim = await child.order("run", source=cell.source, seconds=seconds, wait=seconds + GRACE_SECONDS)
            except ProcessLate:
                self._fatal[key] = CellReport(id=cell.id, state="timeout", seconds=seconds)
                await self.discard()
                return False
            except ProcessGone:
                child.close()
                self._fatal[key] = CellReport(id=cell.id, state="crashed")
                await self.discard()
                return False
            tip = child
            self._snapshots.append(Snapshot(key, child, cell_report(cell.id, claim)))
        return True

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
        return same
