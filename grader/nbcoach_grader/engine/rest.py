"""Rest: a warm notebook waits for its learner. One that goes on working is found here, and then ended.

What a cell has started, threads and processes, lives as long as the snapshots that stand beside it, and would go on
using a processor after the verdict. Nobody waits for it, and the next check makes the notebook anew. Rejected:
stopping a line with signals, as a stopped process does not see that the service has died; and ending whatever is no
snapshot, as a thread that sleeps does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ..sandbox.abc import Box, Sandbox

SECONDS = 1.0
"""Between two looks."""

MAX_SHARE = 0.1
"""How much of one processor a notebook may use while nobody asks."""


class Warm(Protocol):
    """A notebook that is kept; `uses` counts how often somebody or something has worked with it."""

    lock: asyncio.Lock
    uses: int

    def places(self) -> list[tuple[Box, int]]:
        """Return the boxes of its processes, each with their process group."""


@dataclass(frozen=True)
class _Look:
    notebook: Warm
    uses: int
    at: float
    seconds: float


class Rest:
    """Look at warm notebooks again and again.

    Args:
        sandbox: what their processes are in.

    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._before: dict[str, _Look] = {}

    async def disturbed(self, notebooks: Mapping[str, Warm]) -> list[str]:
        """Return the names of those that have worked since the last look though nothing was asked of them."""
        waiting = [(name, found, found.uses, found.places()) for name, found in notebooks.items() if _waits(found)]
        boxes = [place for *_, places in waiting for place in places]
        told = iter(await asyncio.to_thread(self._sandbox.processor_seconds, boxes) if boxes else ())
        now = time.monotonic()
        looks: dict[str, _Look] = {}
        for name, found, uses, places in waiting:
            seconds = sum(next(told) for _ in places)
            if _waits(found) and found.uses == uses:
                looks[name] = _Look(found, uses, now, seconds)
        before, self._before = self._before, looks
        return [name for name, look in looks.items() if name in before and _has_worked(before[name], look)]


def _waits(notebook: Warm) -> bool:
    return not notebook.lock.locked()


def _has_worked(before: _Look, now: _Look) -> bool:
    same = now.notebook is before.notebook and now.uses == before.uses
    return same and now.seconds - before.seconds > MAX_SHARE * (now.at - before.at)
