"""Threads that a cell leaves behind: what uses them later finds them, in a check and in a whole notebook alike."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
from grader_plans import cell_of, plan, verdicts

from nbcoach_exercises.model import Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import Outcome, Plan, Stop

POOL = """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(2)
first = pool.submit(abs, -1).result()
def double(x):
    return pool.submit(lambda: 2 * x).result(5)
"""
QUEUE = """
import queue, threading
asked, told = queue.Queue(), queue.Queue()
def work():
    while True:
        told.put(2 * asked.get())
threading.Thread(target=work, daemon=True).start()
def double(x):
    asked.put(x)
    return told.get(timeout=5)
"""
LOOP = """
import asyncio, threading
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever).start()
async def twice(x):
    return 2 * x
def double(x):
    return asyncio.run_coroutine_threadsafe(twice(x), loop).result(5)
"""
PROCESSES = """
import multiprocessing
def work(x):
    return 2 * x
pool = multiprocessing.Pool(1)
def double(x):
    return pool.apply_async(work, (x,)).get(5)
"""
KEPT = {"a pool": POOL, "a thread": QUEUE, "a loop": LOOP, "processes": PROCESSES}
HIDDEN = "{}\n### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
BOTH = HIDDEN.format("assert double(4) == 8", "assert double(5) == 10\nassert y == 6")
CHECKED = {
    "a cell": ("y = double(3)", "assert y == 6"),
    "a call": ("y = 6", "assert double(4) == 8"),
    "hidden": ("y = 6", HIDDEN.format("", "assert double(4) == 8")),
    "all": ("y = double(3)", BOTH),
}
SLOW = "import time\ntime.sleep(0.1)"  # a cell that is not cheap keeps its process while it serves


def cells(outcome: Outcome) -> list[str]:
    return [cell.state for cell in outcome.cells]


def many(*parts: str | tuple[str, str], **rest: Any) -> Plan:
    """Return a plan whose cells are those strings, with a stop for each pair of a test cell and its grade id."""
    sources = [part for part in parts if isinstance(part, str)]
    made = plan(*sources, tests="assert True", **rest)
    stops, after = [], 0
    for part in parts:
        if isinstance(part, str):
            after += 1
        else:
            stops.append(Stop(after=after, locked=(), tests=(cell_of(*part),)))
    return dataclasses.replace(made, stops=tuple(stops))


def both(engine: Engine, run: Any, asked: Plan) -> list[str]:
    """Check twice and judge the whole notebook: return the verdicts, which are the same."""
    found = [run(engine.run(dataclasses.replace(asked, once=once))) for once in (False, True, False)]
    for outcome in found:
        assert set(cells(outcome)) == {"ok"}, outcome.cells
    told = [verdicts(outcome) for outcome in found]
    assert told[0] == told[1] == told[2]
    return told[0]


@pytest.fixture(autouse=True)
def skip_shared_memory(engine: Engine, request: pytest.FixtureRequest) -> None:
    params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    if params.get("kept") == PROCESSES and engine.sandbox.name != "namespaces":
        pytest.skip("only boxes with files of their own have shared memory of their own")


@pytest.mark.parametrize("checked", CHECKED.values(), ids=list(CHECKED))
@pytest.mark.parametrize("kept", KEPT.values(), ids=list(KEPT))
def test_what_a_cell_keeps_is_found_later(engine: Engine, run: Any, kept: str, checked: tuple[str, str]) -> None:
    cell, tests = checked
    asked = plan("x = 3", kept, cell, tests=tests, exercise=f"threads {kept} {cell} {tests}")
    assert set(both(engine, run, asked)) == {"passed"}


@pytest.mark.parametrize("shared", [(), ("b",), ("a", "c")], ids=["beside", "one inside", "two inside"])
def test_each_test_finds_it(engine: Engine, run: Any, shared: tuple[str, ...]) -> None:
    tests = HIDDEN.format("assert double(4) == 8", "assert double(x) == 2 * x")
    asked = many("x = 3", POOL, (tests, "a"), "x = double(2)", (tests, "b"), "x = double(x)", "z = x", (tests, "c"))
    assert set(both(engine, run, dataclasses.replace(asked, shared=frozenset(shared)))) == {"passed"}


def test_a_cell_may_await_what_runs_in_threads(engine: Engine, run: Any) -> None:
    asked = plan(
        "import asyncio\nawait asyncio.to_thread(int)", "x = await asyncio.to_thread(abs, -3)", tests="assert x == 3"
    )
    assert both(engine, run, asked) == ["passed"]


def test_tests_see_what_was_there_at_their_place(engine: Engine, run: Any) -> None:
    asked = many("x = 3", POOL, ("assert double(x) == 6", "a"), "x = 4", "del pool", ("assert x == 4", "b"))
    assert both(engine, run, asked) == ["passed", "passed"]
    asked = many("x = 3", POOL, ("assert x == 4", "a"), "x = double(2)", ("assert x == 3", "b"), learner="bo")
    assert both(engine, run, asked) == ["failed", "failed"]


def test_an_edit_runs_from_the_last_place_without_threads(engine: Engine, run: Any) -> None:
    def reused(*sources: str) -> int:
        asked = plan(*sources, tests=BOTH, solution="def double(x): pass\ny = z = 0", exercise="edited threads")
        outcome = run(engine.run(asked))
        assert (set(cells(outcome)), set(verdicts(outcome))) == ({"ok"}, {"passed"})
        return int(outcome.reused)

    last = "y = double(3)"
    assert reused("x = 3", "z = 1", POOL, last) == 0
    assert reused("x = 3", "z = 1", POOL, last) == 2
    assert reused("x = 3", "z = 1", POOL, last + "  # edited") == 2
    assert reused("x = 3", "z = 1", POOL + "# edited", last) == 2
    assert reused("x = 3", "z = 2", POOL, last) == 1
    assert reused("x = 3", "z = 2", POOL, "z = 4", last) == 2
    assert reused("x = 3", "z = 2", "def double(x):\n    return 2 * x", "z = 4", last) == 2
    assert reused("x = 3", "z = 2", "def double(x):\n    return 2 * x", "z = 4", last + " ") == 4


@pytest.mark.parametrize(
    ("thread", "counts"),
    [
        ("pass", [3, 3]),
        ("with ThreadPoolExecutor(2) as pool:\n    print(pool.submit(abs, -1).result())", [3, 3]),
        ("threading.Thread(target=time.sleep, args=(0.05,)).start()", [2, 2]),
        ("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", [0, 0]),
    ],
    ids=["none", "joined", "ends", "goes on"],
)
def test_forks_stop_for_threads_alone(engine: Engine, run: Any, thread: str, counts: list[int]) -> None:
    begin = f"import threading, time\nfrom concurrent.futures import ThreadPoolExecutor\n{thread}"
    asked = plan(begin, SLOW, SLOW + "\nx = 3", tests=HIDDEN.format("assert x == 3", "assert x < 4"), exercise=thread)
    for _ in range(2):
        assert verdicts(run(engine.run(asked))) == ["passed", "passed"]
        pair = engine._pairs[asked.line]
        assert [pair.open.snapshots, pair.blind.snapshots] == counts


@pytest.mark.parametrize("bad", ["import os\nos._exit(0)", "while True:\n    pass"], ids=["ends", "goes on"])
def test_a_fatal_cell_leaves_the_rest(engine: Engine, run: Any, bad: str) -> None:
    quick = Limits(seconds=0.5)
    asked = many(
        "x = 3", POOL, ("assert double(x) == 6", "a"), bad, "y = double(4)", ("assert y == 8", "b"), limits=quick
    )
    for once in (False, True):
        outcome = run(engine.run(dataclasses.replace(asked, once=once)))
        assert [state == "ok" for state in cells(outcome)] == [True, True, False, True]
        assert verdicts(outcome) == ["passed", "passed"]


def test_a_whole_notebook_keeps_its_place_before_a_fatal_cell(engine: Engine, run: Any) -> None:
    asked = many("x = 3", ("assert x == 3", "a"), "import os\nos._exit(0)", "x = 4", ("assert x == 4", "b"))
    assert verdicts(run(engine.run(dataclasses.replace(asked, once=True)))) == ["passed", "passed"]


def test_what_goes_on_is_there_once(engine: Engine, run: Any) -> None:
    alone = "import fcntl\nheld = open('held', 'w')\nfcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)\n" + POOL
    tests = HIDDEN.format("assert double(4) == 8", "assert double(x) == 6")
    asked = many("x = 3", alone, (tests, "a"), "y = 1", (tests, "b"), "z = 2", (tests, "c"))
    for _ in range(3):
        assert set(both(engine, run, asked)) == {"passed"}


def test_hidden_arguments_do_not_come_back(engine: Engine, run: Any) -> None:
    spy = (
        QUEUE + "seen = []\ndef f(x):\n    seen.append(x)\n    open('seen', 'a').write(f'{double(x)} ')\n    return x\n"
    )
    show = "import os\nprint(seen, os.path.exists('seen') and open('seen').read())\nassert 848484 not in seen"
    tests = HIDDEN.format("assert f(1) == 1", "assert f(424242) == 424242")
    asked = many("x = 3", spy, (tests, "a"), show, (tests, "b"), "last = 1\n" + show, (tests, "c"))
    for once in (False, False, True, False):
        outcome = run(engine.run(dataclasses.replace(asked, once=once)))
        assert set(verdicts(outcome)) == {"passed"}
        assert "424242" not in repr(outcome)
        assert "848484" not in repr(outcome)


COUNTED = {
    "pass": False,
    "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()": True,
    "t = threading.Thread(target=time.sleep, args=(0.01,)); t.start(); t.join()": False,
    "Monitor(target=time.sleep, args=(9,), daemon=True).start()": False,
    "ctypes.CDLL(None).pthread_create(ctypes.byref(ctypes.c_ulong()), None, ctypes.CDLL(None).pause, None)": True,
}


@pytest.mark.parametrize(("source", "left"), COUNTED.items(), ids=["none", "one", "ended", "tqdm's", "a library's"])
def test_which_threads_count(source: str, left: bool) -> None:
    script = "import ctypes, os, threading, time\nfrom nbcoach_grader.engine.threads import left_behind\n"
    script += "Monitor = type('TMonitor', (threading.Thread,), {'__module__': 'tqdm._monitor'})\n"
    script += f"{source}\nprint(left_behind(), flush=True)\nos._exit(0)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert told.stdout.strip() == str(left)
