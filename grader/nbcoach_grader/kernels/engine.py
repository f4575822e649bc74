"""The engine for other languages: plans in, outcomes out, through Jupyter kernels.

Theory of operation: kernels are started ahead, in the sandbox, and each serves one request. A
notebook runs twice, side by side: in the open kernel, with the checks that a learner may see, and, if there
are hidden ones, in the blind kernel with all of them. Of what happens in the blind one nothing is
ever shown but its verdicts on hidden checks. An outcome is returned only after every process of
both has gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import zmq.asyncio
from traitlets import Float, Integer, List, Unicode
from traitlets.config import LoggingConfigurable

from ..engine.decisions import Decisions, merged
from ..engine.plan import Begun, CellReport, Outcome, Plan, nothing
from ..errors import EngineFailed, EngineStopped
from ..sandbox.abc import Sandbox
from ..sandbox.choice import choose
from ..sandbox.removal import remove
from .kernel import SOCKET, WIRE, Kernel, new_context
from .pool import Pool
from .run import Run
from .specs import Spec, find_spec, system_folders

log = logging.getLogger(__name__)

_EXTRA_SECONDS = 4.0
_PREFIX = "nbcoach-kernels-"
_MAX_ADDRESS = 103
"""Bytes in the address of a local socket, on any system; Linux takes 107."""

_BELOW = len(f"/{_PREFIX}01234567/box-01234567/work/{WIRE}/{SOCKET}-12345")
"""Bytes that a kernel's sockets have in their addresses beyond the temporary folder."""


class KernelEngine(LoggingConfigurable):
    """Run learners' notebooks in Jupyter kernels, and their tests with them."""

    ready_kernels = Integer(2, min=0, help="Kernels of each kind that are kept started, by default 2.").tag(config=True)
    kernel_folders = List(
        Unicode(), help="Folders of kernelspecs; by default this environment's, /usr/local's and /usr's."
    ).tag(config=True)
    readable = List(
        Unicode(),
        ["/etc/alternatives", "/etc/R"],
        help="Files and folders that kernels may read beside /usr and this environment, where they exist.",
    ).tag(config=True)
    max_running = Integer(help="Notebooks that run at once; by default the number of processors.").tag(config=True)
    max_seconds = Float(
        15.0, help="Longest time in seconds for judging one question, unless an exercise allows its cells more."
    ).tag(config=True)
    start_seconds = Float(30.0, help="Longest time in seconds for starting a kernel, by default 30.").tag(config=True)

    def _max_running_default(self) -> int:
        return os.cpu_count() or 1

    def _kernel_folders_default(self) -> list[str]:
        return system_folders()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._folder: Path | None = None
        self._sandbox: Sandbox | None = None
        self._context: zmq.asyncio.Context | None = None
        self._pools: dict[str, Pool] = {}
        self._running = asyncio.Semaphore(self.max_running)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._used: set[Kernel] = set()

    async def start(self) -> None:
        """Choose a sandbox and make room; idempotent.

        Raises:
            EngineFailed: no temporary folder has a name short enough for sockets.

        """
        if self._folder is None:
            self._folder = _make_folder()
            self._sandbox = choose(self._folder, ordinary=True)
            self._context = new_context()
            log.info("Kernels run in sandbox %s", self._sandbox.name)

    async def stop(self) -> None:
        """End every process and remove every file; idempotent."""
        folder, self._folder = self._folder, None
        for pool in self._pools.values():
            await pool.discard()
        self._pools.clear()
        for kernel in tuple(self._used):
            await self._end(kernel)
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None
        if folder is not None:
            await asyncio.to_thread(remove, folder)

    def statistics(self) -> dict[str, int]:
        """Return how many kernels are ready, and how many are in use."""
        return {"ready": sum(map(len, self._pools.values())), "used": len(self._used)}

    async def warm(self, kernel: str) -> None:
        """Start kernels of a kind before the first learner comes.

        Raises:
            InvalidInput: none of that name is installed.

        """
        await self._pool(kernel).filled()

    async def run(self, plan: Plan, begun: Begun = nothing) -> Outcome:
        """Run a learner's notebook and its tests. A learner's requests are served one after the other.

        Raises:
            InvalidInput: the notebook's kernel is not installed.
            EngineFailed: the grader itself failed; nothing is known about the work.

        """
        turn = self._turns.setdefault(plan.learner, asyncio.Lock())
        async with turn, self._running:
            begun()
            pool = self._pool(plan.kernel)
            blind = any(check.hidden for test in plan.tests for check in test.checks)
            kernels: list[Kernel] = []
            try:
                for _ in range(2 if blind else 1):
                    kernels.append(await pool.take())
                    self._used.add(kernels[-1])
                return await self._work(plan, kernels)
            finally:
                await asyncio.shield(asyncio.gather(*map(self._end, kernels)))
                pool.refill()

    async def _work(self, plan: Plan, kernels: list[Kernel]) -> Outcome:
        start = time.monotonic()
        deadline = start + max(self.max_seconds, plan.limits.seconds + _EXTRA_SECONDS)
        runs = [Run(plan, kernel, hidden=side > 0, deadline=deadline) for side, kernel in enumerate(kernels)]
        sides = await asyncio.gather(*(run.to_end() for run in runs), return_exceptions=True)
        found: list[tuple[tuple[CellReport, ...], Decisions]] = []
        for side in sides:
            if isinstance(side, BaseException):
                raise side
            found.append(side)
        if self._folder is None:
            raise EngineStopped("The engine was stopped.")
        tests = merged(replace(plan, shared=frozenset(t.grade_id for t in plan.tests)), found[0][1], found[-1][1])
        return Outcome(cells=found[0][0], tests=tests, seconds=time.monotonic() - start, reused=0)

    def _pool(self, name: str) -> Pool:
        if self._folder is None:
            raise EngineStopped("The engine is not running.")
        if name not in self._pools:
            spec = find_spec(name, self.kernel_folders)
            self._pools[name] = Pool(lambda: self._started(spec), self.ready_kernels)
        return self._pools[name]

    async def _started(self, spec: Spec) -> Kernel:
        if self._sandbox is None or self._context is None:
            raise EngineStopped("The engine is not running.")
        kernel = Kernel(spec, self._sandbox, self._context, self.readable)
        await kernel.start(self.start_seconds)
        return kernel

    async def _end(self, kernel: Kernel) -> None:
        await kernel.discard()
        self._used.discard(kernel)


def _make_folder() -> Path:
    """Make a folder below the temporary one or, where that has too long a name, below the system's.

    Raises:
        EngineFailed: there is none with a name short enough.

    """
    wanted = tempfile.gettempdir()
    for parent in (wanted, "/tmp", "/var/tmp"):  # noqa: S108 - the folder itself is made safely
        if len(os.fsencode(parent)) + _BELOW <= _MAX_ADDRESS and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    longest = _MAX_ADDRESS - _BELOW
    raise EngineFailed(
        f"The temporary folder {wanted} has too long a name for the sockets of kernels: set TMPDIR to a folder whose "
        f"name has at most {longest} bytes."
    )
