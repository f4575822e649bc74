"""A warm notebook waits; one that goes on working while nobody asks is ended, and made anew when it is asked for."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from grader_plans import plan, verdicts

from nbcoach_grader.engine import rest
from nbcoach_grader.engine.engine import Engine

TEST = "assert x == 3"
HIDDEN = f"### BEGIN HIDDEN TESTS\n{TEST}\n### END HIDDEN TESTS"
SLOW = "import time\ntime.sleep(0.1)\n"  # a cell that is not cheap keeps its process beside the one that serves
SPIN = "import threading\ndef spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()\nx = 3"
BUSY = {
    "processes": ("import os\nfor _ in range(2):\n    if os.fork() == 0:\n        while True: pass\nx = 3", TEST),
    "a thread that nobody has used up": (SPIN, HIDDEN),
    "a late one": ("import os, time\nif os.fork() == 0:\n    time.sleep(2)\n    while True: pass\nx = 3", TEST),
}
STILL = {
    "nothing": "x = 3",
    "a thread that sleeps": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nx = 3",
    "a thread that ended with its check": SPIN,
    "a process that waits": "import subprocess\np = subprocess.Popen(['sleep', '60'])\nx = 3",
}


async def warm(engine: Engine, source: str, seconds: float, tests: str = TEST) -> bool:
    """Check a cell, and tell whether its notebook is still warm after some seconds."""
    found = await engine.run(plan(SLOW + source, tests=tests))
    assert verdicts(found) == ["passed"]
    end = time.monotonic() + seconds
    while engine.statistics()["lines"] and time.monotonic() < end:
        await asyncio.sleep(0.1)
    return bool(engine.statistics()["lines"])


@pytest.mark.parametrize(("source", "tests"), BUSY.values(), ids=list(BUSY))
def test_what_goes_on_working_is_ended(run: Any, source: str, tests: str) -> None:
    async def story() -> None:
        engine = Engine()
        await engine.start()
        try:
            assert not await warm(engine, source, 20, tests)
            assert verdicts(await engine.run(plan(SLOW + source, tests=tests))) == ["passed"]
        finally:
            await engine.stop()

    run(story())


@pytest.mark.parametrize("source", STILL.values(), ids=list(STILL))
def test_what_waits_stays_warm(run: Any, source: str) -> None:
    async def story() -> None:
        engine = Engine()
        await engine.start()
        try:
            assert await warm(engine, source, 4 * rest.SECONDS)
            again = await engine.run(plan(SLOW + source, tests="assert x == 3", learner="ada"))
            assert verdicts(again) == ["passed"]
            assert len(engine._pairs) == 1
        finally:
            await engine.stop()

    run(story())


def test_checks_one_after_the_other_are_no_unrest(run: Any) -> None:
    async def story() -> None:
        engine = Engine()
        await engine.start()
        try:
            pairs = set()
            end = time.monotonic() + 3 * rest.SECONDS
            while time.monotonic() < end:
                assert verdicts(await engine.run(plan("x = sum(range(10**6)) * 0 + 3", tests="assert x == 3"))) == [
                    "passed"
                ]
                pairs |= set(engine._pairs.values())
            assert len(pairs) == 1
        finally:
            await engine.stop()

    run(story())
