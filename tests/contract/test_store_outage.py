"""Many processes write while a reader follows, and the server of the store goes away for half a minute."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from mongo_server import MongoServer

from nbcoach_exercises.errors import Unavailable
from nbcoach_exercises.events import LearnerEvent, Logged, Reaction
from nbcoach_hub.storage import Store, Submission, open_store
from nbcoach_hub.storage.mongo import MongoBackend

WRITER = """
import asyncio, sys
from nbcoach_exercises.events import LearnerEvent, Reaction
from nbcoach_hub.storage import open_store

async def main(url, name, count, pause):
    async with open_store(url) as store:
        async def one(n):
            entry = LearnerEvent(learner=name, course="c", exercise="e", kind=Reaction.OPENED, id=f"{name}-{n}")
            print((await store.append(entry)).cursor, entry.id, flush=True)
        for n in range(0, count, 4):
            await asyncio.gather(*map(one, range(n, min(n + 4, count))))
            await asyncio.sleep(pause)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MongoServer]:
    """A server that speaks MongoDB's wire protocol."""
    server = MongoServer(tmp_path / "data")
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["sqlite", "wire"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite'}"
    return request.getfixturevalue("server").url("nbcoach")


@pytest.fixture
def writers() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that end with the test."""
    begun: list[subprocess.Popen[str]] = []
    yield begun
    for process in begun:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def begin(url: str, name: str, count: int, pause: float) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WRITER, url, name, str(count), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


async def follow(store: Store, seen: list[Logged], count: int) -> None:
    while len(seen) < count:
        seen.extend(await store.log(after=seen[-1].cursor if seen else 0, limit=7))
        await asyncio.sleep(0.01)


def check(seen: list[Logged], told: list[str], count: int) -> None:
    """Nothing that was acknowledged is lost, nothing is there twice, and the reader skipped nothing."""
    acknowledged = dict(reversed(line.split()) for line in told)
    assert len(acknowledged) == count
    cursors = [item.cursor for item in seen]
    assert cursors == sorted(set(cursors))
    assert max(Counter(item.entry.id for item in seen).values()) == 1
    assert {item.entry.id: str(item.cursor) for item in seen} == acknowledged


async def test_a_reader_skips_nothing_that_many_processes_write(url: str, writers: list[subprocess.Popen[str]]) -> None:
    seen: list[Logged] = []
    async with open_store(url) as store:
        writers += [begin(url, f"w{n}", 60, 0) for n in range(4)]
        async with asyncio.timeout(60):
            await follow(store, seen, 240)
    check(seen, [line for process in writers for line in process.communicate(timeout=30)[0].splitlines()], 240)


async def test_thirty_seconds_without_a_server_lose_and_double_nothing(
    server: MongoServer, writers: list[subprocess.Popen[str]]
) -> None:
    url, seen = server.url("nbcoach"), []
    count = 600
    async with open_store(url) as store:
        writers += [begin(url, f"w{n}", count // 3, 0.02) for n in range(3)]
        reader = asyncio.create_task(follow(store, seen, count))
        for seconds in (0.1, 1.0, 30.0):  # each time amid the writing
            before = len(seen)
            while len(seen) < before + 60:
                await asyncio.sleep(0.02)
            server.kill()
            with pytest.raises(Unavailable):
                await store.ping()
            known = len(seen)
            await asyncio.sleep(seconds)
            assert len(seen) == known < count
            await asyncio.to_thread(server.start)
        async with asyncio.timeout(60):
            await reader
    check(seen, [line for process in writers for line in process.communicate(timeout=30)[0].splitlines()], count)
    assert [process.returncode for process in writers] == [0, 0, 0]


async def test_every_kind_of_write_outlasts_an_outage(server: MongoServer) -> None:
    about = {"course": "c", "exercise": "e"}
    handed_in = Submission(learner="amy", version="v", sources={}, points=0, max_points=1, **about)
    event = LearnerEvent(learner="amy", kind=Reaction.OPENED, **about)
    async with open_store(server.url("nbcoach")) as store:
        await store.append(event)
        await store.submit(handed_in)
        assert await store.put_state("model", b"1", 0) == 1
        server.kill()
        begun = asyncio.gather(
            store.append(event), store.submit(handed_in), store.put_state("model", b"2", 1), store.regrade(handed_in),
            store.history("amy"), store.latest_attempts("amy", "c"), store.erase("bob"),
        )  # fmt: skip
        await asyncio.sleep(1)
        await asyncio.to_thread(server.start)
        _, submitted, revision, regraded, history, attempts, erased = await begun
        assert (submitted, revision, regraded, len(history), attempts, erased) == (handed_in, 2, True, 1, [], 0)


async def test_patience_ends_for_all_at_once(server: MongoServer) -> None:
    store = Store(MongoBackend(server.url("nbcoach") + "?serverSelectionTimeoutMS=200", patience=1))
    await store.start()
    server.kill()
    began = time.monotonic()
    event = LearnerEvent(learner="amy", course="c", exercise="e", kind=Reaction.OPENED)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+/nbcoach cannot be used now"):
        await store.log()
    failed = await asyncio.gather(*(store.append(event) for _ in range(20)), return_exceptions=True)
    assert {type(err) for err in failed} == {Unavailable}
    assert time.monotonic() - began < 5
    await store.close()


async def test_closing_does_not_wait_for_a_server_that_is_away(server: MongoServer) -> None:
    store = open_store(server.url("nbcoach") + "?serverSelectionTimeoutMS=500")
    await store.start()
    server.kill()
    waiting = asyncio.create_task(store.log())
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await store.close()
    assert time.monotonic() - began < 5
    with pytest.raises(Unavailable):
        await waiting


async def test_credentials_are_never_in_a_message() -> None:
    store = Store(MongoBackend("mongodb://root:hunter2@127.0.0.1:1/nbcoach?serverSelectionTimeoutMS=100", patience=0.1))
    with pytest.raises(Unavailable) as failed:
        await store.start()
    assert "hunter2" not in str(failed.value)
    assert "127.0.0.1:1/nbcoach" in str(failed.value)
