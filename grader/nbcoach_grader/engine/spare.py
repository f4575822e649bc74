"""A spare: a fork that is made ahead of the next edit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from .process import OrderRefused, Process, ProcessGone, ProcessLate


class Spare:
    """One fork at most, and what it is a fork of."""

    def __init__(self) -> None:
        self._made: tuple[Process, Process] | None = None

    async def make(self, base: Process, idle: Callable[[], bool]) -> None:
        """Fork a process, unless there is a spare; while nobody waits for a processor, make it ready too."""
        if self._made is not None:
            return
        with contextlib.suppress(ProcessGone, ProcessLate, OrderRefused):
            process = await base.fork()
            if idle():
                await process.order("limber")
            if base.usable and self._made is None:
                self._made = (base, process)
            else:
                process.close()

    def take(self, base: Process) -> Process | None:
        """Return the spare if it is a fork of a process, None otherwise; afterwards there is none."""
        made, self._made = self._made, None
        if made is not None:
            if made[0] is base and made[1].usable:
                return made[1]
            made[1].close()
        return None

    def close(self) -> None:
        """End it; idempotent."""
        made, self._made = self._made, None
        if made is not None:
            made[1].close()
