"""The watch: bounds what runs in a line of snapshots from outside, as nothing inside can be trusted to.

When it has too many processes or writes too much, all of it is ended; when it runs for long, it gets a smaller share
of the processors than who checks briefly.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from ..sandbox.abc import Box, Sandbox
from ..sandbox.protection import Name

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.25
SLOW_TICKS = 4
MAX_BYTES = 256 * 2**20


class Watched(Protocol):
    """What runs in a box; it may come to another box meanwhile."""

    @property
    def place(self) -> tuple[Box, int] | None:
        """Return the box and the process group of all that runs in it, if anything does."""

    async def end(self, excess: Name | None = None) -> None:
        """Kill all of it, for what it uses too much of."""


@contextlib.asynccontextmanager
async def watched(line: Watched, sandbox: Sandbox, processes: int) -> AsyncIterator[None]:
    """Watch a line as long as the context lasts.

    Args:
        line: the line.
        sandbox: what it runs in.
        processes: how many it may have.

    """
    stop = asyncio.Event()
    watch = asyncio.create_task(_watch(line, sandbox, processes, stop))
    try:
        yield
    finally:
        stop.set()  # never cancelled: an order to the zygote must be waited for
        await watch


async def _watch(line: Watched, sandbox: Sandbox, processes: int, stop: asyncio.Event) -> None:
    ticks = 0
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await stop.wait()
                break
        place = line.place
        if place is None:
            continue
        box, leader = place
        ticks += 1
        if ticks == SLOW_TICKS:
            await asyncio.to_thread(sandbox.weigh, box, light=True)
        excess = await asyncio.to_thread(sandbox.excess, box, leader, processes, MAX_BYTES)
        if excess and line.place == place:
            log.warning("A learner's code was ended: too much of %s", excess)
            await line.end(excess)
    if ticks >= SLOW_TICKS and line.place is not None:
        await asyncio.to_thread(sandbox.weigh, line.place[0], light=False)
