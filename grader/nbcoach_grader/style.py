"""Style: what ruff notices in a learner's answers, told kindly, in a few notes that never change points.

ruff reads the learner's code cells as one notebook, so it knows magics, and a name that another cell uses is used.
It works beside the judge; what is not there soon after the verdict is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence, Set

from nbcoach_exercises.wire import CellSource, StyleNote

from .errors import EngineFailed
from .feedback import clean
from .ruff_server import Finding, RuffServer
from .style_rules import RULES

log = logging.getLogger(__name__)

MAX_NOTES = 5
MAX_SOURCE = 200_000
PATIENCE = 0.03
"""Seconds that a verdict waits for notes; they are mostly there before it."""

_ANYWHERE = frozenset({"F401", "F811"})
"""Rules about the whole notebook, which mean nothing where some of its cells cannot be read."""

_RANKS = {rule: rank for rank, rule in enumerate(RULES)}


class Style:
    """Read learners' answers with one ruff, which is started when it is first needed."""

    def __init__(self) -> None:
        self._ruff = RuffServer(list(RULES))
        self._silent = False

    async def notes(
        self, cells: Sequence[CellSource], answers: Sequence[str], starters: Mapping[str, str]
    ) -> tuple[StyleNote, ...]:
        """Return notes on answer cells, at most five each, the most useful first; none where ruff cannot be had.

        Args:
            cells: the learner's code cells in order.
            answers: grade ids of the cells to look at.
            starters: by grade id, what the author gave; its lines are not the learner's to improve.

        """
        if sum(len(cell.source) for cell in cells) > MAX_SOURCE:
            return ()
        own = [cell for cell in cells if cell.grade_id in answers]
        try:
            found = await self._findings(cells)
            if any(item.code not in RULES and cells[item.cell].grade_id not in answers for item in found):
                cells = own  # what cannot be read is not these cells' fault
                found = [item for item in await self._findings(own) if item.code not in _ANYWHERE]
        except EngineFailed as err:
            self._complain(err)
            return ()
        notes: dict[str, dict[str, StyleNote]] = {name: {} for name in answers}
        lines = [cell.source.splitlines() if cell.grade_id in notes else [] for cell in cells]
        given = {name: {line.strip() for line in starters.get(name, "").splitlines()} for name in answers}
        for item in sorted(found, key=_usefulness):
            name = cells[item.cell].grade_id
            if name in notes and len(notes[name]) < MAX_NOTES and item.code not in notes[name]:
                note = _note(name, item, lines[item.cell], given[name])
                if note is not None:
                    notes[name][item.code] = note
        return tuple(note for kept in notes.values() for note in kept.values())

    async def close(self) -> None:
        """End the ruff that reads; idempotent."""
        await self._ruff.close()

    async def _findings(self, cells: Sequence[CellSource]) -> list[Finding]:
        return await self._ruff.findings([cell.source for cell in cells])

    def _complain(self, err: EngineFailed) -> None:
        """Tell the log once: without style notes everything else goes on."""
        if not self._silent:
            self._silent = True
            log.warning("There are no style notes: %s", err.message)


async def within(task: asyncio.Task[tuple[StyleNote, ...]], seconds: float) -> tuple[StyleNote, ...]:
    """Return the notes of a task if they come within some seconds; else none, and the task is ended."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await task
    return ()


def _usefulness(item: Finding) -> tuple[int, int, int]:
    return _RANKS.get(item.code, len(_RANKS)), item.cell, item.row


def _note(name: str, item: Finding, lines: Sequence[str], given: Set[str]) -> StyleNote | None:
    """Put a finding into friendly words; None for what is not the learner's line, or no matter of style."""
    if item.code not in RULES or item.row > len(lines):
        return None
    text = lines[item.row - 1].strip()
    if not text or text in given:
        return None
    what, why = RULES[item.code]
    quoted = item.message.split("`")
    word = quoted[1] if len(quoted) > 2 else text
    return StyleNote(
        cell=name,
        rule=item.code,
        line=item.row,
        text=clean(text)[:200],
        what=clean(what.replace("{name}", word[:60]))[:300],
        why=why,
        url=item.url if item.url.startswith("https://docs.astral.sh/ruff/") else None,
    )
