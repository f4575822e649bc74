"""The follower against a real server that speaks the log's contract: everything once, in order, whatever breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from recommender_peers import SERVICE_TOKEN, GraderPeer, until
from recommender_worlds import attempt

from nbcoach_exercises.errors import Unavailable
from nbcoach_exercises.events import Logged
from nbcoach_hub.service import ServiceClient
from nbcoach_recommender.feed import Follower


class Reader:
    """Keeps what a follower hands over."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.announced: list[list[str]] = []
        self.refuse = 0
        self.poison: set[str] = set()

    async def announce(self, entries: list[Logged]) -> None:
        await asyncio.sleep(0)
        if self.refuse:
            self.refuse -= 1
            raise Unavailable("Not now.")
        self.announced.append([logged.entry.id for logged in entries])

    def take(self, logged: Logged) -> None:
        if logged.entry.id in self.poison:
            raise RuntimeError(logged.entry.id)
        self.taken.append(logged.entry.id)


@asynccontextmanager
async def following(
    grader: GraderPeer, token: str = SERVICE_TOKEN, wait_seconds: float = 5.0
) -> AsyncIterator[tuple[Follower, Reader]]:
    reader, client = Reader(), ServiceClient("grader", grader.url, token)
    follower = Follower(
        client, reader.announce, reader.take, wait_seconds=wait_seconds, retry_seconds=0.01, retry_most=0.05
    )
    follower.start()
    try:
        yield follower, reader
    finally:
        await follower.stop()
        client.close()


def ids(first: int, last: int) -> list[str]:
    return [f"attempt-{number}" for number in range(first, last + 1)]


def entries(first: int, last: int) -> list[Any]:
    return [attempt("variables-1", number) for number in range(first, last + 1)]


def test_it_reads_the_log_page_by_page_and_then_follows_it() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.page = 4
            last = grader.log(*entries(1, 10))
            async with following(grader) as (follower, reader):
                await until(lambda: follower.caught_up)
                assert reader.taken == ids(1, 10)
                assert [len(batch) for batch in reader.announced] == [4, 4, 2]
                assert follower.cursor == last
                assert follower.state() == "ok"
                begun = time.monotonic()
                assert await follower.wait_for(grader.log(*entries(11, 11)), 3)
                assert time.monotonic() - begun < 1
                assert reader.taken == ids(1, 11)
            assert follower.state() == "the log is not followed"

    asyncio.run(story())


def test_it_survives_the_graders_restart_and_loses_and_repeats_nothing() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.log(*entries(1, 3))
            async with following(grader) as (follower, reader):
                await until(lambda: follower.caught_up)
                await grader.stop()
                await until(lambda: follower.state().startswith("the grader's log cannot be read"))
                grader.log(*entries(4, 6))
                assert not await follower.wait_for(grader.rows[-1]["cursor"], 0.1)
                grader.start()
                assert await follower.wait_for(grader.rows[-1]["cursor"], 5)
                assert reader.taken == ids(1, 6)
                await until(lambda: follower.state() == "ok")

    asyncio.run(story())


def test_others_have_their_turn_while_a_batch_is_taken() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.log(*entries(1, 100))
            async with following(grader) as (follower, reader):
                seen: set[tuple[int, int]] = set()
                while not follower.caught_up:
                    seen.add((len(reader.taken), follower.cursor))
                    await asyncio.sleep(0)
                assert {(20, 60), (50, 150), (90, 270)} <= seen
                assert reader.taken == ids(1, 100)

    asyncio.run(story())


def test_a_refused_batch_comes_again() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            last = grader.log(*entries(1, 3))
            async with following(grader) as (follower, reader):
                reader.refuse = 3
                assert await follower.wait_for(last, 5)
                assert reader.taken == ids(1, 3)
                assert grader.asked_after[:4] == [0, 0, 0, 0]

    asyncio.run(story())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: 500,
        lambda body: 403,
        lambda body: "no JSON",
        lambda body: [],
        lambda body: {"entries": 3},
        lambda body: {"entries": [{"entry": {}}]},
        lambda body: {"entries": [3]},
        lambda body: {"entries": [{"cursor": 0, "entry": {}}]},
        lambda body: {"entries": [{"cursor": True, "entry": {}}]},
    ],
)
def test_wrong_answers_are_asked_again(spoil: Any) -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.spoil = spoil
            last = grader.log(*entries(1, 2))
            async with following(grader) as (follower, reader):
                await until(lambda: len(grader.asked_after) > 2)
                assert follower.state().startswith("the grader's log cannot be read: ")
                assert reader.taken == []
                grader.spoil = None
                assert await follower.wait_for(last, 5)
                assert reader.taken == ids(1, 2)

    asyncio.run(story())


def test_a_grader_that_sends_entries_twice_counts_once() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.spoil = lambda body: {**body, "entries": [*grader.rows, *grader.rows]}
            grader.log(*entries(1, 3))
            async with following(grader) as (follower, reader):
                await until(lambda: len(grader.asked_after) > 2)
                assert await follower.wait_for(grader.log(*entries(4, 4)), 5)
                assert reader.taken == ids(1, 4)

    asyncio.run(story())


def test_entries_that_cannot_be_read_or_taken_are_skipped_and_counted() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.log(*entries(1, 4))
            del grader.rows[1]["entry"]["learner"]
            async with following(grader) as (follower, reader):
                reader.poison = {"attempt-3"}
                await until(lambda: follower.caught_up)
                assert reader.taken == ["attempt-1", "attempt-4"]
                assert follower.skipped == 2
                assert follower.state() == "ok"

    asyncio.run(story())


def test_a_wrong_token_is_no_loop_without_a_pause() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.log(*entries(1, 1))
            async with following(grader, token="stolen") as (follower, reader):
                await asyncio.sleep(0.3)
                assert "answered 403" in follower.state()
                assert reader.taken == []
                assert grader.asked_after == []

    asyncio.run(story())


def test_start_and_stop_may_be_repeated_and_the_cursor_stays() -> None:
    async def story() -> None:
        async with GraderPeer() as grader:
            grader.log(*entries(1, 2))
            async with following(grader) as (follower, reader):
                follower.start()
                await until(lambda: follower.caught_up)
                await follower.stop()
                await follower.stop()
                last = grader.log(*entries(3, 3))
                follower.start()
                assert await follower.wait_for(last, 5)
                assert reader.taken == ids(1, 3)

    asyncio.run(story())


def test_a_quiet_long_poll_is_no_failure() -> None:
    async def story() -> None:
        async with GraderPeer() as grader, following(grader, wait_seconds=1.0) as (follower, _):
            await until(lambda: len(grader.asked_after) >= 3)
            assert follower.state() == "ok"
            assert follower.cursor == 0

    asyncio.run(story())
