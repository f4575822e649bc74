"""The real service between a hub and a grader that are real servers: answers, refusals, readiness and its document."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from recommender_peers import SERVICE_TOKEN, GraderPeer, HubPeer, fetch, until
from recommender_worlds import attempt, outline, report
from traitlets.config import Config

from nbcoach_exercises.events import Attempt, Erasure, Reaction
from nbcoach_exercises.identifiers import now
from nbcoach_exercises.verdicts import Verdict
from nbcoach_hub.service import DATA, LEARN, LOG, TEACH, ServiceMisconfigured
from nbcoach_hub.service.openapi import disagreements
from nbcoach_recommender.app import Recommender
from nbcoach_recommender.models.baselines import AuthorOrder
from nbcoach_recommender.models.policy import ExpectedGain
from nbcoach_recommender.models.ranking import Preferences
from nbcoach_recommender.state import StateFolder


def fresh(exercise: str, number: int, **fields: Any) -> Attempt:
    """Return an attempt of today: what is long ago fades, and the service reads the clock."""
    return attempt(exercise, number, **({"at": now()} | fields))


ACCESS = "access:services!service=recommender"


def user(name: str, *scopes: str, groups: tuple[str, ...] = (), kind: str = "user") -> dict[str, Any]:
    return {"name": name, "kind": kind, "groups": list(groups), "scopes": [ACCESS, *scopes], "admin": False}


USERS = {
    "ada": user("ada", LEARN, groups=("nbgrader-py",)),
    "bob": user("bob", LEARN, groups=("nbgrader-py",)),
    "eve": user("eve", LEARN, groups=("nbgrader-other",)),
    "tom": user("tom", TEACH, groups=("formgrade-py",)),
    "log": user("log", LOG, kind="service"),
    "accounts": user("accounts", DATA, kind="service"),
    "bare": user("bare", groups=("nbgrader-py",)),
    "locked-out": {**user("ada", LEARN, groups=("nbgrader-py",)), "scopes": [LEARN]},
    "prometheus": user("prometheus", "read:metrics", kind="service"),
}


class World:
    """A running recommender with its neighbours."""

    def __init__(self, service: Recommender, grader: GraderPeer, hub: HubPeer) -> None:
        self.service, self.grader, self.hub = service, grader, hub
        self.document = json.loads(json.dumps(service.openapi))

    async def get(
        self, path: str, token: str | None = None, status: int = 200, body: dict[str, Any] | None = None
    ) -> Any:
        """Ask the service, or put a body there, and hold the answer against its own document."""
        response = await fetch(f"http://127.0.0.1:{self.service.port}{self.service.base_url}{path}", token, body)
        assert response.code == status, response.body
        found = json.loads(response.body)
        self.conforms(path, status, found, "get" if body is None else "put")
        return found

    def conforms(self, path: str, status: int, body: Any, verb: str = "get") -> None:
        parts = path.partition("?")[0].split("/")
        if parts[:2] == ["api", "courses"]:
            parts[2] = "{course}"
        elif parts[:2] == ["api", "learners"]:
            parts[2] = "{learner}"
        answers = self.document["paths"]["/" + "/".join(parts)][verb]["responses"]
        schema = answers[str(status)]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(body)


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch, ready: bool = True, **traits: Any) -> AsyncIterator[World]:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", SERVICE_TOKEN)
    for name in ("JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_SERVICE_NAME"):
        monkeypatch.delenv(name, raising=False)
    async with GraderPeer({"py": outline()}) as grader, HubPeer(USERS) as hub:
        monkeypatch.setenv("NBCOACH_GRADER_URL", grader.url)
        monkeypatch.setenv("JUPYTERHUB_API_URL", hub.api)
        service = Recommender(**traits)
        await service.open()
        try:
            if ready:
                await until(lambda: service.follower.caught_up)
            yield World(service, grader, hub)
        finally:
            await service.close()


def test_what_comes_next_knows_the_latest_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            before = await world.get("api/courses/py/next", "ada")
            assert [item["exercise"] for item in before["items"]] == ["variables-1"]
            assert before["model"] == "expected-gain/stacked-mastery"
            seen = world.grader.log(*[fresh("variables-1", n, cell=f"q{n}", solved=n == 3) for n in (1, 2, 3)])
            after = await world.get(f"api/courses/py/next?k=20&seen={seen}", "ada")
            assert after["cursor"] == seen
            assert [item["exercise"] for item in after["items"]] == ["lists-1", "lists-2", "variables-2"]
            assert after["items"][0]["why"] == {
                "code": "builds-on",
                "params": {"skill": "Lists", "known": ["Variables"]},
                "text": "You have not practised Lists yet, and it builds on Variables, which you know.",
            }
            other = await world.get("api/courses/py/next?k=20", "bob")
            assert [item["exercise"] for item in other["items"]] == ["variables-1", "variables-2"]

    asyncio.run(story())


def test_all_solved_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            names = [exercise["id"] for exercise in outline()["exercises"]]
            seen = world.grader.log(*[fresh(name, n, solved=True, at=now()) for n, name in enumerate(names)])
            found = await world.get(f"api/courses/py/next?seen={seen}", "ada")
            assert (found["items"], found["done"]) == ([], True)

    asyncio.run(story())


def test_what_was_solved_long_ago_comes_again_for_review(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            names = [exercise["id"] for exercise in outline()["exercises"]]
            old = [fresh(name, n, solved=True, at=now() - timedelta(days=900)) for n, name in enumerate(names)]
            found = await world.get(f"api/courses/py/next?seen={world.grader.log(*old)}", "ada")
            (item,) = found["items"]
            assert (item["review"], item["why"]["code"], found["done"]) == (True, "review", True)
            again = fresh(item["exercise"], 99, solved=True, at=now())
            found = await world.get(f"api/courses/py/next?k=20&seen={world.grader.log(again)}", "ada")
            assert item["exercise"] not in [other["exercise"] for other in found["items"]]

    asyncio.run(story())


WANTED = {"goals": ["dictionaries"], "minutes": 10, "challenge": "harder"}


def test_preferences_are_kept_and_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story() -> None:
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            path = "api/courses/py/preferences"
            await world.service.follower.wait_for(world.grader.log(fresh("variables-1", 1)), 5)
            assert await world.get(path, "ada") == {"goals": [], "minutes": 0, "challenge": "steady"}
            assert await world.get(path, "ada", body=WANTED) == WANTED
            assert await world.get(path, "bob") == {"goals": [], "minutes": 0, "challenge": "steady"}
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            assert await world.get(path, "ada") == WANTED

    asyncio.run(story())


def test_an_export_has_all_that_is_kept_about_one_learner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def of(found: dict[str, Any]) -> list[Any]:
        assert found["learner"] == "ada"
        return [
            (
                it["course"],
                (it["preferences"] or {}).get("minutes"),
                [skill["id"] for skill in it["skills"]],
                it["put_aside"],
            )
            for it in found["courses"]
        ]

    async def story() -> None:
        folder = StateFolder(tmp_path)
        folder.write_preferences({"gone": {"ada": Preferences(minutes=5, at=time.time())}})
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            path = "api/learners/ada"
            assert of(await world.get(path, "accounts")) == [("gone", 5, [], {})]
            aside = report("lists-1", Reaction.TOO_HARD)
            seen = world.grader.log(fresh("variables-1", 1), fresh("lists-1", 2, learner="bob"), aside)
            await world.service.follower.wait_for(seen, 5)
            await world.get("api/courses/py/preferences", "ada", body=WANTED)
            whole = [("gone", 5, [], {}), ("py", 10, ["variables"], {"lists-1": "too-hard"})]
            found = await world.get(path, "accounts")
            assert of(found) == whole
            at = datetime.fromisoformat(found["courses"][1]["preferences"]["at"])
            assert abs((now() - at).total_seconds()) < 60
            await world.service.follower.wait_for(world.grader.log(Erasure.of("ada")), 5)
            assert of(await world.get(path, "accounts")) == []

    asyncio.run(story())


def test_preferences_outlive_a_killed_service_but_not_their_learner(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story() -> None:
        folder = StateFolder(tmp_path)
        folder.write_preferences({"py": {"erased": Preferences(minutes=5, at=1.0), "ada": Preferences(at=1.0)}})
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            await world.service.follower.wait_for(world.grader.log(fresh("variables-1", 1)), 5)
            assert await world.get("api/courses/py/preferences", "bob", body=WANTED) == WANTED
            kept = folder.read()
            assert kept is not None
            assert set(kept.courses["py"].preferences) == {"ada", "bob"}

    asyncio.run(story())


def written(folder: Path) -> bytes:
    """Return what is in the files of a folder, some of which may go meanwhile."""
    found = b""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += path.read_bytes()
    return found


def test_who_is_erased_is_forgotten_at_once_and_on_disk_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story() -> None:
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            first = world.grader.log(fresh("variables-1", 1), fresh("variables-1", 2, learner="bob"))
            await world.service.follower.wait_for(first, 5)
            for who in ("ada", "bob"):
                await world.get("api/courses/py/preferences", who, body=WANTED)
            await world.service.write_state()
        # A new process has the course from its own file, until somebody asks for it.
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            world.grader.log(fresh("variables-1", 1), fresh("variables-1", 2, learner="bob"))
            await world.service.follower.wait_for(world.grader.log(Erasure.of("ada")), 5)
            practised = {}
            for who in ("ada", "bob"):
                skills = (await world.get("api/courses/py/mastery", who))["skills"]
                practised[who] = sum(skill["attempts"] for skill in skills)
                wanted = await world.get("api/courses/py/preferences", who)
                assert (wanted == WANTED) == (who == "bob")
            assert practised["ada"] == 0 < practised["bob"]
            await until(lambda: b"ada" not in written(tmp_path))
            assert b"bob" in written(tmp_path)

    asyncio.run(story())


@pytest.mark.parametrize(
    "change",
    [{"goals": ["no-such"]}, {"goals": "lists"}, {"minutes": -1}, {"minutes": 1.5}, {"challenge": "most"}, {"more": 1}],
)
def test_preferences_that_make_no_sense_are_refused(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            found = await world.get("api/courses/py/preferences", "ada", 400, body=WANTED | change)
            assert found["code"] == "invalid-input"

    asyncio.run(story())


def test_instructors_see_what_the_class_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            passed = [fresh("variables-1", n, cell=f"q{n}") for n in range(4)]
            failed = [fresh("lists-1", 10 + n, learner=who, verdict=Verdict.FAILED) for n, who in enumerate("ab")]
            seen = world.grader.log(*passed, *failed)
            await world.service.follower.wait_for(seen, 5)
            found = await world.get("api/courses/py/skills", "tom")
            assert found["learners"] == 3
            assert [(s["id"], s["practised"], s["known"]) for s in found["skills"]] == [
                ("lists", 2, 0),
                ("dictionaries", 0, 0),
                ("variables", 1, 1),
            ]
            await world.get("api/courses/py/skills", "ada", 403)

    asyncio.run(story())


def test_instructors_see_prerequisites_that_the_course_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            world.grader.outlines["py"] = outline()
            for skill in world.grader.outlines["py"]["skills"]:
                skill["requires"] = []
            log = []
            for number in range(80):
                verdict = Verdict.PASSED if number % 2 else Verdict.FAILED
                for place, name in enumerate(("variables-1", "dictionaries-1")):
                    log.append(fresh(name, 2 * number + place, learner=f"l{number}", verdict=verdict))
            await world.service.follower.wait_for(world.grader.log(*log), 10)
            (found,) = (await world.get("api/courses/py/prerequisites", "tom"))["suggestions"]
            assert (found["before"], found["after"], found["learners"]) == ("variables", "dictionaries", 80)
            await world.get("api/courses/py/prerequisites", "ada", 403)

    asyncio.run(story())


def test_a_new_process_goes_on_where_the_state_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story() -> None:
        entries = [fresh("variables-1", n, cell=f"q{n}", solved=n == 3) for n in (1, 2, 3)]
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            seen = world.grader.log(*entries)
            before = await world.get(f"api/courses/py/next?k=20&seen={seen}", "ada")
        async with running(monkeypatch, ready=False, state_folder=str(tmp_path)) as world:
            world.grader.log(*entries)
            await until(lambda: world.service.follower.caught_up)
            assert world.grader.asked_after[0] == seen
            after = await world.get("api/courses/py/next?k=20", "ada")
            assert after == before

    asyncio.run(story())


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"x" * 99])
def test_a_damaged_state_is_read_from_the_log_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    async def story() -> None:
        async with running(monkeypatch, state_folder=str(tmp_path)):
            pass
        for file in tmp_path.iterdir():
            file.write_bytes(damage(file.read_bytes()))
        (tmp_path / "model-py.npz").write_bytes(b"no model")
        async with running(monkeypatch, state_folder=str(tmp_path)) as world:
            seen = world.grader.log(*[fresh("variables-1", n, cell=f"q{n}", solved=n == 3) for n in (1, 2, 3)])
            found = await world.get(f"api/courses/py/next?seen={seen}", "ada")
            assert found["items"][0]["exercise"] == "lists-1"

    asyncio.run(story())


def test_a_refit_happens_in_a_worker_while_the_old_model_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def story() -> None:
        async with running(monkeypatch, state_folder=str(tmp_path), refit_least=1) as world:
            names = [exercise["id"] for exercise in outline()["exercises"]]
            log = [
                fresh(name, 100 * who + n, learner=f"l{who}", cell=f"q{n % 9}", solved=True)
                for who in range(60)
                for n, name in enumerate(names * 9)
            ]
            await world.service.follower.wait_for(world.grader.log(*log), 30)
            coach = await world.service.courses.coach("py")
            old = coach.model
            fitting = asyncio.create_task(world.service.refit())
            await asyncio.sleep(0.2)
            await world.get("api/courses/py/next", "ada")
            assert coach.model is old or fitting.done()
            await asyncio.wait_for(fitting, 100)
            assert coach.model is not old
            assert (tmp_path / "model-py.npz").exists()
            await world.get("api/courses/py/next", "ada")

    asyncio.run(story())


def test_a_refit_that_fails_leaves_the_old_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def story() -> None:
        async with running(monkeypatch, state_folder=str(tmp_path), refit_least=0) as world:
            coach = await world.service.courses.coach("py")
            old = coach.model
            monkeypatch.setattr("nbcoach_recommender.refit.sys.executable", "/bin/false")
            await world.service.refit()
            assert coach.model is old
            await world.get("api/courses/py/next", "ada")

    asyncio.run(story())


def test_mastery_lists_every_skill(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            seen = world.grader.log(fresh("lists-1", 1))
            await world.service.follower.wait_for(seen, 5)
            found = await world.get("api/courses/py/mastery", "ada")
            assert [(s["id"], s["title"], s["attempts"]) for s in found["skills"]] == [
                ("variables", "Variables", 0),
                ("lists", "Lists", 1),
                ("dictionaries", "Dictionaries", 0),
            ]
            assert found["cursor"] == seen
            assert found["skills"][1]["mastery"] > 0

    asyncio.run(story())


def test_reactions_are_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            seen = world.grader.log(report("variables-1", Reaction.NOT_NOW))
            found = await world.get(f"api/courses/py/next?k=2&seen={seen}", "ada")
            assert [item["exercise"] for item in found["items"]] == ["variables-2", "variables-1"]
            assert found["items"][1]["why"]["code"] == "put-aside"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        ("api/courses/py/next", None, 403, "not-allowed"),
        ("api/courses/py/next", "forged", 403, "not-allowed"),
        ("api/courses/py/next", "bare", 403, "not-allowed"),
        ("api/courses/py/next", "locked-out", 403, "not-allowed"),
        ("api/courses/py/next", "log", 403, "not-allowed"),
        ("api/courses/py/next", "eve", 404, "unknown-course"),
        ("api/courses/py/mastery", "eve", 404, "unknown-course"),
        ("api/courses/none/next", "ada", 404, "unknown-course"),
        ("api/courses/other/next", "eve", 404, "unknown-course"),
        ("api/courses/py/next?k=0", "ada", 400, "invalid-input"),
        ("api/courses/py/next?k=21", "ada", 400, "invalid-input"),
        ("api/courses/py/next?k=x", "ada", 400, "invalid-input"),
        ("api/courses/py/next?seen=-1", "ada", 400, "invalid-input"),
        ("api/courses/py/next?seen=1e9", "ada", 400, "invalid-input"),
        ("api/courses/py/mastery", "bare", 403, "not-allowed"),
        ("api/learners/ada", "ada", 403, "not-allowed"),
        ("api/learners/ada", "tom", 403, "not-allowed"),
        ("api/learners/ada", "log", 403, "not-allowed"),
    ],
)
def test_refusals(monkeypatch: pytest.MonkeyPatch, path: str, token: str | None, status: int, code: str) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            assert (await world.get(path, token, status))["code"] == code

    asyncio.run(story())


def test_instructors_may_ask_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            assert (await world.get("api/courses/py/next", "tom"))["items"][0]["exercise"] == "variables-1"

    asyncio.run(story())


def test_a_cursor_that_never_comes_is_waited_for_at_most_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            begun = time.monotonic()
            found = await world.get("api/courses/py/next?seen=999", "ada")
            assert 2.9 < time.monotonic() - begun < 4.5
            assert found["cursor"] == 0

    asyncio.run(story())


def test_it_is_ready_only_when_the_log_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch, ready=False) as world:
            world.grader.spoil = lambda body: 500
            world.service.follower.caught_up = False
            health = await world.get("health", status=503)
            assert health["status"] == "failing"
            assert (await world.get("api/courses/py/next", "ada", 503))["code"] == "unavailable"
            world.grader.spoil = None
            await until(lambda: world.service.follower.state() == "ok")
            await asyncio.sleep(1.1)
            assert (await world.get("health"))["checks"] == {"log": "ok"}

    asyncio.run(story())


def test_without_the_grader_it_answers_from_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            await world.get("api/courses/py/next", "ada")
            await world.grader.stop()
            await until(lambda: world.service.follower.state() != "ok")
            assert (await world.get("api/courses/py/next", "ada"))["items"]
            await world.get("health", status=503)

    asyncio.run(story())


def test_a_new_service_replays_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            world.grader.log(*[fresh(f"variables-{1 + n % 2}", n, cell=f"q{n}") for n in range(9)])
            await until(lambda: world.service.follower.cursor == world.grader.rows[-1]["cursor"])
            first = [await world.get(f"api/courses/py/{path}", "ada") for path in ("next?k=9", "mastery")]
            await world.service.close()
            await world.service.close()
            twin = Recommender()
            await twin.open()
            try:
                await until(lambda: twin.follower.caught_up)
                again = World(twin, world.grader, world.hub)
                assert [await again.get(f"api/courses/py/{path}", "ada") for path in ("next?k=9", "mastery")] == first
            finally:
                await twin.close()

    asyncio.run(story())


def test_the_ranker_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config({"Recommender": {"ranker_class": "nbcoach_recommender.models.baselines.AuthorOrder"}})

    async def story() -> None:
        async with running(monkeypatch, config=config) as world:
            assert world.service.ranker_class is AuthorOrder
            found = await world.get("api/courses/py/next", "ada")
            assert found["model"] == "author-order/stacked-mastery"
            assert found["items"][0]["why"]["code"] == "next-in-course"

    asyncio.run(story())
    assert Recommender().ranker_class is ExpectedGain


def test_metrics_tell_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            await world.service.follower.wait_for(world.grader.log(fresh("lists-1", 1)), 5)
            base = f"http://127.0.0.1:{world.service.port}{world.service.base_url}"
            assert (await fetch(base + "metrics", "ada")).code == 403
            text = (await fetch(base + "metrics", "prometheus")).body.decode()
            assert "nbcoach_log_cursor 3.0" in text
            assert "nbcoach_log_skipped_entries 0.0" in text

    asyncio.run(story())


def test_it_does_not_start_without_the_graders_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NBCOACH_GRADER_URL", raising=False)

    async def story() -> None:
        service = Recommender()
        try:
            with pytest.raises(ServiceMisconfigured, match="NBCOACH_GRADER_URL"):
                await service.open()
        finally:
            await service.close()

    asyncio.run(story())


def test_the_document_is_valid_and_agrees_with_the_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with running(monkeypatch) as world:
            document = await world.get("api/openapi.json")
            validate(document)
            assert disagreements(document, world.service.all_routes(), "") == []
            assert document["info"]["version"] == str(world.service.version)
            known = {trait for trait in Recommender.class_traits(config=True) if trait not in ("log_level",)}
            assert {"grader_url", "model_class", "ranker_class", "known_at", "wait_seconds", "outline_seconds"} <= known

    asyncio.run(story())


def test_no_token_and_no_answer_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def story() -> None:
        async with running(monkeypatch) as world:
            first = await world.get("api/courses/py/next", "ada")
            assert await world.get("api/courses/py/next", "ada") == first

    asyncio.run(story())
    (shown,) = [record for record in caplog.records if record.getMessage() == "recommended"]
    assert 0 < shown.fields["propensity"] <= 1  # type: ignore[attr-defined]
    assert shown.fields["items"] == ["variables-1"]  # type: ignore[attr-defined]
    written = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert SERVICE_TOKEN not in written
