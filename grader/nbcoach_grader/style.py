"""Style: what ruff notices in a learner's answers, told kindly, in a few notes that never change points.

Theory of operation. ruff parses text and executes nothing. It reads the learner's code cells as one notebook from its
standard input, so it knows magics, and a name that another cell uses is used. It gets no configuration, no environment,
no cache, and bounds on time, memory and files, before the first byte of the learner's is written to it. It runs
beside the judge; what is not there soon after the verdict is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import resource
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from nbcoach_exercises.wire import CellSource, StyleNote

from .feedback import clean
from .style_rules import RULES

log = logging.getLogger(__name__)

MAX_NOTES = 5
MAX_SOURCE = 200_000
MAX_ANSWER = 8 * 2**20
SECONDS = 2.0
PATIENCE = 0.03
"""Seconds that a verdict waits for notes; they are mostly there before it."""

PLACES = 4
_LIMITS = {
    resource.RLIMIT_AS: 512 * 2**20,
    resource.RLIMIT_CPU: 2,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 32,
    resource.RLIMIT_CORE: 0,
}
_ANYWHERE = frozenset({"F401", "F811"})
"""Rules about the whole notebook, which mean nothing where some of its cells cannot be read."""


class Style:
    """Read learners' answers with ruff, a few at a time."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(PLACES)
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
            async with self._places:
                found = await _checked(cells, ",".join(RULES))
                if any(item["code"] not in RULES and cells[item["cell"]] not in own for item in found):
                    cells = own  # what cannot be read is not these cells' fault
                    found = await _checked(own, ",".join(RULES.keys() - _ANYWHERE))
        except (OSError, ValueError, LookupError, TypeError) as err:
            self._complain(err)
            return ()
        notes = {name: list[StyleNote]() for name in answers}
        for item in sorted(found, key=_usefulness):
            cell = cells[item["cell"]]
            if cell in own and cell.grade_id is not None:
                note = _note(cell, item, starters.get(cell.grade_id, ""))
                kept = notes[cell.grade_id]
                if note is not None and len(kept) < MAX_NOTES and note.rule not in {other.rule for other in kept}:
                    kept.append(note)
        return tuple(note for kept in notes.values() for note in kept)

    def _complain(self, err: Exception) -> None:
        """Tell the log once: without style notes everything else goes on."""
        if not self._silent:
            self._silent = True
            log.warning("There are no style notes: ruff does not answer (%s: %s)", type(err).__name__, err)


async def within(task: asyncio.Task[tuple[StyleNote, ...]], seconds: float) -> tuple[StyleNote, ...]:
    """Return the notes of a task if they come within some seconds; else none, and the task is ended."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await task
    return ()


@cache
def ruff() -> str:
    """Return the path of the ruff that came with this Python, or else the one of the machine.

    Raises:
        FileNotFoundError: there is none.

    """
    beside = Path(sysconfig.get_path("scripts")) / "ruff"
    found = str(beside) if beside.is_file() else shutil.which("ruff")
    if found is None:
        raise FileNotFoundError("ruff is not installed")
    return found


async def _checked(cells: Sequence[CellSource], rules: str) -> list[dict[str, Any]]:
    """Return what ruff finds, as `{"code", "cell", "row", "message", "url"}`; a syntax error's code is no rule."""
    command = [
        ruff(),
        "check",
        "--isolated",
        "--no-cache",
        "--quiet",
        "--output-format",
        "json",
        "--line-length",
        "100",
    ]
    command += ["--target-version", "py311", "--select", rules, "--stdin-filename", "notebook.ipynb", "-"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, env={}, cwd="/", limit=MAX_ANSWER
    )
    try:
        for kind, value in _LIMITS.items():
            resource.prlimit(process.pid, kind, (value, value))
        async with asyncio.timeout(SECONDS):
            answer, _ = await process.communicate(_notebook(cells))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode not in (0, 1):
        raise ValueError(f"it ended with {process.returncode}")
    found = json.loads(answer[:MAX_ANSWER])
    return [
        {
            "code": str(item["code"]),
            "cell": min(max(int(item["cell"] or 1), 1), len(cells)) - 1,
            "row": max(int(item["location"]["row"]), 1),
            "message": str(item["message"]),
            "url": str(item.get("url") or ""),
        }
        for item in found
    ]


def _notebook(cells: Sequence[CellSource]) -> bytes:
    """Return code cells as a notebook file."""
    code: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    body = {
        "cells": [{**code, "source": cell.source} for cell in cells],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return json.dumps(body).encode("utf-8", "replace")


def _usefulness(item: Mapping[str, Any]) -> tuple[int, int, int]:
    rank = list(RULES).index(item["code"]) if item["code"] in RULES else len(RULES)
    return rank, item["cell"], item["row"]


def _note(cell: CellSource, item: Mapping[str, Any], starter: str) -> StyleNote | None:
    """Put a finding into friendly words; None for what is not the learner's line, or no matter of style."""
    lines = cell.source.splitlines()
    if item["code"] not in RULES or item["row"] > len(lines):
        return None
    text = lines[item["row"] - 1].strip()
    if not text or text in {line.strip() for line in starter.splitlines()}:
        return None
    what, why = RULES[item["code"]]
    quoted = item["message"].split("`")
    name = quoted[1] if len(quoted) > 2 else text
    return StyleNote(
        cell=cell.grade_id or cell.id,
        rule=item["code"],
        line=item["row"],
        text=clean(text)[:200],
        what=clean(what.replace("{name}", name[:60]))[:300],
        why=why,
        url=item["url"] if item["url"].startswith("https://docs.astral.sh/ruff/") else None,
    )
