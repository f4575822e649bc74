"""A pair of lines: what one learner's snapshots in one exercise consist of."""

from __future__ import annotations

import asyncio
import time

from ..sandbox.abc import Box, Sandbox
from .decisions import Part, merged
from .discretion import discreet
from .judges import Judges
from .plan import Outcome, Plan
from .prefixes import Prefix
from .side import Decided, Side, deadline_of
from .snapshots import Line
from .standing import Standing


class Pair:
    """The two lines of a learner in an exercise.

    What the open one prints, and what the checks that it meets complain about, is shown to
    the learner. The blind one alone meets hidden checks, and of what happens there nothing is ever
    shown but the judge's verdict: whatever its code keeps of hidden arguments, in files, pipes or
    shared memory, has no way back. Code that can keep nothing (`discretion`) needs no blind line.
    """

    def __init__(self, prefix: Prefix, sandbox: Sandbox) -> None:
        self.prefix = prefix
        self.lock = asyncio.Lock()
        self.open = Line(prefix, sandbox)
        self.blind = Line(prefix, sandbox)
        self.memory_bytes = 0
        self.uses = 0

    @property
    def excesses(self) -> int:
        """Return how often one of the two was ended for what it used too much of."""
        return self.open.excesses + self.blind.excesses

    def places(self) -> list[tuple[Box, int]]:
        """Return the boxes of the two, each with the process group of all that runs in it."""
        return [place for place in (self.open.place, self.blind.place) if place is not None]

    async def settle(self) -> None:
        """Wait until what an answer has left behind has gone."""
        await self.open.settle()
        await self.blind.settle()

    async def measure(self) -> None:
        """Note how much memory the two have now."""
        self.memory_bytes = await self.open.memory_bytes() + await self.blind.memory_bytes()

    async def discard(self) -> None:
        """End both."""
        await self.open.discard()
        await self.blind.discard()

    async def judge(self, plan: Plan, judges: Judges, seconds: float, *, crowded: bool = False) -> Outcome:
        """Judge what a learner may see on the open line and everything on the blind one, side by side.

        Where processors are short, one line does for discreet code: it meets hidden checks last, when all that is
        shown has been taken. That is half the work, but takes longer where a processor is free for each line.
        """
        start = time.monotonic()
        deadline = deadline_of(plan, seconds)
        parts = [(self.open, [Part.VISIBLE])]
        if plan.has_hidden and crowded and not plan.shared and discreet(plan):
            parts[0][1].append(Part.HIDDEN)
        elif plan.has_hidden:
            parts.append((self.blind, [Part.ALL]))
        sides = [Side(plan, line, judges, deadline, told, seconds).decide() for line, told in parts]
        found = await asyncio.gather(*sides, return_exceptions=True)
        standings: list[Standing] = []
        decided: Decided = {}
        for side in found:
            if isinstance(side, BaseException):
                raise side
            standings.append(side[0])
            decided |= side[1]
        visible = decided.pop(Part.VISIBLE)
        hidden = next(iter(decided.values()), visible)
        tests = merged(plan, visible, hidden)
        seen = standings[0]
        return Outcome(cells=seen.cells, tests=tests, seconds=time.monotonic() - start, reused=seen.reused)
