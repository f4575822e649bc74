"""The runner: Python runs from fork snapshots, other languages in their Jupyter kernels, both by the same plans."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from .engine.engine import Engine
from .engine.plan import Begun, Outcome, Plan, nothing
from .kernels.engine import KernelEngine


class Runs(Protocol):
    """Whatever runs plans."""

    async def run(self, plan: Plan, begun: Begun = nothing) -> Outcome:
        """Run a learner's notebook and judge it at its stops; `begun` is called when it is its turn."""


class Runner:
    """Run plans where they belong.

    Args:
        engine: for Python.
        kernels: for everything else; started when it is first needed.

    """

    def __init__(self, engine: Engine, kernels: KernelEngine | None = None) -> None:
        self.engine = engine
        self.kernels = kernels or KernelEngine()
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start what most notebooks need; idempotent."""
        await self.engine.start()

    async def stop(self) -> None:
        """End every process; idempotent."""
        await self.engine.stop()
        await self.kernels.stop()

    async def run(self, plan: Plan, begun: Begun = nothing) -> Outcome:
        """Run a learner's notebook and judge it at its stops; `begun` is called when it is its turn.

        Raises:
            GraderFailed: the grader itself failed; nothing is known about the work.
            InvalidInput: no kernel of the plan's name is installed.

        """
        if not plan.kernel:
            return await self.engine.run(plan, begun)
        async with self._starting:
            await self.kernels.start()
        return await self.kernels.run(plan, begun)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Runner]:
    """Give a runner with default settings to a command, and end it afterwards."""
    runner = Runner(Engine())
    await runner.start()
    try:
        yield runner
    finally:
        await runner.stop()
