"""The contract of every service: nothing is open by omission, and each is what its document says.

Each service is opened as it is, beside a real server that answers for the hub.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from openapi_spec_validator import validate
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from nbcoach_grader.app import Grader
from nbcoach_hub.accounts import AccountsService
from nbcoach_hub.service import LEARN, LOG, METRICS, TEACH, Service
from nbcoach_hub.service.openapi import disagreements
from nbcoach_hub.service.scopes import verbs
from nbcoach_recommender.app import Recommender

OPEN = {"health", "health/live", r"api/openapi\.json"}
ALL_VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

Ask = Callable[..., Any]


def grader(folder: Path, hub: str) -> Service:
    (folder / "courses").mkdir(exist_ok=True)
    return Grader(courses=str(folder / "courses"), store_url=f"sqlite:///{folder / 'store.sqlite'}", hub_api_url=hub)


def recommender(folder: Path, hub: str) -> Service:
    return Recommender(grader_url="http://127.0.0.1:1/services/grader/", hub_api_url=hub)


def accounts(folder: Path, hub: str) -> Service:
    return AccountsService(store_url=f"sqlite:///{folder / 'store.sqlite'}", hub_api_url=hub)


each_service = pytest.mark.parametrize("make", [grader, recommender, accounts])


class HubPeer(RequestHandler):
    """Knows one token that may do everything, at another service."""

    def get(self) -> None:
        if self.request.headers.get("Authorization", "").endswith(" elsewhere"):
            scopes = [LEARN, TEACH, LOG, METRICS, "access:services!service=elsewhere"]
            self.finish({"name": "amy", "kind": "user", "groups": ["nbgrader-x"], "scopes": scopes})
        else:
            self.set_status(403)
            self.finish({"status": 403, "message": "Forbidden"})


@pytest.fixture(autouse=True)
def as_started_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a hub would have put into the environment away."""
    for name in ("URL", "PREFIX", "NAME"):
        monkeypatch.delenv(f"JUPYTERHUB_SERVICE_{name}", raising=False)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "the-service")


@asynccontextmanager
async def running(make: Callable[[Path, str], Service], folder: Path) -> AsyncIterator[tuple[Service, Ask]]:
    hub = HTTPServer(Application([("/hub/api/user", HubPeer)]))
    sockets = bind_sockets(0, "127.0.0.1")
    hub.add_sockets(sockets)
    client = AsyncHTTPClient(force_instance=True)
    service = make(folder, f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hub/api")

    async def ask(verb: str, path: str, **headers: str) -> HTTPResponse:
        url = f"http://127.0.0.1:{service.port}{service.base_url}{path}"
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        request = HTTPRequest(url, verb, headers=told, allow_nonstandard_methods=True, request_timeout=10)
        return await client.fetch(request, raise_error=False)

    try:
        await service.open()
        yield service, ask
    finally:
        await service.close()
        client.close()
        hub.stop()
        await hub.close_all_connections()


def examples(service: Service) -> list[tuple[str, str, list[str]]]:
    """Return each route's pattern, a path that it matches, and its verbs."""
    return [
        (pattern, re.sub(r"\([^)]*\)", "x", pattern).replace("\\", ""), [verb.upper() for verb in verbs(handler)])
        for pattern, handler in service.all_routes()
        if getattr(handler, "described", True)
    ]


def code(answer: HTTPResponse) -> str:
    """Return the code of a refusal, which has a body like all the others."""
    body = json.loads(answer.body)
    assert set(body) == {"code", "message", "detail"}
    assert isinstance(body["code"], str)
    assert isinstance(body["message"], str)
    assert isinstance(body["detail"], dict)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return str(body["code"])


@each_service
def test_nothing_is_open_by_omission(make: Callable[[Path, str], Service], tmp_path: Path) -> None:
    service = make(tmp_path, "http://127.0.0.1:1/hub/api")
    service.check()
    assert {pattern for pattern, *_ in examples(service)} >= {"health", "metrics", r"api/openapi\.json"}


@each_service
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no token"),
        pytest.param({"Authorization": "Bearer forged"}, id="forged"),
        pytest.param({"Authorization": "Bearer elsewhere"}, id="token for another service"),
        pytest.param({"Authorization": "Basic YW15OmFteQ=="}, id="password"),
        pytest.param({"Cookie": "jupyterhub-user-amy=elsewhere; token=elsewhere"}, id="cookie"),
    ],
)
def test_without_a_token_that_counts_everything_is_refused(
    make: Callable[[Path, str], Service], headers: dict[str, str], tmp_path: Path
) -> None:
    async def story() -> None:
        async with running(make, tmp_path) as (service, ask):
            tried = 0
            for pattern, path, known in examples(service):
                for verb in known if pattern not in OPEN else ():
                    for query in ("", "?token=elsewhere"):
                        answer = await ask(verb, path + query, **headers)
                        assert (answer.code, code(answer)) == (403, "not-allowed"), (verb, path)
                        tried += 1
            assert tried >= 4

    asyncio.run(story())


@each_service
def test_what_is_open_answers_anybody_and_other_verbs_do_not(
    make: Callable[[Path, str], Service], tmp_path: Path
) -> None:
    async def story() -> None:
        async with running(make, tmp_path) as (service, ask):
            health = await ask("GET", "health")
            assert health.code in (200, 503)  # the recommender has no grader here
            assert set(json.loads(health.body)) == {"status", "version", "checks"}
            for pattern, path, known in examples(service):
                for verb in set(ALL_VERBS) - set(known):
                    answer = await ask(verb, path)
                    assert answer.code == 405, (verb, pattern)
                    assert verb == "HEAD" or code(answer) == "method-not-allowed"

    asyncio.run(story())


@each_service
def test_unknown_paths_are_told_in_json(make: Callable[[Path, str], Service], tmp_path: Path) -> None:
    async def story() -> None:
        async with running(make, tmp_path) as (_, ask):
            for path in ("nothing", "api", "api/", "health/", "api/openapi.json/x", "api/../../x", "%2e%2e/%00"):
                for verb in ("GET", "POST", "DELETE"):
                    answer = await ask(verb, path)
                    assert (answer.code, code(answer)) == (404, "not-found"), (verb, path)

    asyncio.run(story())


@each_service
def test_the_document_is_valid_and_agrees_with_the_routes(make: Callable[[Path, str], Service], tmp_path: Path) -> None:
    async def story() -> None:
        async with running(make, tmp_path) as (service, ask):
            answer = await ask("GET", "api/openapi.json")
            assert answer.code == 200
            document = json.loads(answer.body)
            validate(document)
            assert disagreements(document, service.all_routes(), "") == []
            assert document["info"]["version"] == str(service.version)

    asyncio.run(story())


@each_service
def test_a_closed_service_leaves_nothing(make: Callable[[Path, str], Service], tmp_path: Path) -> None:
    async def story() -> None:
        before = set(psutil.Process().children(recursive=True))
        async with running(make, tmp_path) as (service, _):
            await service.open()
        await service.close()
        assert set(psutil.Process().children(recursive=True)) <= before
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.01)

    asyncio.run(story())
