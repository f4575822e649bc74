"""Handing in, comments, regrades, releases and notifications, through the real service, engine, store and a course."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from grader_peers import ACCESS, Live, World, grader

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.format import grade_id_of
from nbcoach_exercises.schemas import load_schema
from nbcoach_exercises.solutions import read_solution
from nbcoach_grader.material import load_material
from nbcoach_hub.service import LEARN, LOG, TEACH
from nbcoach_hub.storage import work_hash

Story = Callable[[Callable[[World], Coroutine[Any, Any, None]]], None]

COURSE = "python-foundations"
EXERCISE = "double-shot"
OTHER = "ferry-ticket"
MINE = f"nbgrader-{COURSE}"
PEOPLE: dict[str, dict[str, Any]] = {
    **{
        name: {"name": name, "groups": [MINE], "scopes": [ACCESS, LEARN]}
        for name in ("ada", "bob", "cyn", "dan", "eli", "fay", "gus", "ida")
    },
    "eve": {"name": "eve", "groups": ["nbgrader-other"], "scopes": [ACCESS, LEARN]},
    "tom": {"name": "tom", "groups": [f"formgrade-{COURSE}"], "scopes": [ACCESS, LEARN, TEACH]},
    "tim": {"name": "tim", "groups": ["formgrade-other"], "scopes": [ACCESS, LEARN, TEACH]},
    "log": {"name": "follower", "kind": "service", "scopes": [ACCESS, LOG]},
}


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo course with two exercises, of which one is due."""
    source = Path(__file__).parents[2] / "exercises" / "courses" / COURSE
    folder = tmp_path_factory.mktemp("courses") / COURSE
    for name in (EXERCISE, OTHER):
        shutil.copytree(source / name, folder / name)
    skills = sorted(
        {skill for e in Catalogue.read(source.parent).course(COURSE).exercises.values() for skill in e.skills}
    )
    listed = "".join(f"  - {{id: {skill}, title: {skill}}}\n" for skill in skills)
    text = f"title: Copy\nskills:\n{listed}units:\n  - {{id: one, title: One, exercises: [{EXERCISE}, {OTHER}]}}\n"
    (folder / "course.yaml").write_text(f"{text}due:\n  {OTHER}: 2020-01-01T00:00:00+00:00\n")
    return folder.parent


@pytest.fixture(scope="module")
def story(run: Callable[..., Any], courses: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Run a story against the one service of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTERHUB_API_TOKEN", "the-service")
        patch.delenv("JUPYTERHUB_SERVICE_NAME", raising=False)
        stack = AsyncExitStack()
        world = run(stack.enter_async_context(grader(courses, tmp_path_factory.mktemp("grader"), PEOPLE)))
        try:
            yield lambda told: run(asyncio.wait_for(told(world), 60))
        finally:
            run(stack.aclose())


def work(world: World, request: str, kind: str = "correct", exercise: str = EXERCISE, **changes: Any) -> dict[str, Any]:
    """Return a frame that hands in a sample solution."""
    found = world.service.grading.catalogue.course(COURSE).exercise(exercise)
    sources = read_solution(found.folder / "solutions" / f"{kind}.py").sources
    cells = [
        {"id": str(number), "grade_id": grade_id_of(cell), "source": sources.get(grade_id_of(cell) or "", cell.source)}
        for number, cell in enumerate(load_material(found).released.cells)
        if cell.cell_type == "code"
    ]
    frame = {"type": "submit", "request": request, "course": COURSE, "exercise": exercise, "version": found.version}
    return frame | {"cells": cells} | changes


async def attempts(world: World, learner: str) -> list[dict[str, Any]]:
    """Return a learner's attempts from the log."""
    _, body = await world.ask("api/log?limit=5000", "log")
    entries = [found["entry"] for found in body["entries"]]
    return [entry for entry in entries if entry["learner"] == learner and entry["type"] == "attempt"]


async def submissions(world: World, learner: str) -> list[dict[str, Any]]:
    status, body = await world.ask(f"api/courses/{COURSE}/submissions", learner)
    assert status == 200
    return list(body["submissions"])


async def notifications(world: World, learner: str) -> list[dict[str, Any]]:
    status, body = await world.ask("api/notifications", learner)
    assert status == 200
    return list(body["notifications"])


async def progress(world: World, learner: str) -> dict[str, Any]:
    status, body = await world.ask(f"api/courses/{COURSE}", learner)
    assert status == 200
    return dict(body["progress"][EXERCISE])


async def notice(live: Live) -> dict[str, Any]:
    found = await live.hear()
    assert found is not None
    assert found["type"] == "notification"
    return found


def test_a_submission_is_what_check_says_and_has_a_receipt(story: Story) -> None:
    async def told(world: World) -> None:
        live = await world.live("ada")
        frame = work(world, "ada-1", "wrong")
        checked = await live.answer(
            {
                **frame,
                "type": "check",
                "request": "ada-0",
                "cell": world.service.grading.catalogue.course(COURSE).exercise(EXERCISE).questions[0].answers[0],
            }
        )
        receipt = await live.answer(frame)
        assert (receipt["type"], receipt["request"]) == ("receipt", "ada-1")
        assert [q["verdict"] for q in receipt["questions"]] == [checked["verdict"]]
        assert receipt["points"] == checked["points"]
        answers = {cell["grade_id"]: cell["source"] for cell in frame["cells"] if cell["grade_id"] == checked["cell"]}
        assert receipt["hash"] == work_hash(answers)
        assert (receipt["due"], receipt["late"], receipt["solved"]) == (None, False, False)
        (kept,) = await submissions(world, "ada")
        shared = kept.keys() & receipt.keys()
        assert {name: kept[name] for name in shared} == {name: receipt[name] for name in shared}
        status, whole = await world.ask(f"api/courses/{COURSE}/submissions/{receipt['submission']}", "ada")
        assert (status, whole["sources"]) == (200, answers)
        await live.close()

    story(told)


def test_a_retried_submit_is_one_submission(story: Story) -> None:
    async def told(world: World) -> None:
        one, other = await world.live("bob"), await world.live("bob")
        frame = work(world, "bob-1")
        receipts = await asyncio.gather(one.answer(frame), other.answer(frame))
        again = await one.answer({**frame, "cells": []})
        assert {found["submission"] for found in (*receipts, again)} == {receipts[0]["submission"]}
        assert {found["at"] for found in (*receipts, again)} == {receipts[0]["at"]}
        assert len(await submissions(world, "bob")) == 1
        assert len(await attempts(world, "bob")) == 1
        second = await one.answer(work(world, "bob-2"))
        assert [kept["submission"] for kept in await submissions(world, "bob")] == [
            second["submission"],
            receipts[0]["submission"],
        ]
        await one.close()
        await other.close()

    story(told)


def test_the_same_request_id_of_another_learner_or_exercise_is_another_submission(story: Story) -> None:
    async def told(world: World) -> None:
        found = []
        for name, exercise in (("cyn", EXERCISE), ("cyn", OTHER), ("dan", EXERCISE)):
            live = await world.live(name)
            found.append((await live.answer(work(world, "same", exercise=exercise)))["submission"])
            await live.close()
        assert len(set(found)) == 3

    story(told)


def test_late_work_is_taken_and_marked(story: Story) -> None:
    async def told(world: World) -> None:
        live = await world.live("dan")
        receipt = await live.answer(work(world, "dan-late", exercise=OTHER))
        assert (receipt["late"], receipt["due"], receipt["solved"]) == (True, "2020-01-01T00:00:00+00:00", True)
        _, outline = await world.ask(f"api/courses/{COURSE}", "dan")
        assert [exercise["due"] for exercise in outline["exercises"]] == [None, receipt["due"]]
        await live.close()

    story(told)


def test_what_is_refused_is_not_kept(story: Story) -> None:
    async def told(world: World) -> None:
        live = await world.live("eli")
        for change, code in (
            ({"course": "other"}, "unknown-course"),
            ({"exercise": "no-such"}, "unknown-exercise"),
            ({"cells": "x"}, "invalid-frame"),
            ({"learner": "bob"}, "invalid-frame"),
        ):
            answer = await live.answer(work(world, "eli-1") | change)
            assert (answer["type"], answer["code"]) == ("failure", code)
        assert await submissions(world, "eli") == []
        empty = await live.answer(work(world, "eli-2", cells=[]))
        assert (empty["points"], [q["verdict"] for q in empty["questions"]]) == (0, ["not-attempted"])
        await live.close()

    story(told)


def test_submissions_are_seen_by_their_learner_and_teachers_only(story: Story) -> None:
    async def told(world: World) -> None:
        live = await world.live("fay")
        receipt = await live.answer(work(world, "fay-1"))
        await live.close()
        path = f"api/courses/{COURSE}/submissions/{receipt['submission']}"
        everybody = f"api/courses/{COURSE}/exercises/{EXERCISE}/submissions"
        for token, status in (("fay", 200), ("gus", 404), ("eve", 404), ("tom", 404), ("log", 403), (None, 403)):
            assert (await world.ask(path, token))[0] == status, token
        for token, status in (("tom", 200), ("tim", 404), ("fay", 403), (None, 403)):
            assert (await world.ask(everybody, token))[0] == status, token
        _, body = await world.ask(everybody, "tom")
        assert "fay" in {kept["learner"] for kept in body["submissions"]}

    story(told)


def test_a_comment_reaches_its_learner_at_once_and_is_kept_until_read(story: Story) -> None:
    async def told(world: World) -> None:
        live, stranger = await world.live("gus"), await world.live("ada")
        receipt = await live.answer(work(world, "gus-1", "wrong"))
        path = f"api/courses/{COURSE}/submissions/{receipt['submission']}/comments"
        cell = receipt["questions"][0]["cell"]
        assert (await world.ask(path, "gus", "POST", {"text": "Mine"}))[0] == 403
        assert (await world.ask(path, "tim", "POST", {"text": "Not mine"}))[0] == 404
        for body in (
            {},
            {"text": ""},
            {"text": "x" * 4001},
            {"text": "x", "cell": "no-such"},
            {"text": "x", "author": "y"},
        ):
            assert (await world.ask(path, "tom", "POST", body))[0] == 400, body
        status, made = await world.ask(path, "tom", "POST", {"text": "Nearly! <b>Look</b> again.", "cell": cell})
        assert status == 201
        heard = await notice(live)
        assert (heard["kind"], heard["exercise"], heard["read"]) == ("comment", EXERCISE, False)
        assert heard["detail"]["text"] == "Nearly! <b>Look</b> again."
        (kept,) = [found for found in await submissions(world, "gus") if found["comments"]]
        assert kept["comments"] == [
            {"id": made["id"], "author": "tom", "text": "Nearly! <b>Look</b> again.", "cell": cell, "at": made["at"]}
        ]
        (listed,) = await notifications(world, "gus")
        assert {"type": "notification", **listed} == heard
        assert (await world.ask("api/notifications/read", "ada", "POST", {"ids": [heard["id"]]}))[1] == {"read": 0}
        assert (await world.ask("api/notifications/read", "gus", "POST", {"ids": [heard["id"]]}))[1] == {"read": 1}
        assert [found["read"] for found in await notifications(world, "gus")] == [True]
        assert await notifications(world, "ada") == []
        await live.close()
        await stranger.close()

    story(told)


def test_the_state_of_an_exercise_follows_what_is_handed_in(story: Story) -> None:
    async def told(world: World) -> None:
        live = await world.live("ida")
        points = world.service.grading.catalogue.course(COURSE).exercise(EXERCISE).points
        assert await progress(world, "ida") == {"state": "new", "points": 0, "max_points": points, "solved": False}
        wrong = await live.answer(work(world, "ida-1", "wrong"))
        handed_in = {"state": "submitted", "points": wrong["points"], "max_points": points, "solved": False}
        assert await progress(world, "ida") == handed_in
        cell = wrong["questions"][0]["cell"]
        right = work(world, "ida-2")
        checked = await live.answer({**right, "type": "check", "request": "ida-c", "cell": cell})
        assert checked["solved"]
        assert await progress(world, "ida") == {**handed_in, "solved": True}  # what is handed in counts
        path = f"api/courses/{COURSE}/submissions/{wrong['submission']}/comments"
        assert (await world.ask(path, "tom", "POST", {"text": "Nearly."}))[0] == 201
        assert await progress(world, "ida") == {**handed_in, "state": "graded", "solved": True}
        assert (await notice(live))["kind"] == "comment"
        await live.answer(right)
        assert await progress(world, "ida") == {**handed_in, "points": points, "solved": True}
        await live.close()

    story(told)


def test_a_regrade_previews_then_keeps_and_tells_whose_points_change(story: Story, courses: Path) -> None:
    async def told(world: World) -> None:
        live = await world.live("ada")
        await live.answer(work(world, "ada-r", "correct"))
        before = (await submissions(world, "ada"))[0]
        wrong = await live.answer(work(world, "ada-w", "wrong"))
        path = f"api/courses/{COURSE}/exercises/{EXERCISE}/regrade"
        _, preview = await world.ask(path, "tom", "POST", {"keep": False})
        assert preview["changes"]
        assert all(change["before"] == change["after"] for change in preview["changes"])
        soften(courses / COURSE / EXERCISE)
        status, answer = await world.ask(f"api/courses/{COURSE}/release", "tom", "POST", {})
        assert (status, answer) == (200, {"released": [], "updated": [EXERCISE]})
        assert (await notice(live))["kind"] == "updated"
        _, preview = await world.ask(path, "tom", "POST", {"keep": False})
        mine = next(change for change in preview["changes"] if change["learner"] == "ada")
        assert mine["submission"] == wrong["submission"]
        assert mine["before"] < mine["after"]
        assert (await submissions(world, "ada"))[0]["points"] == wrong["points"]
        assert (await world.ask(path, "tom", "POST", {"keep": True}))[1]["changes"] == preview["changes"]
        heard = await notice(live)
        assert (heard["kind"], heard["detail"]["after"]) == ("regraded", mine["after"])
        newest, older = (await submissions(world, "ada"))[:2]
        assert (newest["points"], newest["at"], newest["hash"]) == (mine["after"], wrong["at"], wrong["hash"])
        assert older == before
        _, again = await world.ask(path, "tom", "POST", {"keep": True})
        assert all(change["before"] == change["after"] for change in again["changes"])
        assert (await world.ask(path, "ada", "POST", {"keep": True}))[0] == 403
        noted = [(item.entry.action, item.entry.actor) for item in await world.service.store.audit_trail(limit=3)]
        assert noted == [("work.regrade", "tom"), ("work.regrade", "tom"), ("course.release", "tom")]
        await live.close()

    story(told)


def test_new_exercises_are_announced_once_and_a_broken_course_stays_as_it_was(story: Story, courses: Path) -> None:
    async def told(world: World) -> None:
        folder = courses / COURSE
        shutil.copytree(folder / EXERCISE, folder / "brand-new")
        described = (folder / "course.yaml").read_text()
        path = f"api/courses/{COURSE}/release"
        (folder / "course.yaml").write_text(described.replace(f", {OTHER}]", f", {OTHER}, missing]"))
        assert (await world.ask(path, "tom", "POST", {}))[0] == 422
        (folder / "course.yaml").write_text(described.replace(f", {OTHER}]", f", {OTHER}, brand-new]"))
        live = await world.live("eli")
        assert (await world.ask(path, "ada", "POST", {}))[0] == 403
        assert (await world.ask(path, "tim", "POST", {}))[0] == 404
        answers = await asyncio.gather(*(world.ask(path, "tom", "POST", {}) for _ in range(2)))
        assert {status for status, _ in answers} == {200}
        heard = await notice(live)
        assert (heard["kind"], heard["exercise"]) == ("released", "brand-new")
        assert [found["kind"] for found in await notifications(world, "eli")].count("released") == 1
        assert (await world.ask(path, "tom", "POST", {}))[1] == {"released": [], "updated": []}
        _, outline = await world.ask(f"api/courses/{COURSE}", "eli")
        assert "brand-new" in {exercise["id"] for exercise in outline["exercises"]}
        await live.close()

    story(told)


def test_the_api_s_frames_are_those_of_the_schema(story: Story) -> None:
    async def told(world: World) -> None:
        described = world.service.openapi["components"]["schemas"]
        for name, frame in load_schema("frames.v1")["$defs"].items():
            moved = json.loads(json.dumps(frame).replace("#/$defs/", "#/components/schemas/frame-"))
            assert described[f"frame-{name}"] == moved, name

    story(told)


def soften(folder: Path) -> None:
    """Take the author's tests away, as one does who has found them wrong: everybody passes."""
    path = folder / "exercise.ipynb"
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code":
            points = cell["metadata"]["nbgrader"]["points"]
            cell["source"] = f"### CHECK: is there ({points} points)\nassert True"
    path.write_text(json.dumps(notebook))
