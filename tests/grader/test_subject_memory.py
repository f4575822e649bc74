"""What is expected never enters a process that runs learner code: its memory is searched (G3)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from grader_masters import HIDDEN, material, sent

from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.judging import Judging

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the memory of other processes")

WANTED, TOLD = "expected-4be1c7", "argument-93d0aa"  # put together below, so that this file's own text is not found


def memory_of(pid: int) -> bytes:
    """Return all private memory of a process; nothing of one that has just ended."""
    found = bytearray()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw-p", line)
            if place:
                start, end = (int(number, 16) for number in place.groups())
                memory.seek(start)
                found += memory.read(end - start)
    return bytes(found)


@pytest.fixture
def alone(run: Any) -> Iterator[Engine]:
    """An engine with nothing else in it, as all its processes are read."""
    engine = Engine()
    run(engine.start())
    yield engine
    run(engine.stop())


def test_the_memory_of_learners_processes_holds_nothing_that_is_expected(alone: Engine, run: Any) -> None:
    book = material(
        ("answer", "a", "kept = []\ndef f(n):\n    kept.append(n)\n    return n[::-1]"),
        ("test", "t", HIDDEN.format(f"# {WANTED}-comment\nassert f('{TOLD}') == '{TOLD}'[::-1], '{WANTED}-message'")),
    )
    engine = alone
    judging = Judging(engine)
    cells = sent(book, a="def f(n):\n    import os\n    open('told', 'a').write(n)\n    return n[::-1]")

    async def checked() -> None:
        judged, _ = await judging.judge("memory", book, book.questions()[0], cells)
        assert judged.verdict == "passed"
        await asyncio.gather(*engine._preparing)  # a judge that is forked just now would count as a learner's

    run(checked())
    forked = psutil.Process(engine._zygotes[()].child.pid).children(recursive=True)
    roots = [psutil.Process(prepared.process.pid) for prepared in engine._judges._prepared.values()]
    judges = {process.pid for root in roots for process in (root, *root.children(recursive=True))}
    learners = [process.pid for process in forked if process.pid not in judges]
    assert any(WANTED.encode() in memory_of(pid) for pid in judges), "the search finds what is there"
    assert [pid for pid in learners if WANTED.encode() in memory_of(pid)] == []
