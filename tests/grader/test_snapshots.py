"""Snapshots: what changed runs, nothing else; what is lost is built again; nobody waits for a hostile one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import resource
import signal
import sysconfig
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from grader_plans import cell_of, plan, verdicts

from nbcoach_exercises.model import Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import Stop
from nbcoach_grader.errors import EngineFailed, EngineStopped
from nbcoach_grader.sandbox.cgroups import ControlGroups
from nbcoach_grader.sandbox.choice import control_groups

IMPORTS = ("json", "nbcoach_test_leaves")
ROOMY = Limits(seconds=30, memory_mb=1024)
F = "def f():\n    return x"
HIDDEN = (
    "### CHECK: a\nassert f() == 3\n### BEGIN HIDDEN TESTS\n### CHECK: b\nassert f() + 1 == 4\n### END HIDDEN TESTS"
)


@asynccontextmanager
async def running(**traits: Any) -> AsyncIterator[Engine]:
    engine = Engine(**traits)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()
        await engine.stop()


def test_an_edit_runs_from_there_alone(engine: Any, run: Any) -> None:
    slow = "import time\ntime.sleep(0.1)"  # a cell that is not cheap keeps its process while it serves

    def reused(*cells: str) -> int:
        outcome = run(engine.run(plan(*cells, tests=HIDDEN, solution="def f(): pass", learner="reuse")))
        assert verdicts(outcome) == ["passed", "passed"]
        return int(outcome.reused)

    assert reused("x = 3", slow, F + slow.replace("import", "\nimport")) == 0
    assert reused("x = 3", slow, F + slow.replace("import", "\nimport")) == 3
    assert reused("x = 3", slow, F) == 2
    assert reused("x = 3", slow, F + "  # edited") == 2
    assert reused("x = 3", slow + "  # edited", F) == 1
    assert reused("x = 1 + 2", slow, F) == 0


def test_a_cheap_last_cell_runs_again(engine: Any, run: Any) -> None:
    for expected in (0, 1, 1):
        outcome = run(engine.run(plan("x = 3", F, tests=HIDDEN, solution="def f(): pass", learner="cheap")))
        assert (verdicts(outcome), outcome.reused) == (["passed", "passed"], expected)


def test_checks_do_not_change_a_snapshot(engine: Any, run: Any) -> None:
    source = "items = []\ndef f():\n    items.append(1)\n    return len(items)"
    for _ in range(3):
        assert verdicts(run(engine.run(plan(source, tests="assert f() == 1\nassert f() == 2", learner="same")))) == [
            "passed"
        ]


def test_a_cell_that_ends_its_process_leaves_the_rest(engine: Any, run: Any) -> None:
    cells = ("x = 3", "import os\nos._exit(0)", F)
    for _ in range(2):
        outcome = run(engine.run(plan(*cells, tests=HIDDEN, solution="def f(): pass", learner="rest")))
        assert [report.state for report in outcome.cells] == ["ok", "crashed", "ok"]
        assert verdicts(outcome) == ["passed", "passed"]


def test_a_cell_that_never_ends_leaves_the_rest(engine: Any, run: Any) -> None:
    stubborn = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    cells = ("x = 3", stubborn, F)
    limits = Limits(seconds=1.0)
    start = time.monotonic()
    outcome = run(engine.run(plan(*cells, tests=HIDDEN, solution="def f(): pass", learner="never", limits=limits)))
    assert [report.state for report in outcome.cells] == ["ok", "timeout", "ok"]
    assert verdicts(outcome) == ["passed", "passed"]
    assert time.monotonic() - start < 6
    start = time.monotonic()
    run(engine.run(plan(*cells, tests=HIDDEN, solution="def f(): pass", learner="never", limits=limits)))
    assert time.monotonic() - start < 1  # it is remembered


def test_a_test_before_a_cell_that_ends_its_process_finds_its_place(engine: Any, run: Any) -> None:
    cells = ("x = 3", "import os\nos._exit(0)", "x = 4", "x = 5")
    stops = [Stop(after=n, locked=(), tests=(cell_of(f"assert x == {x}", f"t{n}"),)) for n, x in ((1, 3), (4, 5))]
    asked = dataclasses.replace(plan(*cells), stops=tuple(stops), once=True, costs=True)
    assert verdicts(run(engine.run(asked))) == ["passed", "passed"]


def test_an_error_leaves_what_came_before_it(engine: Any, run: Any) -> None:
    outcome = run(engine.run(plan("x = 3\n1 / 0", F, tests=HIDDEN, solution="def f(): pass", learner="error")))
    assert (outcome.cells[0].state, outcome.cells[0].name, outcome.cells[0].line) == ("raised", "ZeroDivisionError", 2)
    assert outcome.cells[0].text == "1 / 0"
    assert verdicts(outcome) == ["passed", "passed"]


@pytest.mark.parametrize(
    ("source", "name", "line"),
    [
        ("x = 1\ny = = 2", "SyntaxError", 2),
        ("def f():\n    return 1 / 0\nx = 1\nf()", "ZeroDivisionError", 2),
        ("import sys\nsys.exit(3)", "SystemExit", 2),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("x = input()", "EOFError", None),
        ("%no_such_magic", "UsageError", None),
    ],
)
def test_where_an_error_is_told(engine: Any, run: Any, source: str, name: str, line: int | None) -> None:
    report = run(engine.run(plan(source, learner="where"))).cells[0]
    assert (report.state, report.name) == ("raised", name)
    assert line is None or report.line == line


def test_a_lost_fork_server_is_started_again(run: Any) -> None:
    async def story() -> None:
        async with running() as engine:
            checked = plan("x = 3", F, tests=HIDDEN, solution="def f(): pass")
            assert verdicts(await engine.run(checked)) == ["passed", "passed"]
            first = next(iter(engine._zygotes.values())).child.pid
            os.kill(first, signal.SIGKILL)
            await asyncio.sleep(0.1)
            assert verdicts(await engine.run(checked)) == ["passed", "passed"]
            assert next(iter(engine._zygotes.values())).child.pid != first

    run(story())


def test_a_lost_line_is_built_again(run: Any) -> None:
    async def story() -> None:
        async with running() as engine:
            checked = plan("x = 3", F, tests=HIDDEN, solution="def f(): pass")
            await engine.run(checked)
            zygote = next(iter(engine._zygotes.values())).child.pid
            for process in psutil.Process(zygote).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            await asyncio.sleep(0.1)
            for _ in range(2):
                assert verdicts(await engine.run(checked)) == ["passed", "passed"]

    run(story())


def test_what_is_killed_from_outside_is_not_the_learners_crash(run: Any) -> None:
    slow = "import time\ndef f():\n    time.sleep(1)\n    return 3"

    async def story() -> None:
        async with running() as engine:
            if not engine.sandbox.keeps_first:
                pytest.skip("Here learners' code could do it itself.")
            checked = plan("x = 3", slow, tests=HIDDEN, solution="def f(): pass", limits=ROOMY)
            judging = asyncio.create_task(engine.run(checked))
            while not (pairs := list(engine._pairs.values())) or pairs[0].open.place is None:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)  # judging has begun
            os.kill(pairs[0].open.place[1], signal.SIGKILL)
            with pytest.raises(EngineFailed, match="from outside"):
                await judging
            assert verdicts(await engine.run(checked)) == ["passed", "passed"]

    run(story())


def test_one_learner_does_not_keep_the_others_waiting(run: Any) -> None:
    async def story() -> None:
        async with running(max_running=2) as engine:
            await engine.run(plan("x = 1", tests="assert x == 1", learner="warm"))
            limits = Limits(seconds=1)
            greedy = [
                asyncio.create_task(
                    engine.run(
                        plan("while True:\n    pass", tests="x", learner="greedy", exercise=str(n), limits=limits)
                    )
                )
                for n in range(6)
            ]
            await asyncio.sleep(0.1)
            start = time.monotonic()
            await engine.run(plan("x = 1", tests="assert x == 1", learner="modest"))
            assert time.monotonic() - start < 1
            for task in greedy:
                task.cancel()
            await asyncio.gather(*greedy, return_exceptions=True)

    run(story())


def test_there_are_descriptors_for_many_snapshots(run: Any) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def story() -> None:
        async with running():
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limits[1], limits[1])

    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1] // 2, limits[1]))
    try:
        run(story())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_least_recently_used_lines_go_first(run: Any) -> None:
    async def story() -> None:
        async with running(max_lines=2, max_judges=1) as engine:
            for learner in ("a", "b", "c"):
                for exercise in ("one", "two"):
                    checked = plan(F, "x = 3", tests=HIDDEN, learner=learner, exercise=exercise)
                    assert verdicts(await engine.run(checked)) == ["passed", "passed"]
            await asyncio.gather(*engine._preparing)
            assert engine.statistics() == {"lines": 2, "judges": 1, "prefixes": 2, "zygotes": 1}
            assert [name.split("\0")[:2] for name in engine._pairs] == [["c", "one"], ["c", "two"]]
            boxes = list(engine._folder.glob("box-*"))  # type: ignore[union-attr]
            lines = 0 if engine.sandbox.nests else 2  # else they have theirs within the author's
            assert len(boxes) == 1 + 2 + lines  # of the judge, and the author's

    run(story())


@pytest.mark.parametrize(("counted", "bound"), [(True, 250), (False, 350)])
def test_lines_go_when_all_have_too_much_memory(
    run: Any, monkeypatch: pytest.MonkeyPatch, counted: bool, bound: int
) -> None:
    if not counted:
        monkeypatch.setattr(ControlGroups, "memory_of", lambda groups, name: None)
    elif "memory" not in control_groups().folders:
        pytest.skip("no control group counts memory here")

    async def story() -> None:
        async with running(max_memory_mb=bound) as engine:
            for learner in ("a", "b", "c"):
                source = "x = b'x' * (100 * 2**20)\nimport time\ntime.sleep(0.1)"
                await engine.run(plan(source, tests="assert len(x) > 1", learner=learner, limits=ROOMY))
                await asyncio.gather(*engine._preparing)
            assert [name.split("\0")[0] for name in engine._pairs] == ["b", "c"]
            assert all(pair.memory_bytes > 100 * 2**20 for pair in engine._pairs.values())

    run(story())


@pytest.mark.parametrize(
    ("likely", "imports", "taken"),
    [((), ("json",), True), (("json",), ("csv", "json"), True), (("csv",), ("json",), False)],
)
def test_a_fork_server_that_was_begun_is_taken_where_it_fits(
    run: Any, likely: tuple[str, ...], imports: tuple[str, ...], taken: bool
) -> None:
    async def story() -> None:
        engine = Engine()
        engine.begin(likely)
        assert engine._ahead is not None
        begun = engine._ahead.child
        await engine.start()
        try:
            source = f"import sys\nprint({imports!r}[0] in sys.modules)"
            outcome = await engine.run(dataclasses.replace(plan(source), imports=imports))
            assert outcome.cells[0].output == "True\n"
            assert (next(iter(engine._zygotes.values())).child is begun) == taken == (begun.poll() is None)
        finally:
            await engine.stop()

    run(story())


@pytest.mark.parametrize("likely", [(), IMPORTS], ids=["told", "guessed"])
@pytest.mark.parametrize(
    "leaves", ["threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()", "os.pipe()"]
)
def test_a_module_that_leaves_threads_or_files_is_not_preloaded(
    run: Any, capfd: pytest.CaptureFixture[str], leaves: str, likely: tuple[str, ...]
) -> None:
    place = Path(sysconfig.get_path("purelib"), "nbcoach_test_leaves.py")
    place.write_text(f"import os, threading, time\nKEPT = {leaves}\n")
    try:
        ahead = dataclasses.replace(plan("import sys\nprint('nbcoach_test_leaves' in sys.modules)"), imports=IMPORTS)

        async def story() -> None:
            engine = Engine()
            engine.begin(likely)
            await engine.start()
            try:
                assert (await engine.run(ahead)).cells[0].output == "False\n"
                zygote = next(iter(engine._zygotes.values())).child.pid
                assert len(list(Path(f"/proc/{zygote}/task").iterdir())) == 1
            finally:
                await engine.stop()

        run(story())
    finally:
        place.unlink()
    assert "nbcoach_test_leaves leaves threads or open files" in capfd.readouterr().err


def test_many_learners_at_once_while_lines_come_and_go(run: Any) -> None:
    async def one(engine: Engine, learner: int, turn: int) -> None:
        value = learner * 10 + turn
        source = f"x = {value}\ndef f():\n    return x"
        tests = "### CHECK: a\nassert f() == 3\n### BEGIN HIDDEN TESTS\n### CHECK: b\nassert f() % 2 == 0\n### END HIDDEN TESTS"
        outcome = await engine.run(plan(source, tests=tests, learner=str(learner), solution=F))
        assert [c.message for c in outcome.tests[0].checks] == (
            [None, None] if value == 3 else [f"f() is {value}, expected 3", None]
        )
        assert verdicts(outcome) == ["passed" if value == 3 else "failed", "failed" if value % 2 else "passed"]

    async def story() -> None:
        async with running(max_lines=3, max_judges=1) as engine:
            await asyncio.gather(*(one(engine, learner, turn) for turn in range(3) for learner in range(12)))
            assert engine.statistics() == {"lines": 3, "judges": 1, "prefixes": 1, "zygotes": 1}

    run(story())


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.05])
def test_a_request_that_nobody_waits_for_harms_nobody(run: Any, delay: float) -> None:
    async def story() -> None:
        async with running() as engine:
            checked = plan("x = 3", F, tests=HIDDEN, solution="def f(): pass")
            await engine.run(checked)
            zygote = next(iter(engine._zygotes.values())).child.pid
            slow = plan("x = 4", "import time\ntime.sleep(0.1)\n" + F, tests=HIDDEN, solution="def f(): pass")
            task = asyncio.create_task(engine.run(slow))
            await asyncio.sleep(delay)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert verdicts(await engine.run(checked)) == ["passed", "passed"]
            assert next(iter(engine._zygotes.values())).child.pid == zygote

    run(story())


def test_stopping_in_the_middle_leaves_nothing(run: Any) -> None:
    async def story() -> None:
        engine = Engine()
        await engine.start()
        loops = [asyncio.create_task(engine.run(plan("while True:\n    pass", learner=str(n)))) for n in range(3)]
        await asyncio.sleep(1.5)
        await engine.stop()
        assert all(isinstance(found, EngineStopped) for found in await asyncio.gather(*loops, return_exceptions=True))
        with pytest.raises(EngineStopped):
            await engine.run(plan("x = 1"))
        await engine.start()
        assert verdicts(await engine.run(plan("x = 1", tests="assert x == 1"))) == ["passed"]
        await engine.stop()

    run(story())


def test_an_engine_that_was_not_started_says_so(run: Any) -> None:
    with pytest.raises(EngineStopped):
        run(Engine().run(plan("x = 1")))
