"""Kernels of one kind, started ahead: each is taken once, and another is started in its place."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from ..errors import GraderFailed
from .kernel import Kernel

log = logging.getLogger(__name__)


class Pool:
    """Kernels that have run nothing yet.

    Args:
        start: starts one.
        size: how many are kept ready.

    """

    def __init__(self, start: Callable[[], Awaitable[Kernel]], size: int) -> None:
        self._start = start
        self._size = size
        self._ready: deque[Kernel] = deque()
        self._refilling: asyncio.Task[None] | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._ready)

    async def take(self) -> Kernel:
        """Return a kernel that nobody has used: one that waits or, where none does, one started now.

        Raises:
            EngineFailed: none can be started.

        """
        while self._ready:
            kernel = self._ready.popleft()
            if kernel.usable:
                return kernel
            await kernel.discard()
        return await self._start()

    def refill(self) -> None:
        """Start what is missing, one after the other, while nobody waits for it."""
        if self._refilling is None and not self._closed:
            self._refilling = asyncio.create_task(self._refill())

    async def filled(self) -> None:
        """Wait until as many are ready as are kept, or one could not be started."""
        self.refill()
        if self._refilling is not None:
            await asyncio.shield(self._refilling)

    async def _refill(self) -> None:
        try:
            while len(self._ready) < self._size and not self._closed:
                self._ready.append(await self._start())
        except GraderFailed as err:  # the next request tries again, and is told
            log.warning("No kernel could be started ahead: %s", err)
        finally:
            self._refilling = None

    async def discard(self) -> None:
        """End all kernels; none is started any more."""
        self._closed = True
        if self._refilling is not None:
            self._refilling.cancel()
            await asyncio.gather(self._refilling, return_exceptions=True)
        while self._ready:
            await self._ready.popleft().discard()
