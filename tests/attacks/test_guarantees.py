"""Guarantees of the grader under pressure: nothing left (G5), faults at random (G10), few bits (G14), the same again (G16)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from attack_campaign import Campaign
from attack_processes import back_to, processes, system_state
from own_attacks import EXERCISE

from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import Feedback
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.errors import GraderFailed

WRONG = "def squares(n): return [0]\ndef each(f, items): return None\n"
FAULTS = 40


def answers(feedback: Feedback) -> tuple[Any, ...]:
    """Return what of a feedback must be the same each time."""
    checks = tuple((check.id, check.verdict, check.points, check.message) for check in feedback.checks)
    return feedback.verdict, feedback.points, checks, feedback.error, feedback.output, feedback.repairs


def test_a_hundred_runs_leave_nothing(own_once: Campaign, run: Any) -> None:
    """Processes, files and shared memory are the same before and after (G5)."""

    async def told() -> None:
        engine = own_once.engine
        await own_once.submit("first", own_once.solution)
        await own_once.settled()
        before, state = len(processes()), system_state()
        boxes = sorted(engine._folder.iterdir()) if engine._folder else []
        for begin in range(0, 100, 5):
            sources = [own_once.solution if number % 2 else WRONG for number in range(begin, begin + 5)]
            kept = "open('file', 'w').write('x')\n"
            found = await asyncio.gather(
                *[own_once.submit(f"learner {begin + n}", kept + s) for n, s in enumerate(sources)]
            )
            assert [f.verdict is Verdict.PASSED for f in found] == [s is own_once.solution for s in sources]
        await own_once.settled()
        assert await back_to(before), processes()
        assert system_state() == state
        assert engine._folder is not None
        assert sorted(engine._folder.iterdir()) == boxes

    run(told())


def test_nothing_runs_on_after_the_verdict(own: Campaign, run: Any) -> None:
    """A snapshot waits; nothing that a cell has started may go on working beside it (G8: others unaffected)."""

    async def told() -> None:
        source = (
            "import os, time\ntime.sleep(0.1)\nfor _ in range(3):\n    if os.fork() == 0:\n        while True: pass\n"
            + WRONG
        )
        await own.submit("never rests", source)
        await own.settled()
        for _ in range(50):
            await asyncio.sleep(0.2)
            if psutil.STATUS_RUNNING not in processes().values():
                break
        busy = [pid for pid, status in processes().items() if status == psutil.STATUS_RUNNING]
        for pid in busy:  # so that other tests are not slowed
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert busy == []

    run(told())


@pytest.mark.parametrize(("work", "passes"), [(WRONG, False), ("right", True)], ids=["wrong work", "right work"])
def test_killing_at_random_never_makes_a_pass(
    make_campaign: Callable[..., Campaign], run: Any, work: str, passes: bool
) -> None:
    """Processes of the engine are killed or stopped at moments that are drawn: no wrong pass, and the next one works (G10)."""
    engine = Engine()
    campaign = make_campaign(EXERCISE, engine)
    source = campaign.solution if work == "right" else work
    draw = random.Random(10)
    ends = Counter[str]()
    hits = Counter[bool]()

    async def strike(asked: asyncio.Task[Feedback]) -> None:
        await asyncio.sleep(draw.random() * 0.1)
        hits[not asked.done()] += 1
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended just now
            server = psutil.Process(engine._zygotes[("numpy",)].child.pid)
            forks = server.children(recursive=True)
            victim = draw.choice(forks) if forks and draw.random() < 0.8 else server
            victim.send_signal(draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM]))

    async def recovered(learner: str) -> None:
        """See that right work passes again; who asks just when the fork server dies may be told that the grader failed."""
        for _ in range(2):
            with contextlib.suppress(GraderFailed):
                assert (await campaign.submit(learner, campaign.solution)).verdict is Verdict.PASSED
                return
        assert (await campaign.submit(learner, campaign.solution)).verdict is Verdict.PASSED

    async def told() -> None:
        await engine.start()
        try:
            assert (await campaign.submit("warm", campaign.solution)).verdict is Verdict.PASSED
            for number in range(FAULTS // 2):
                asked = asyncio.create_task(campaign.submit(f"learner {number % 3}", f"{source}# {number}\n"))
                fault = asyncio.create_task(strike(asked))
                try:
                    found = await asked
                    ends[found.verdict] += 1
                    assert passes or (found.verdict is not Verdict.PASSED and found.points == 0)
                except GraderFailed:
                    ends["grader failed"] += 1
                await fault
                if number % 5 == 4:
                    await recovered(f"after {number}")
        finally:
            await engine.stop()

    run(told())
    assert hits[True], hits  # some faults come while work is judged; most of them nobody notices
    assert ends["passed"] if passes else ends["failed"], ends


def test_the_same_work_gets_the_same_verdict(own: Campaign, own_once: Campaign, run: Any) -> None:
    """Fifty times, on warm snapshots and on none (G16)."""
    partly = "print('said')\ndef squares(n):\n    return [i * i for i in range(1, n + 1)]\n"
    for source, times in ((partly, 25), (own.solution, 3), (WRONG, 3)):
        warm = [run(own.submit("same", source)) for _ in range(times)]
        cold = [run(own_once.submit(f"same {number}", source)) for number in range(times)]
        assert len({answers(found) for found in [*warm, *cold]}) == 1


PROBES = (
    "return None", "raise KeyError(n)", "raise AssertionError(n)", "raise NotImplementedError", "raise MemoryError",
    "raise SystemExit", "raise KeyboardInterrupt", "import os; os._exit(1)", "while True: pass", "return 10 ** 10 ** 7",
    "import ctypes; ctypes.string_at(0)", "print(n)", "return object()", "return [n] * 10 ** 6", "raise StopIteration",
    "return [i * i for i in range(1, n + 1)]",
)  # fmt: skip


def test_a_hidden_check_tells_one_bit(own: Campaign, run: Any) -> None:
    """Whatever a learner's code does when it meets a hidden argument, passed or not is all that is seen of it (G14)."""
    told: dict[str, set[Any]] = {}
    for number, probe in enumerate(PROBES):
        source = f"def squares(n):\n    if n == 2: return [1, 4]\n    {probe}\ndef each(f, items): return None\n"
        found = run(own.submit("prober", f"{source}# {number}\n"))
        for check in found.checks:
            if check.hidden:
                seen = (check.verdict, check.points, check.message, check.name, check.hints)
                told.setdefault(check.id, set()).add(seen)
    assert {name: len(seen) for name, seen in told.items() if len(seen) > 2} == {}
