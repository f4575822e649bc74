"""The author's first cells run once for the whole class, and no learner sees another's work through them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from typing import Any

import psutil
import pytest
from grader_plans import plan, verdicts

from nbcoach_exercises.model import DataFile, Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import Outcome, Plan

TOKEN = "import uuid\ntoken = uuid.uuid4().hex"


def begun(*cells: str, head: int = 1, **options: Any) -> Plan:
    return dataclasses.replace(plan(*cells, **options), head=head)


def output(outcome: Outcome) -> str:
    return outcome.cells[-1].output.strip()


@pytest.fixture
def both(engine: Engine, run: Any) -> Any:
    """Run the same cells for two learners and return what their last cells print."""

    def go(*cells: str, **options: Any) -> tuple[str, str]:
        found = [
            output(run(engine.run(begun(*cells, tests="assert True", learner=who, **options)))) for who in ("a", "b")
        ]
        return found[0], found[1]

    return go


def holds(engine: Engine) -> bool:
    return engine.sandbox.nests


def test_the_class_shares_the_author_s_cells(engine: Engine, both: Any) -> None:
    first, second = both(TOKEN, "print(token)", exercise="shared")
    assert (first == second) is holds(engine)


@pytest.mark.parametrize(
    "source",
    [
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "kept = open('kept', 'w')",
        "import subprocess\nsubprocess.Popen(['sleep', '100'])",
        "import os\nif os.fork() == 0:\n    import time\n    time.sleep(100)",
    ],
)
def test_what_forks_cannot_share_is_run_by_each(both: Any, source: str) -> None:
    first, second = both(f"{TOKEN}\n{source}", "print(token)", exercise=source)
    assert first != second


def test_cells_that_fail_are_run_by_each(engine: Engine, run: Any) -> None:
    for who in ("a", "b"):
        outcome = run(engine.run(begun("1 / 0", "x = 1", tests="assert x == 1", learner=who, exercise="fails")))
        assert [cell.state for cell in outcome.cells] == ["raised", "ok"]
        assert verdicts(outcome) == ["passed"]


def test_processes_of_others_do_not_count_as_one_s_own(engine: Engine, run: Any) -> None:
    before = engine.workload()["snapshots"]
    for number in range(4):
        cells = (TOKEN, *(f"n = {n}\nprint(token)" for n in range(10)))
        limits = Limits(processes=4)
        asked = begun(*cells, tests="assert n == 9", learner=f"l{number}", exercise="class", limits=limits)
        assert verdicts(run(engine.run(asked))) == ["passed"]
    assert engine.workload()["snapshots"] > before + 30


def test_who_has_changed_them_runs_his_own(engine: Engine, run: Any) -> None:
    given = begun(TOKEN, "print(token)", tests="assert True", exercise="changed")
    run(engine.run(given))
    other = begun(f"{TOKEN}[:4]", "print(token)", tests="assert True", exercise="changed", head=0, learner="b")
    assert len(output(run(engine.run(other)))) == 4


def test_files_of_the_author_are_there_and_one_s_own(both: Any) -> None:
    files = (DataFile("data/a.txt", b"given"),)
    head = "open('made.txt', 'w').write('made')"
    own = "text = open('made.txt').read() + open('data/a.txt').read()\nprint(text)\n"
    own += (
        "for name in ('made.txt', 'data/a.txt'):\n    open(name, 'w').write('changed')\nn = open('new', 'w').write('x')"
    )
    assert both(head, own, files=files, exercise="files") == ("madegiven", "madegiven")
    listing = "import os\nprint(sorted(os.listdir()))"
    assert both(head, listing, files=files, exercise="files") == ("['data', 'made.txt']",) * 2


def test_variables_that_the_author_sets_stay_set(both: Any) -> None:
    head = "import os\nos.environ['COURSE_KEY'] = '42'"
    assert both(head, "print(os.environ['COURSE_KEY'], os.getcwd() == os.environ['HOME'])", exercise="variables") == (
        "42 True",
        "42 True",
    )


def test_objects_of_the_author_are_one_s_own(both: Any) -> None:
    assert both("kept = []", "kept.append(1)\nprint(kept)", exercise="objects") == ("[1]", "[1]")


def test_learners_do_not_see_each_other(engine: Engine, run: Any) -> None:
    async def story() -> None:
        loop = "import time, os\nopen('secret', 'w').write('x')\nprint(os.getpid())\ntime.sleep(1)"
        look = "import os, signal\nfor pid in range(2, 300):\n    try:\n        os.kill(pid, 0)\n        print(pid)\n"
        look += "    except OSError:\n        pass\nprint(os.path.exists('secret'))"
        one = engine.run(begun("x = 1", loop, tests="assert True", learner="a", exercise="apart"))
        task = asyncio.create_task(one)
        await asyncio.sleep(0.3)
        found = await engine.run(begun("x = 1", look, tests="assert True", learner="b", exercise="apart"))
        lines = output(found).splitlines()
        assert lines[-1] == "False"
        assert len(lines) <= 4  # what runs it, and no more
        await task

    if not holds(engine):
        pytest.skip("boxes do not nest here")
    run(story())


def test_a_lost_prefix_is_made_again(engine: Engine, run: Any) -> None:
    checked = begun("x = 3", "y = x", tests="assert y == 3", exercise="lost")
    run(engine.run(checked))
    (prefix,) = [prefix for key, prefix in engine._prefixes._made.items() if checked.exercise in key]
    if prefix.box is None:
        pytest.skip("boxes do not nest here")
    process = psutil.Process(prefix.process.host_pid)
    process.kill()
    with contextlib.suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:  # until then those that were forked from it may live
            time.sleep(0.01)
    for who in ("ada", "new"):
        assert verdicts(run(engine.run(dataclasses.replace(checked, learner=who)))) == ["passed"]


def test_prefixes_go_when_no_line_stands_on_them(run: Any) -> None:
    async def story() -> None:
        engine = Engine(max_prefixes=1, max_lines=2)
        await engine.start()
        try:
            for number in range(4):
                await engine.run(begun("x = 1", tests="assert x == 1", exercise=f"e{number}"))
                await asyncio.gather(*engine._preparing)
            assert engine.statistics()["prefixes"] == 2  # as many as have lines
        finally:
            await engine.stop()

    run(story())
