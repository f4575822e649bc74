"""The real grader service with a real engine, store and course: what learners and services get, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import nbformat
import pytest
from grader_peers import ACCESS, World, grader
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.format import grade_id_of
from nbcoach_exercises.solutions import read_solution
from nbcoach_exercises.wire import MAX_FRAME_BYTES, MAX_MESSAGE_BYTES
from nbcoach_grader.material import load_material
from nbcoach_hub.service import LEARN, LOG, TEACH, Limits

Story = Callable[[Callable[[World], Coroutine[Any, Any, None]]], None]

COURSES = Path(__file__).parents[2] / "exercises" / "courses"
COURSE = Catalogue.read(COURSES).course("python-foundations")
FIRST = next(iter(COURSE.exercises.values()))
CELL = FIRST.questions[0].answers[0]
MINE = "nbgrader-python-foundations"
PEOPLE: dict[str, dict[str, Any]] = {
    "eve": {"name": "eve", "groups": ["nbgrader-other"], "scopes": [ACCESS, LEARN]},
    "tom": {"name": "tom", "groups": ["formgrade-python-foundations"], "scopes": [ACCESS, TEACH]},
    "log": {"name": "follower", "kind": "service", "scopes": [ACCESS, LOG]},
    "log-user": {"name": "mallory", "groups": [MINE], "scopes": [ACCESS, LOG, LEARN]},
    "other-service": {"name": "other", "kind": "service", "scopes": [ACCESS, TEACH]},
    "no-scope": {"name": "ida", "groups": [MINE], "scopes": [ACCESS]},
    "no-access": {"name": "ian", "groups": [MINE], "scopes": [LEARN]},
    **{
        name: {"name": name, "groups": [MINE], "scopes": [ACCESS, LEARN]}
        for name in (
            "ada",
            "bob",
            "cyn",
            "dan",
            "fay",
            "gus",
            "hal",
            "ivy",
            *(f"learner-{number}" for number in range(10)),
        )
    },
}


@pytest.fixture(scope="module")
def story(run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Run a story against the one service of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTERHUB_API_TOKEN", "the-service")
        patch.delenv("JUPYTERHUB_SERVICE_NAME", raising=False)
        stack = AsyncExitStack()
        world = run(stack.enter_async_context(grader(COURSES, tmp_path_factory.mktemp("grader"), PEOPLE)))
        try:
            yield lambda told: run(asyncio.wait_for(told(world), 60))
        finally:
            run(stack.aclose())


def check(request: str, kind: str = "correct", *, extra: str = "", **changes: Any) -> dict[str, Any]:
    """Return a check of the first exercise with one of its sample solutions, or with a source of one's own."""
    sources = read_solution(FIRST.folder / "solutions" / f"{kind}.py").sources
    cells = [
        {"id": str(number), "grade_id": grade_id_of(cell), "source": sources.get(grade_id_of(cell) or "", cell.source)}
        for number, cell in enumerate(load_material(FIRST).released.cells)
        if cell.cell_type == "code"
    ]
    for cell in cells:
        if extra and cell["grade_id"] == CELL:
            cell["source"] += "\n" + extra
    frame = {
        "type": "check",
        "request": request,
        "course": COURSE.id,
        "exercise": FIRST.id,
        "version": FIRST.version,
        "cell": CELL,
        "cells": cells,
    }
    return frame | changes


def hint(request: str, level: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a request for a hint of the first check."""
    found = next(c for t in load_material(FIRST).tests.values() for c in t.checks)
    frame = {"type": "hint", "request": request, "course": COURSE.id, "exercise": FIRST.id, "cell": CELL}
    return frame | {"check": found.id, "level": level} | changes


def event(**changes: Any) -> dict[str, Any]:
    return {"course": COURSE.id, "exercise": FIRST.id, "kind": "opened"} | changes


async def entries(world: World, after: int = 0) -> list[dict[str, Any]]:
    """Return what the log has after a cursor, as a service sees it."""
    status, body = await world.ask(f"api/log?after={after}&limit=5000", "log")
    assert status == 200
    cursors = [entry["cursor"] for entry in body["entries"]]
    assert cursors == sorted(set(cursors))
    assert body["cursor"] == (cursors[-1] if cursors else after)
    return list(body["entries"])


async def last(world: World) -> int:
    return max((entry["cursor"] for entry in await entries(world)), default=0)


def test_learners_see_their_courses(story: Story) -> None:
    async def told(world: World) -> None:
        listed = {"id": COURSE.id, "title": COURSE.title, "summary": COURSE.summary}
        for token in ("ada", "tom", "log"):
            assert await world.ask("api/courses", token) == (200, {"courses": [listed]})
        assert await world.ask("api/courses", "eve") == (200, {"courses": []})
        status, outline = await world.ask(f"api/courses/{COURSE.id}", "ada")
        assert status == 200
        assert [exercise["id"] for exercise in outline["exercises"]] == list(COURSE.exercises)
        assert set(outline["progress"]) == set(COURSE.exercises)
        assert {found["state"] for found in outline["progress"].values()} == {"new"}
        assert "progress" not in (await world.ask(f"api/courses/{COURSE.id}", "log"))[1]

    story(told)


def test_every_notebook_can_be_had_and_holds_no_solution(story: Story) -> None:
    async def told(world: World) -> None:
        for exercise in COURSE.exercises.values():
            path = f"api/courses/{COURSE.id}/exercises/{exercise.id}/notebook"
            status, found = await world.ask(path, "ada")
            assert (status, found["version"]) == (200, exercise.version)
            nbformat.validate(found["notebook"])
            for marker in ("BEGIN SOLUTION", "HIDDEN", "### HINT"):
                assert marker not in json.dumps(found["notebook"])
            for file in found["files"]:
                assert base64.b64decode(file["content"]) == (exercise.folder / "data" / file["path"]).read_bytes()

    story(told)


def test_foreign_and_unknown_courses_look_the_same(story: Story) -> None:
    async def told(world: World) -> None:
        for path in ("api/courses/{}", f"api/courses/{{}}/exercises/{FIRST.id}/notebook"):
            foreign = await world.ask(path.format(COURSE.id), "eve")
            unknown = await world.ask(path.format("python-foundationx"), "eve")
            assert foreign[0] == unknown[0] == 404
            assert json.dumps(foreign).replace(COURSE.id, "?") == json.dumps(unknown).replace("python-foundationx", "?")
            granted_but_missing = await world.ask(path.format("other"), "eve")
            assert json.dumps(foreign).replace(COURSE.id, "?") == json.dumps(granted_but_missing).replace("other", "?")
        foreign = await world.ask("api/events", "eve", "POST", event())
        unknown = await world.ask("api/events", "eve", "POST", event(course="python-foundationx"))
        assert foreign[0] == 404
        assert json.dumps(foreign).replace(COURSE.id, "?") == json.dumps(unknown).replace("python-foundationx", "?")

    story(told)


@pytest.mark.parametrize(
    "odd",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc",
        "%2fetc%2fpasswd",
        "A",
        "a%00b",
        "a%0a",
        "%ff",
        "a%20b",
        "-",
        "x" * 65,
        "%F0%9F%90%8D",
    ],
)
def test_odd_ids_are_refused(story: Story, odd: str) -> None:
    async def told(world: World) -> None:
        for path in (
            f"api/courses/{odd}",
            f"api/courses/{odd}/exercises/{FIRST.id}/notebook",
            f"api/courses/{COURSE.id}/exercises/{odd}/notebook",
        ):
            assert (await world.ask(path, "ada"))[0] in (400, 404), path

    story(told)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (json.dumps(event(level=0)).encode(), 400),
        (json.dumps(event(kind="solved")).encode(), 400),
        (json.dumps(event(learner="bob")).encode(), 400),
        (json.dumps(event(cell=7)).encode(), 400),
        (json.dumps(event(course="../x")).encode(), 400),
        (json.dumps(event(exercise="no-such")).encode(), 404),
        (b" " * (8 * 2**20 + 1), 413),
        (json.dumps(event(cell="x" * 9 * 2**20)).encode(), 413),
    ],
)
def test_events_that_are_refused_leave_no_trace(story: Story, body: bytes, status: int) -> None:
    async def told(world: World) -> None:
        before = await entries(world)
        assert (await world.ask("api/events", "ada", "POST", body))[0] == status
        assert await entries(world) == before

    story(told)


def test_events_are_kept_under_the_callers_name(story: Story) -> None:
    async def told(world: World) -> None:
        begun = await last(world)
        status, kept = await world.ask("api/events", "bob", "POST", event(kind="too-hard"))
        assert status == 201
        (found,) = await entries(world, begun)
        assert found["cursor"] == kept["cursor"] > begun
        assert found["entry"]["learner"] == "bob"
        assert found["entry"]["kind"] == "too-hard"

    story(told)


@pytest.mark.parametrize("token", [None, "forged", "ada", "tom", "log-user", "other-service", "no-scope", "no-access"])
def test_the_log_is_for_services_with_the_scope(story: Story, token: str | None) -> None:
    async def told(world: World) -> None:
        status, body = await world.ask("api/log", token)
        assert (status, body["code"]) == (403, "not-allowed")

    story(told)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=1.5", "limit=0", "limit=5001", "wait=31", "wait=-1"])
def test_odd_questions_about_the_log_are_refused(story: Story, query: str) -> None:
    async def told(world: World) -> None:
        assert (await world.ask(f"api/log?{query}", "log"))[0] == 400

    story(told)


def test_the_log_comes_in_pages(story: Story) -> None:
    async def told(world: World) -> None:
        begun = await last(world)
        for _ in range(5):
            await world.ask("api/events", "bob", "POST", event())
        everything = await entries(world, begun)
        paged, cursor = [], begun
        while True:
            page = (await world.ask(f"api/log?after={cursor}&limit=2", "log"))[1]
            assert len(page["entries"]) <= 2
            if not page["entries"]:
                break
            paged += page["entries"]
            cursor = page["cursor"]
        assert len(paged) == 5
        assert paged == everything

    story(told)


def test_a_waiting_follower_hears_of_an_attempt_at_once(story: Story) -> None:
    async def told(world: World) -> None:
        begun = await last(world)
        live = await world.live("cyn")
        waiting = asyncio.create_task(world.ask(f"api/log?after={begun}&wait=25", "log"))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        feedback = await live.answer(check("cyn-1"))
        status, body = await asyncio.wait_for(waiting, 3)
        assert (status, body["cursor"]) == (200, feedback["cursor"])
        assert [entry["entry"]["learner"] for entry in body["entries"]] == ["cyn"]
        assert await world.ask(f"api/log?after={body['cursor']}&wait=1", "log") == (
            200,
            {"entries": [], "cursor": body["cursor"]},
        )
        await live.close()

    story(told)


def test_right_and_wrong_work_is_judged_and_kept(story: Story) -> None:
    async def told(world: World) -> None:
        begun = await last(world)
        live = await world.live("dan")
        wrong = await live.answer(check("dan-1", "wrong"))
        assert (wrong["type"], wrong["request"], wrong["verdict"]) == ("feedback", "dan-1", "failed")
        assert (wrong["points"], wrong["solved"]) == (0, False)
        outline = (await world.ask(f"api/courses/{COURSE.id}", "dan"))[1]
        assert outline["progress"][FIRST.id]["state"] == "started"
        right = await live.answer(check("dan-2"))
        assert (right["verdict"], right["points"], right["solved"]) == ("passed", FIRST.points, True)
        assert {found["verdict"] for found in right["checks"]} == {"passed"}
        assert all(found["message"] is None for found in wrong["checks"] if found["hidden"])
        outline = (await world.ask(f"api/courses/{COURSE.id}", "dan"))[1]
        assert outline["progress"][FIRST.id] == {
            "state": "passed",
            "points": FIRST.points,
            "max_points": FIRST.points,
            "solved": True,
        }
        kept = await entries(world, begun)
        assert [(e["entry"]["id"], e["cursor"]) for e in kept] == [
            (wrong["attempt"], wrong["cursor"]),
            (right["attempt"], right["cursor"]),
        ]
        assert [e["entry"]["verdict"] for e in kept] == ["failed", "passed"]
        assert {e["entry"]["learner"] for e in kept} == {"dan"}
        assert "def espressos" not in json.dumps(kept)
        await live.close()

    story(told)


def test_an_error_comes_explained_with_its_place_and_notes_on_style(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbcoach_grader.grading.PATIENCE", 60.0)

    async def told(world: World) -> None:
        live = await world.live("dan")
        frame = check("dan-error", extra="def helper(l):\n    return l + totl\n\ntotal = 1\nhelper(1)")
        found = await live.answer(frame)
        error = found["error"]
        assert (error["name"], error["cell"]) == ("NameError", CELL)
        assert error["explanation"] == "There is no totl. Did you mean total?"
        assert [(step["function"], step["text"]) for step in error["trace"]] == [
            ("", "helper(1)"),
            ("helper", "return l + totl"),
        ]
        assert [(note["cell"], note["rule"], note["text"]) for note in found["style"]] == [
            (CELL, "E741", "def helper(l):")
        ]
        right = await live.answer(check("dan-right"))
        assert (right["verdict"], right["error"], right["style"]) == ("passed", None, [])
        await live.close()

    story(told)


def test_a_request_that_is_sent_again_counts_once(story: Story) -> None:
    async def told(world: World) -> None:
        begun = await last(world)
        live = await world.live("dan")
        first = await live.answer(check("dan-again"))
        await live.close()
        live = await world.live("dan")
        again = await live.answer(check("dan-again"))
        assert (first["attempt"], first["cursor"]) == (again["attempt"], again["cursor"])
        both = await asyncio.gather(*[_check_once(world, "dan", check("dan-both")) for _ in range(2)])
        assert both[0]["attempt"] == both[1]["attempt"] != first["attempt"]
        other = await _check_once(world, "cyn", check("dan-again"))
        assert other["attempt"] != first["attempt"]
        kept = [e["entry"]["id"] for e in await entries(world, begun)]
        assert kept == [first["attempt"], both[0]["attempt"], other["attempt"]]
        await live.close()

    story(told)


async def _check_once(world: World, token: str, frame: dict[str, Any]) -> dict[str, Any]:
    live = await world.live(token)
    try:
        return await live.answer(frame)
    finally:
        await live.close()


def test_an_old_version_and_untouched_work_are_named(story: Story) -> None:
    async def told(world: World) -> None:
        live = await world.live("fay")
        old = await live.answer(check("fay-1", version="0"))
        assert (old["verdict"], old["version"]) == ("passed", FIRST.version)
        assert any("newer version" in repair for repair in old["repairs"])
        empty = await live.answer(check("fay-2", cells=[]))
        assert (empty["verdict"], empty["points"]) == ("not-attempted", 0)
        await live.close()

    story(told)


def test_the_hint_ladder_is_climbed_one_by_one(story: Story) -> None:
    async def told(world: World) -> None:
        begun = await last(world)
        live = await world.live("fay")
        ladder = next(c for t in load_material(FIRST).tests.values() for c in t.checks).hints
        for level, text in enumerate(ladder, 1):
            found = await live.answer(hint(f"h{level}", level))
            assert (found["type"], found["request"]) == ("hint-text", f"h{level}")
            assert (found["level"], found["of"], found["text"]) == (level, len(ladder), text)
        kept = [e["entry"] for e in await entries(world, begun)]
        assert [(e["kind"], e["level"], e["learner"]) for e in kept] == [
            ("hint", level, "fay") for level in range(1, len(ladder) + 1)
        ]
        beyond = await live.answer(hint("beyond", len(ladder) + 1))
        assert (beyond["type"], beyond["request"], beyond["code"]) == ("failure", "beyond", "invalid-input")
        assert len(await entries(world, begun)) == len(ladder)
        await live.close()

    story(told)


PROGRESS = {"type": "progress", "request": "r", "state": "running"}


@pytest.mark.parametrize(
    ("frame", "request_id", "code"),
    [
        pytest.param("{", None, "invalid-frame", id="no JSON"),
        pytest.param("", None, "invalid-frame", id="empty"),
        pytest.param(b"\xff\xfe\x00", None, "invalid-frame", id="bytes"),
        pytest.param("[" * 100_000, None, "invalid-frame", id="deep"),
        pytest.param("[]", None, "invalid-frame", id="list"),
        pytest.param('{"type": "check", "request": NaN}', None, "invalid-frame", id="NaN"),
        pytest.param({"type": "explode", "request": "r"}, "r", "invalid-frame", id="unknown type"),
        pytest.param({"type": ["check"], "request": "r"}, "r", "invalid-frame", id="type is a list"),
        pytest.param(PROGRESS, "r", "invalid-frame", id="an answer"),
        pytest.param(check("r", course="other"), "r", "unknown-course", id="foreign course"),
        pytest.param(check("r", course="no-such"), "r", "unknown-course", id="unknown course"),
        pytest.param(check("r", course="../x"), "r", "invalid-frame", id="climbing course"),
        pytest.param(check("r", exercise="no-such"), "r", "unknown-exercise", id="unknown exercise"),
        pytest.param(check("r", exercise="../x"), "r", "invalid-frame", id="climbing exercise"),
        pytest.param(check("r", cell="no-such"), "r", "unknown-cell", id="unknown cell"),
        pytest.param(check("r", learner="bob"), "r", "invalid-frame", id="one field more"),
        pytest.param(check(""), None, "invalid-frame", id="no request id"),
        pytest.param(check("r" * 129), None, "invalid-frame", id="long request id"),
        pytest.param(check("r", extra="#" * 1_000_001), "r", "invalid-frame", id="long source"),
        pytest.param(hint("r", check="no-such"), "r", "unknown-cell", id="hint of an unknown check"),
        pytest.param(hint("r", cell="no-such"), "r", "unknown-cell", id="hint of an unknown cell"),
        pytest.param(hint("r", course="other"), "r", "unknown-course", id="hint of a foreign course"),
        pytest.param(hint("r", 0), "r", "invalid-frame", id="hint 0"),
    ],
)
def test_frames_that_are_refused_leave_no_trace(story: Story, frame: Any, request_id: str | None, code: str) -> None:
    async def told(world: World) -> None:
        before = await entries(world)
        live = await world.live("gus")
        failure = await live.answer(frame)
        assert (failure["type"], failure["request"], failure["code"]) == ("failure", request_id, code)
        assert await entries(world) == before
        alive = await live.answer(hint("alive", 50))
        assert alive["request"] == "alive"
        await live.close()

    story(told)


@pytest.mark.parametrize(("size", "told_why"), [(MAX_FRAME_BYTES, True), (MAX_MESSAGE_BYTES, False)])
def test_a_frame_above_the_limit_is_told_and_an_absurd_one_ends_its_socket(
    story: Story, size: int, told_why: bool
) -> None:
    async def told(world: World) -> None:
        before = await entries(world)
        live, other = await world.live("gus"), await world.live("gus")
        with contextlib.suppress(WebSocketClosedError):  # refused by its announced length, before it is all sent
            await live.say('{"type": "check", "request": "' + "x" * size + '"}')
        found = await live.hear()
        assert (found is not None and found["code"] == "too-large") is told_why
        assert told_why or live.close_code in (None, 1006, 1009)
        assert (await other.answer(hint("alive", 50)))["request"] == "alive"
        assert await entries(world) == before
        live.vanish()
        await other.close()

    story(told)


@pytest.mark.parametrize("token", ["forged", "tom", "log", "no-scope", "no-access"])
def test_sockets_are_for_learners(story: Story, token: str) -> None:
    async def told(world: World) -> None:
        with pytest.raises(HTTPClientError) as caught:
            await world.live(token)
        assert caught.value.code == 403

    story(told)


@pytest.mark.parametrize("kind", ["check", "submit"])
def test_what_a_limit_refuses_is_taken_after_the_time_that_it_names(
    story: Story, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(world: World) -> None:
        live = await world.live("ivy")
        frame = {**check(f"ivy-{kind}"), "type": kind}
        if kind == "submit":
            del frame["cell"]
        before = await last(world)
        monkeypatch.setattr(world.service, "limits", Limits(1, 1))
        world.service.limits.spend("live:ivy")
        refused = await live.answer(frame)
        assert (refused["type"], refused["code"]) == ("failure", "too-many-requests")
        assert 0 < refused["detail"]["retry_after"] <= 1
        assert await last(world) == before
        await asyncio.sleep(refused["detail"]["retry_after"])
        assert (await live.answer(frame))["type"] in ("feedback", "receipt")
        assert await last(world) > before
        await live.close()

    story(told)


def test_seventeen_requests_at_once_are_one_too_many(story: Story) -> None:
    async def told(world: World) -> None:
        live = await world.live("hal")
        for number in range(17):
            await live.say(check(f"hal-{number}"))
        verdicts: dict[str, str] = {}
        while len(verdicts) < 17:
            frame = await live.hear()
            assert frame is not None
            if frame["type"] != "progress":
                assert frame["request"] not in verdicts
                verdicts[frame["request"]] = frame.get("verdict") or frame["code"]
        assert verdicts.pop("hal-16") == "too-many-requests"
        assert set(verdicts.values()) == {"passed"}
        await live.close()

    story(told)


def test_a_browser_that_vanishes_leaves_the_service_working(story: Story) -> None:
    async def told(world: World) -> None:
        for number in range(3):
            live = await world.live("hal")
            await live.say(check(f"gone-{number}", extra="import time\ntime.sleep(0.7)"))
            frame = await live.hear()
            assert frame is not None
            assert frame["type"] == "progress"
            live.vanish()
        found = await _check_once(world, "hal", check("back"))
        assert found.get("verdict") == "passed", found
        status, health = await world.ask("health", None)
        assert (status, health["status"]) == (200, "ok")

    story(told)


def test_ten_learners_at_once_are_not_mixed_up(story: Story) -> None:
    async def learn(world: World, number: int) -> list[dict[str, Any]]:
        token = f"learner-{number}"
        live = await world.live(token)
        found = []
        for turn in range(2):
            kind = "correct" if (number + turn) % 2 else "wrong"
            extra = f"print('it is {token} in turn {turn};')"
            found.append(await live.answer(check(f"turn-{turn}", kind, extra=extra)))
        await live.close()
        return found

    async def told(world: World) -> None:
        begun = await last(world)
        everybody = await asyncio.gather(*[learn(world, number) for number in range(10)])
        kept = {e["entry"]["id"]: e["entry"] for e in await entries(world, begun)}
        assert len(kept) == 20
        for number, turns in enumerate(everybody):
            for turn, found in enumerate(turns):
                assert found["request"] == f"turn-{turn}"
                assert found["verdict"] == ("passed" if (number + turn) % 2 else "failed")
                assert f"it is learner-{number} in turn {turn};" in found["output"]
                assert found["output"].count("it is ") == 1
                entry = kept[found["attempt"]]
                assert (entry["learner"], entry["verdict"]) == (f"learner-{number}", found["verdict"])
            outline = (await world.ask(f"api/courses/{COURSE.id}", f"learner-{number}"))[1]
            state = "started" if number % 2 else "passed"
            assert outline["progress"][FIRST.id]["state"] == state

    story(told)
