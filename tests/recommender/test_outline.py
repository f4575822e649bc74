"""Outlines: kept, refreshed when the log names something new, good while the grader is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from recommender_peers import SERVICE_TOKEN, GraderPeer
from recommender_worlds import attempt, outline

from nbcoach_exercises.errors import Unavailable, UnknownCourse, UpstreamFailed
from nbcoach_exercises.events import Logged
from nbcoach_hub.service import ServiceClient
from nbcoach_recommender.coach import Coach
from nbcoach_recommender.courses import Courses
from nbcoach_recommender.models.baselines import AuthorOrder
from nbcoach_recommender.models.mastery import MultiSkillElo
from nbcoach_recommender.outline import Outlines

NEW = frozenset({("variables-1", "v2")})


def told(story: Callable[[GraderPeer, Outlines], Awaitable[None]], keep_seconds: float = 60.0) -> None:
    async def run() -> None:
        async with GraderPeer({"py": outline()}) as grader:
            client = ServiceClient("grader", grader.url, SERVICE_TOKEN)
            try:
                await story(grader, Outlines(client, keep_seconds=keep_seconds))
            finally:
                client.close()

    asyncio.run(run())


def test_an_outline_is_asked_for_once() -> None:
    async def story(grader: GraderPeer, outlines: Outlines) -> None:
        first, second = await asyncio.gather(outlines.graph("py"), outlines.graph("py"))
        assert first is second
        assert list(first.exercises)[:2] == ["variables-1", "variables-2"]
        await outlines.graph("py", frozenset({("variables-1", "v1")}))
        assert grader.asked == ["py"]

    told(story)


def test_a_new_version_is_looked_up_once() -> None:
    async def story(grader: GraderPeer, outlines: Outlines) -> None:
        await outlines.graph("py")
        grader.outlines["py"] = outline(version="v2")
        assert (await outlines.graph("py", NEW)).exercises["variables-1"].version == "v2"
        old = frozenset({("variables-1", "v1"), ("gone", "v1")})
        await outlines.graph("py", old)
        await outlines.graph("py", old)
        assert grader.asked == ["py"] * 3

    told(story)


def test_it_is_asked_for_again_after_a_while() -> None:
    async def story(grader: GraderPeer, outlines: Outlines) -> None:
        first = await outlines.graph("py")
        await asyncio.sleep(0.02)
        assert await outlines.graph("py") is first
        grader.outlines["py"] = outline(version="v2")
        await asyncio.sleep(0.02)
        assert (await outlines.graph("py")).exercises["variables-1"].version == "v2"
        assert grader.asked == ["py"] * 3

    told(story, keep_seconds=0.01)


def test_what_is_kept_stays_good_while_the_grader_is_away() -> None:
    async def story(grader: GraderPeer, outlines: Outlines) -> None:
        first = await outlines.graph("py")
        await grader.stop()
        await asyncio.sleep(0.02)
        assert await outlines.graph("py") is first
        with pytest.raises(Unavailable):
            await outlines.graph("py", NEW)
        with pytest.raises(Unavailable):
            await outlines.graph("other")

    told(story, keep_seconds=0.01)


@pytest.mark.parametrize("course", ["other", "../api", "PY", ""])
def test_there_is_no_such_course(course: str) -> None:
    async def story(grader: GraderPeer, outlines: Outlines) -> None:
        with pytest.raises(UnknownCourse):
            await outlines.graph(course)
        assert grader.asked in ([], ["other"])

    told(story)


def test_a_broken_outline_is_the_graders_failure() -> None:
    async def story(grader: GraderPeer, outlines: Outlines) -> None:
        for body in ({}, {**outline(), "exercises": 3}, {**outline(), "skills": [{}]}):
            grader.outlines["py"] = body
            with pytest.raises(UpstreamFailed):
                await outlines.graph("py")
        grader.outline_status = 500
        with pytest.raises(UpstreamFailed):
            await outlines.graph("py")

    told(story)


def test_entries_of_a_course_that_is_not_there_yet_are_kept_for_it() -> None:
    async def story(grader: GraderPeer, outlines: Outlines) -> None:
        body = grader.outlines.pop("py")
        courses = Courses(outlines, lambda graph: Coach(graph, MultiSkillElo(), AuthorOrder()))
        logged = Logged(1, attempt("variables-1", 1, solved=True))
        await courses.announce([logged])
        courses.take(logged)
        with pytest.raises(UnknownCourse):
            await courses.coach("py")
        grader.outlines["py"] = body
        await asyncio.sleep(0.02)
        found = (await courses.coach("py")).recommend("ada", 1)
        assert [item.candidate.id for item in found] == ["variables-2"]

    told(story, keep_seconds=0.01)
