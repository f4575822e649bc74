"""The one ruff that is kept: started once, bounded, replaced, ended; and every notebook gets its own findings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbcoach_grader import ruff_server
from nbcoach_grader.errors import EngineFailed
from nbcoach_grader.ruff_server import RuffServer, _receive, _send

Run = Callable[..., Any]

DEEP = "a" + ".b" * 90_000
"""What overflows ruff's stack."""

MANY = "l = 1\n" * 10_000
"""What ruff finds more in than one would read."""


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[RuffServer]:
    server = RuffServer(["E741", "F401"])
    try:
        yield server
    finally:
        await server.close()


def process(server: RuffServer) -> psutil.Process:
    assert server._process is not None
    return psutil.Process(server._process.pid)


async def found(server: RuffServer, *sources: str) -> list[tuple[str, int, int]]:
    """Return code, cell and row of what is found, in order."""
    return sorted((item.code, item.cell, item.row) for item in await server.findings(sources))


async def asked(server: RuffServer) -> str:
    """Return what ruff tells of itself."""
    assert server._process is not None
    command = {"command": "ruff.printDebugInformation", "arguments": []}
    _send(server._process, "workspace/executeCommand", command, id=7)
    while True:
        message = json.loads(await _receive(server._process, 2**20))
        if message.get("id") == 7:
            return str(message["result"])


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


async def stop(ruff: psutil.Process) -> None:
    """Stop a process and wait until each of its threads stands still."""
    ruff.suspend()
    states = Path(f"/proc/{ruff.pid}/task")
    await until(lambda: all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in states.glob("*/stat")))


def story(told: Callable[[RuffServer], Awaitable[None]]) -> Callable[[Run], None]:
    """Make a test of what happens to one server."""

    def test(run: Run) -> None:
        async def whole() -> None:
            async with serving() as server:
                await told(server)

        run(whole())

    test.__name__, test.__doc__ = told.__name__, told.__doc__
    return test


@story
async def test_a_finding_says_what_and_where(server: RuffServer) -> None:
    (item,) = await server.findings(["%matplotlib inline\n!ls", "x = 1\n\nl = x"])
    assert (item.code, item.cell, item.row) == ("E741", 1, 3)
    assert item.message == "Ambiguous variable name: `l`"
    assert item.url == "https://docs.astral.sh/ruff/rules/ambiguous-variable-name"
    (item,) = await server.findings(["import os"])
    assert item.message == "`os` imported but unused"  # and not how to mend it


@story
async def test_one_process_reads_everything_and_none_before_it_is_needed(server: RuffServer) -> None:
    assert server._process is None
    pids = set()
    for _ in range(5):
        assert await found(server, "l = 1") == [("E741", 0, 1)]
        pids.add(process(server).pid)
    assert len(pids) == 1


@story
async def test_what_many_ask_at_once_does_not_mix(server: RuffServer) -> None:
    notebooks = [["x = 1\n" * n + "l = 1", "", f"import m{n}"] for n in range(40)]
    answers = await asyncio.gather(*[found(server, *cells) for cells in notebooks])
    assert answers == [[("E741", 0, n + 1), ("F401", 2, 1)] for n in range(40)]


@story
async def test_what_comes_late_is_dropped(server: RuffServer) -> None:
    for turns in range(12):  # given up before, while and after ruff reads
        waiting = asyncio.create_task(found(server, "l = 1\n" * 50))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        assert await found(server, "", "O = 1") == [("E741", 1, 1)]


@story
async def test_every_notebook_is_closed_and_nothing_configures_it(server: RuffServer) -> None:
    for number in range(5):
        await server.findings(["l = 1"] * number)
    said = await asked(server)
    assert "open_documents_len = 0" in said
    assert "indexed_configuration_files = []" in said


@story
async def test_it_has_bounds_and_no_place_in_the_machine(server: RuffServer) -> None:
    await server.findings(["l = 1"])
    ruff = process(server)
    assert ruff.environ() == {}
    assert ruff.cwd() == "/"
    assert ruff.open_files() == []
    for kind, value in {**ruff_server._LIMITS, resource.RLIMIT_NOFILE: 0}.items():
        assert ruff.rlimit(kind) == (value, value)


@story
async def test_who_overflows_it_harms_only_himself(server: RuffServer) -> None:
    waiting = [asyncio.create_task(found(server, source)) for source in ("l = 1", DEEP, "O = 1", MANY, "I = 1")]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(answer, EngineFailed) for answer in answers] == [False, True, False, True, False]
    assert answers[0] == answers[2] == answers[4] == [("E741", 0, 1)]


@story
async def test_another_one_comes_after_its_death(server: RuffServer) -> None:
    await server.findings(["l = 1"])
    first = process(server)
    first.kill()
    assert server._process is not None
    await server._process.wait()
    assert await found(server, "l = 1") == [("E741", 0, 1)]
    assert process(server) != first


@story
async def test_ending_it_twice_or_unused_is_no_harm(server: RuffServer) -> None:
    await server.close()
    await server.findings(["l = 1"])
    ruff = process(server)
    await server.close()
    await server.close()
    assert not ruff.is_running()


@story
async def test_who_waits_when_it_is_ended_is_told(server: RuffServer) -> None:
    await server.findings([""])
    ruff = process(server)
    await stop(ruff)
    waiting = asyncio.create_task(found(server, "l = 1"))
    await asyncio.sleep(0.05)
    await server.close()
    with pytest.raises(EngineFailed):
        await waiting
    assert not ruff.is_running()


def test_one_that_hangs_is_ended_though_nobody_waits_any_more(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def told() -> None:
        async with serving() as server:
            await server.findings([""])
            ruff = process(server)
            await stop(ruff)
            with monkeypatch.context() as patch:
                patch.setattr(ruff_server, "SECONDS", 0.2)
                waiting = asyncio.create_task(found(server, "l = 1"))
                await asyncio.sleep(0.05)
                waiting.cancel()
                await until(lambda: not ruff.is_running())
            assert await found(server, "O = 1") == [("E741", 0, 1)]

    run(told())


def test_it_is_replaced_after_some_notebooks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruff_server, "MAX_NOTEBOOKS", 3)

    async def told() -> None:
        pids = []
        async with serving() as server:
            for _ in range(7):
                assert await found(server, "l = 1") == [("E741", 0, 1)]
                pids.append(process(server).pid)
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]

    run(told())


def test_too_little_memory_is_no_notes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ruff_server._LIMITS, resource.RLIMIT_DATA, 2**20)

    async def told() -> None:
        async with serving() as server:
            with pytest.raises(EngineFailed):
                await server.findings(["l = 1\n" * 1000])

    run(told())


ORPHAN = """
import asyncio
from nbcoach_grader.ruff_server import RuffServer
async def main():
    server = RuffServer(["E741"])
    await server.findings(["l = 1"])
    print(server._process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_the_service(run: Run, ends: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        ruff = psutil.Process(int(service.stdout.readline()))
        os.kill(service.pid, ends)
    run(until(lambda: not Path(f"/proc/{ruff.pid}").exists() or ruff.status() == psutil.STATUS_ZOMBIE))
