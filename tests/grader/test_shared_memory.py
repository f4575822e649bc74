"""`multiprocessing` in learners' cells: it works, is each line's own, and leaves nothing for a later check."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from grader_plans import plan, verdicts

from nbcoach_exercises.model import Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import Outcome

POOL = """
import multiprocessing

def square(x):
    return x * x

def squares(n):
    with multiprocessing.Pool(2) as pool:
        return pool.map(square, range(n))
"""
QUEUE = """
import multiprocessing

def work(given, done):
    for x in iter(given.get, None):
        done.put(x + 1)

def increased(values):
    given, done = multiprocessing.Queue(), multiprocessing.Queue()
    process = multiprocessing.Process(target=work, args=(given, done))
    process.start()
    for value in [*values, None]:
        given.put(value)
    found = [done.get() for _ in values]
    process.join()
    return found
"""
COUNT = """
import multiprocessing
lock, total = multiprocessing.Lock(), multiprocessing.Value("i", 0)

def add():
    for _ in range(100):
        with lock:
            total.value += 1
"""
START = """
processes = [multiprocessing.Process(target=add) for _ in range(3)]
for process in processes:
    process.start()
for process in processes:
    process.join()
"""
NAMED = """
import numpy as np
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(name="numbers", create=True, size=80)
numbers = np.ndarray(10, dtype=float, buffer=block.buf)
numbers[:] = 3
"""
EXECUTOR = """
from concurrent.futures import ProcessPoolExecutor

def half(x):
    return x / 2

def halves(values):
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(half, values))
"""
FOREST = """
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
x = np.arange(40).reshape(20, 2)
scores = cross_val_score(LinearRegression(), x, x[:, 0], n_jobs=2)
"""
HIDDEN = "\n### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


@pytest.fixture(autouse=True)
def own_memory(engine: Engine) -> None:
    if engine.sandbox.name != "namespaces":
        pytest.skip("only boxes with files of their own have shared memory of their own")


def output(outcome: Outcome) -> str:
    return outcome.cells[-1].output.strip()


@pytest.mark.parametrize("once", [False, True], ids=["check", "whole"])
@pytest.mark.parametrize(
    ("cells", "tests"),
    [
        ([POOL], "assert squares(3) == [0, 1, 4]" + HIDDEN.format("assert squares(2) == [0, 1]")),
        ([QUEUE], "assert increased([1, 2]) == [2, 3]" + HIDDEN.format("assert increased([5]) == [6]")),
        ([COUNT, START], "assert total.value == 300"),
        ([NAMED, "total = float(numbers.sum())"], "assert total == 30"),
        ([EXECUTOR], "assert halves([2, 4]) == [1, 2]"),
    ],
    ids=["pool", "queue", "lock and value", "named", "executor"],
)
def test_it_works_and_each_check_begins_anew(
    engine: Engine, run: Any, cells: list[str], tests: str, once: bool
) -> None:
    checked = plan(*cells, tests=tests, exercise=f"mp {cells} {once}", limits=Limits(seconds=5))
    for _ in range(1 if once else 3):
        outcome = run(engine.run(dataclasses.replace(checked, once=once)))
        assert [cell.state for cell in outcome.cells] == ["ok"] * len(cells), outcome.cells
        assert set(verdicts(outcome)) == {"passed"}, outcome


def test_libraries_that_start_interpreters_work_without(engine: Engine, run: Any) -> None:
    checked = plan(FOREST, tests="assert len(scores) == 5", limits=Limits(seconds=5))
    assert verdicts(run(engine.run(dataclasses.replace(checked, imports=("sklearn",))))) == ["passed"]


def test_what_uses_none_keeps_its_snapshots(engine: Engine, run: Any) -> None:
    checked = plan("x = 1", "y = 2", tests="assert x + y == 3", learner="keeper", exercise="kept")
    run(engine.run(checked))
    assert run(engine.run(checked)).reused >= 1


def test_no_learner_sees_what_others_have_made(engine: Engine, run: Any) -> None:
    name = f"/dev/shm/nbcoach-{os.getpid()}"
    Path(name).write_text("the host's")
    try:
        make = "from multiprocessing import shared_memory as m\nkept = m.SharedMemory(name='mine', create=True, size=9)"
        look = "import os\nprint(os.listdir('/dev/shm'))\ntry:\n    m.SharedMemory(name='mine')\n"
        look += "except OSError as err:\n    print(type(err).__name__)"
        begun = dataclasses.replace(
            plan("from multiprocessing import shared_memory as m", make, tests="assert True", exercise="apart"), head=1
        )
        assert [cell.state for cell in run(engine.run(begun)).cells] == ["ok", "ok"]
        for given in (plan(begun.cells[0].source, look, tests="assert True", exercise=e) for e in ("apart", "other")):
            for head in (0, 1):
                other = dataclasses.replace(given, head=head, learner=f"b{head}")
                assert output(run(engine.run(other))) == "[]\nFileNotFoundError"
        assert not Path("/dev/shm/mine").exists()
        assert Path(name).read_text() == "the host's"
    finally:
        Path(name).unlink()


@pytest.mark.parametrize(
    "source", ["import mmap\nkept = mmap.mmap(-1, 64)", COUNT, NAMED], ids=["pages", "value", "named"]
)
def test_no_memory_of_the_author_s_cells_is_shared_by_a_class(engine: Engine, run: Any, source: str) -> None:
    token = "import uuid\ntoken = uuid.uuid4().hex"
    found = set()
    for who in ("a", "b"):
        begun = plan(f"{token}\n{source}", "print(token)", tests="assert True", learner=who, exercise=source)
        found.add(output(run(engine.run(dataclasses.replace(begun, head=1)))))
    assert len(found) == 2


def test_hidden_arguments_are_not_found_in_it(engine: Engine, run: Any) -> None:
    keep = "import os\ndef f(x):\n    open(f'/dev/shm/{x}', 'w').close()\n    return x\nprint(os.listdir('/dev/shm'))"
    tests = "assert f(1) == 1" + HIDDEN.format("assert f(424242) == 424242")
    for once in (False, False, True, False):
        asked = dataclasses.replace(plan(keep, tests=tests, learner="keeper", exercise="spy"), once=once)
        outcome = run(engine.run(asked))
        assert verdicts(outcome) == ["passed", "passed"]
        assert "424242" not in repr(outcome.cells)


def test_it_counts_as_files_and_its_processes_as_processes(engine: Engine, run: Any) -> None:
    fill = "for n in range(9):\n    open(f'/dev/shm/{n}', 'wb').write(bytes(60 * 2**20))"
    (report,) = run(engine.run(plan(fill, limits=Limits(seconds=8)))).cells
    assert (report.state, report.name) == ("raised", "OSError")
    many = "import multiprocessing, time\nkept = [multiprocessing.Process(target=time.sleep, args=(30,)) for _ in range(60)]\n"
    many += "for process in kept:\n    process.start()\ntime.sleep(20)"
    (report,) = run(engine.run(plan(many, limits=Limits(seconds=25, processes=8)))).cells
    assert report.state == "raised"
    assert report.name in ("TooManyProcesses", "BlockingIOError")
