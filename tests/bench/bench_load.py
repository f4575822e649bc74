"""Measure many learners checking at once, and what a hostile one costs them. Not a test: it states figures.

Prints one JSON object: for each hostile kind, and for none, `{"p50_ms", "p99_ms", "checks_per_s", "lost", "mixed",
"slower"}`, where `slower` is the loss of throughput beside `none`; and `pss_mb`, the memory of a live snapshot beyond
what it shares with its parent, read from /proc as root.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

import nbformat

from nbcoach_exercises.format import parse_test_cell
from nbcoach_exercises.model import Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.names import bound_names
from nbcoach_grader.engine.plan import Outcome, Plan, PlannedCell, Stop

IMPORTS = ("numpy", "pandas")
PREFIX = (
    "import numpy as np\nimport pandas as pd",
    *(f"table{n} = pd.DataFrame({{'x': np.arange(1000.0)}})" for n in range(8)),
)
SOLUTION = "def secret():\n    return 0"
TESTS = "### CHECK: one\nassert secret() == -1\n### BEGIN HIDDEN TESTS\n### CHECK: two\nassert secret() % 2 == 0\n### END HIDDEN TESTS"

HOSTILE = {
    "fork bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "fork and end": "import os\nfor _ in range(300):\n    try:\n        if os.fork() == 0:\n            break\n    except OSError:\n        pass\nwhile True:\n    try:\n        if os.fork() == 0:\n            os._exit(0)\n        os.wait()\n    except OSError:\n        pass",
    "memory hog": "import os\nkept = []\nwhile True:\n    try:\n        os.fork()\n        kept.append(b'x' * 2**27)\n    except (OSError, MemoryError):\n        pass",
    "endless output": "while True:\n    print('x' * 10**6)",
    "kill": "import os\nfor _ in range(3):\n    os.fork()\nwhile True:\n    for pid in [-1, *range(1, 2**16)]:\n        try:\n            os.kill(pid, 9)\n        except OSError:\n            pass",
}


def plan(learner: str, cell: str, seconds: float = 10.0) -> Plan:
    """Return a plan whose last cell is the learner's own."""
    meta = {"grade_id": "t", "points": 2, "grade": True, "locked": True, "solution": False}
    tests = (parse_test_cell(nbformat.v4.new_code_cell(TESTS, metadata={"nbgrader": meta})),)
    cells = tuple(PlannedCell(id=f"c{number}", source=source) for number, source in enumerate((*PREFIX, cell)))
    return Plan(
        learner=learner,
        exercise="course/load",
        version="1",
        imports=IMPORTS,
        cells=cells,
        stops=(Stop(after=len(cells), locked=(), tests=tests),),
        sources=(SOLUTION,),
        answers=bound_names(SOLUTION),
        limits=Limits(seconds=seconds, memory_mb=512),
        head=len(PREFIX),
    )


def right(outcome: Outcome, value: int) -> bool:
    """Return whether an outcome is the one of just this learner."""
    first, second = outcome.tests[0].checks
    told = f"secret() is {value}, expected -1"
    return (first.verdict, first.message) == ("failed", told) and second.verdict == (
        "failed" if value % 2 else "passed"
    )


async def one(engine: Engine, number: int, turn: int, times: list[float], bad: dict[str, int]) -> None:
    """Let a learner check an edit."""
    value = 1000 * number + turn
    start = time.perf_counter()
    try:
        outcome = await engine.run(plan(f"learner{number}", f"def secret():\n    return {value}"))
    except Exception:
        bad["lost"] += 1
        return
    times.append(1000 * (time.perf_counter() - start))
    bad["mixed"] += not right(outcome, value)


async def hostile(engine: Engine, source: str) -> None:
    """Check hostile code, again and again."""
    turn = 0
    while True:
        turn += 1
        with contextlib.suppress(Exception):
            await engine.run(plan("hostile", f"{source}\n# {turn}", seconds=2.0))


async def crowd(engine: Engine, learners: int, turns: int, first: int) -> dict[str, object]:
    """Let all learners check at once, in turns, and return the figures."""
    times: list[float] = []
    bad = {"lost": 0, "mixed": 0}
    start = time.perf_counter()
    for turn in range(first, first + turns):
        await asyncio.gather(*(one(engine, number, turn, times, bad) for number in range(learners)))
    took = time.perf_counter() - start
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(statistics.quantiles(times, n=100)[98], 1),
        "checks_per_s": round(len(times) / took, 1),
        **bad,
    }


def snapshot_pss(engine: Engine) -> float:
    """Return the median over all lines' tips of the MB of memory that is a process's own."""
    found = []
    for pair in engine._pairs.values():
        root = pair.open._root
        for pid in _descendants(root.host_pid) if root else ():
            with contextlib.suppress(OSError, StopIteration):
                rollup = dict(
                    line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
                )
                found.append(sum(int(rollup[name].split()[0]) for name in ("Pss",)) / 1024)
    return round(statistics.median(found), 2) if found else 0.0


def _descendants(pid: int) -> list[int]:
    found = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


async def measure(learners: int, turns: int, level: str) -> dict[str, object]:
    """Return all figures."""
    engine = Engine(sandbox_level=level, max_lines=learners + 8)
    await engine.start()
    body: dict[str, object] = {
        "learners": learners,
        "sandbox": engine.sandbox.name,
        "load": round(os.getloadavg()[0], 2),
    }
    try:
        await engine.warm(IMPORTS)
        body["cold"] = await crowd(engine, learners, 1, 0)
        await asyncio.sleep(1)
        body["pss_mb"] = snapshot_pss(engine)
        print(body, file=sys.stderr)
        calm = body["none"] = await crowd(engine, learners, turns, 1)
        first = 1 + turns
        for name, source in HOSTILE.items():
            task = asyncio.create_task(hostile(engine, source))
            await asyncio.sleep(0.3)
            figures = await crowd(engine, learners, turns, first)
            figures["slower"] = round(1 - figures["checks_per_s"] / calm["checks_per_s"], 2)  # type: ignore[operator]
            body[name] = figures
            print(name, figures, file=sys.stderr)
            first += turns
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(3)
    finally:
        await engine.stop()
    return body


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=100)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--level", default="auto")
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measure(arguments.learners, arguments.turns, arguments.level))))


if __name__ == "__main__":
    main()
