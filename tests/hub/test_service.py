"""The base of services: who gets in, what errors look like, and how it stops.

The hub is stood in for by three lines of tornado, as it has to fail in ways that a real one does not on demand;
`test_running_hub` does the same with a real hub.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import websocket_connect

from nbcoach_exercises.errors import TooMany, Unavailable
from nbcoach_exercises.schemas import Schema
from nbcoach_hub import service as base
from nbcoach_hub.service import (
    LEARN,
    LOG,
    METRICS,
    TEACH,
    Handler,
    Identity,
    Limits,
    LiveHandler,
    Service,
    ServiceMisconfigured,
    public,
    scoped,
)
from nbcoach_hub.service import logs as service_logs
from nbcoach_hub.service.openapi import disagreements
from nbcoach_hub.storage import open_store

ACCESS = "access:services!service=demo"
PEOPLE: dict[str, dict[str, Any]] = {
    "amy": {"kind": "user", "groups": ["nbgrader-python"], "scopes": [ACCESS, LEARN]},
    "ted": {"kind": "user", "groups": ["formgrade-python", "nbgrader-art"], "scopes": [ACCESS, LEARN, TEACH]},
    "taught": {"kind": "user", "groups": ["formgrade-python"], "scopes": [ACCESS, LEARN]},
    "everywhere": {"kind": "user", "groups": ["nbgrader-python"], "scopes": ["access:services", LEARN]},
    "nowhere": {"kind": "user", "groups": ["nbgrader-python"], "scopes": [LEARN]},
    "elsewhere": {"kind": "user", "groups": [], "scopes": ["access:services!service=other", LEARN]},
    "recommender": {"kind": "service", "scopes": [ACCESS, LOG]},
    "prometheus": {"kind": "service", "scopes": [ACCESS, METRICS]},
}


class HubStandIn(RequestHandler):
    asked: ClassVar[list[str]] = []
    people: ClassVar[dict[str, dict[str, Any]]] = {}

    def get(self) -> None:
        token = self.request.headers["Authorization"].removeprefix("token ")
        self.asked.append(token)
        if token == "broken":
            self.set_status(500)
        elif token == "list":
            self.finish("[1, 2]")
        elif token in self.people:
            self.finish({"name": token, **self.people[token]})
        else:
            self.set_status(403)


NUMBER = Schema({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}})


class CourseHandler(Handler):
    @scoped(LEARN, TEACH, LOG)
    async def get(self, course: str) -> None:
        self.require_member(course)
        self.reply({"course": course, "after": self.whole("after", 0, 0, 10**12)})

    @scoped(LEARN)
    async def post(self, course: str) -> None:
        self.reply(self.json_body(NUMBER), 201)

    @scoped(TEACH)
    async def put(self, course: str) -> None:
        self.require_teacher(course)
        self.reply({})

    @scoped(LEARN)
    async def delete(self, course: str) -> None:
        raise KeyError("an internal secret")


class EchoHandler(LiveHandler):
    @scoped(LEARN)
    async def get(self, *args: Any) -> None:
        await super().get(*args)

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


class Demo(Service):
    name = "demo"
    ready = "ok"

    def routes(self) -> list[tuple[str, type[RequestHandler]]]:
        return [(r"api/courses/([^/]+)", CourseHandler), (r"api/live", EchoHandler)]

    async def readiness(self) -> dict[str, str]:
        return {"engine": self.ready}


class Client:
    def __init__(self, service: Demo) -> None:
        self.service = service
        self.root = f"127.0.0.1:{service.port}/services/demo/"

    async def __call__(self, verb: str, path: str, token: str | None = None, **options: Any) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = HTTPRequest(
            f"http://{self.root}{path}", method=verb, headers=headers, allow_nonstandard_methods=True, **options
        )
        return await AsyncHTTPClient().fetch(request, raise_error=False)


@asynccontextmanager
async def demo(**options: Any) -> AsyncIterator[Client]:
    HubStandIn.asked.clear()
    HubStandIn.people = {name: dict(person) for name, person in PEOPLE.items()}
    hub = HTTPServer(Application([("/hub/api/user", HubStandIn)]))
    sockets = bind_sockets(0, "127.0.0.1")
    hub.add_sockets(sockets)
    url = options.pop("hub_api_url", f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hub/api")
    service: Demo = options.pop("kind", Demo)(hub_api_url=url, **options)
    await service.open()
    try:
        yield Client(service)
    finally:
        await service.close()
        hub.stop()


def code(answer: HTTPResponse) -> str:
    body = json.loads(answer.body)
    assert set(body) == {"code", "message", "detail"}
    assert answer.headers["X-Request-Id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return str(body["code"])


@pytest.mark.parametrize(
    ("verb", "path", "token", "status"),
    [
        ("GET", "api/courses/python", "amy", 200),
        ("GET", "api/courses/python", "ted", 200),
        ("GET", "api/courses/art", "ted", 200),
        ("GET", "api/courses/python", "recommender", 200),
        ("GET", "api/courses/python", "everywhere", 200),
        ("GET", "api/courses/art", "amy", 404),
        ("GET", "api/courses/python", "taught", 404),
        ("GET", "api/courses/python", "nowhere", 403),
        ("GET", "api/courses/python", "elsewhere", 403),
        ("GET", "api/courses/python", "prometheus", 403),
        ("GET", "api/courses/python", "unknown", 403),
        ("GET", "api/courses/python", None, 403),
        ("PUT", "api/courses/python", "ted", 200),
        ("PUT", "api/courses/art", "ted", 404),
        ("PUT", "api/courses/python", "amy", 403),
        ("PATCH", "api/courses/python", "amy", 405),
        ("HEAD", "api/courses/python", "amy", 405),
        ("GET", "metrics", "prometheus", 200),
        ("GET", "metrics", "amy", 403),
        ("GET", "metrics", None, 403),
        ("GET", "health", None, 200),
        ("POST", "health", None, 405),
        ("GET", "api/openapi.json", None, 200),
        ("GET", "nothing", None, 404),
        ("GET", "api/courses/python", "broken", 502),
        ("GET", "api/courses/python", "list", 403),
        ("GET", "api/courses/python?after=x", "amy", 400),
        ("GET", "api/courses/python?after=-1", "amy", 400),
    ],
)
async def test_who_may_do_what(verb: str, path: str, token: str | None, status: int) -> None:
    async with demo() as ask:
        answer = await ask(verb, path, token)
        assert answer.code == status, answer.body
        if status >= 400 and verb != "HEAD":
            code(answer)


async def test_tokens_count_in_the_header_only() -> None:
    async with demo() as ask:
        for path in ("api/courses/python?token=amy",):
            assert (await ask("GET", path)).code == 403
        for header in ("amy", "Basic amy", "Bearer", "Bearer a b", "token " + "x" * 600, "Bearer ä"):
            request = HTTPRequest(f"http://{ask.root}api/courses/python", headers={"Authorization": header})
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
            assert answer.code == 403, header
        assert HubStandIn.asked == []


async def test_a_hub_that_does_not_answer_is_no_open_door() -> None:
    async with demo(hub_api_url="http://127.0.0.1:1/hub/api") as ask:
        answer = await ask("GET", "api/courses/python", "amy")
        assert (answer.code, code(answer)) == (503, "unavailable")
        assert (await ask("GET", "health")).code == 200


async def test_the_hub_is_asked_once_for_a_while() -> None:
    async with demo() as ask:
        for _ in range(5):
            await ask("GET", "api/courses/python", "amy")
        assert HubStandIn.asked == ["amy"]


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (b'{"a": 1}', 201, None),
        (b'{"a": "x"}', 400, "invalid-input"),
        (b"{}", 400, "invalid-input"),
        (b"[]", 400, "invalid-input"),
        (b"", 400, "invalid-input"),
        (b"{", 400, "invalid-input"),
        (b'{"a": NaN}', 400, "invalid-input"),
        (b"\xff\xfe", 400, "invalid-input"),
        (b"[" * 100_000, 400, "invalid-input"),
        (b'{"a": ' + b"9" * 5000 + b"}", 400, "invalid-input"),
        (b'"' + b"x" * 2_000_000, 413, "too-large"),
    ],
)
async def test_bodies(body: bytes, status: int, name: str | None) -> None:
    async with demo(max_body_bytes=1_000_000) as ask:
        answer = await ask("POST", "api/courses/python", "amy", body=body)
        assert answer.code == status, answer.body
        assert name is None or code(answer) == name


async def test_a_body_of_unknown_length_is_bounded_too() -> None:
    async def produce(write: Any) -> None:
        for _ in range(12):
            await write(b"x" * 100_000)

    async with demo(max_body_bytes=1_000_000) as ask:
        answer = await ask("POST", "api/courses/python", "amy", body_producer=produce)
        assert (answer.code, code(answer)) == (413, "too-large")


async def test_a_body_that_is_far_too_large_is_told_so_all_the_same() -> None:
    """The sender sees the answer only once all is sent, so all of it is read; what is kept is bounded."""

    async def produce(write: Any) -> None:
        for _ in range(100):
            await write(b"x" * 10**6)

    async with demo(max_body_bytes=1_000_000) as ask:
        for options in ({"body_producer": produce}, {"body": b"x" * 10**8}):
            answer = await ask("POST", "api/courses/python", "amy", **options)
            assert (answer.code, code(answer)) == (413, "too-large")


@pytest.mark.parametrize(
    ("path", "token", "megabytes", "status"),
    [
        ("api/courses/python", None, 10, 403),
        ("api/courses/python", "amy", 10, 413),
        ("api/nothing", None, 10, 404),
        ("health", None, 10, 405),
    ],
)
async def test_who_is_refused_may_send_all_of_his_body_first(
    path: str, token: str | None, megabytes: int, status: int
) -> None:
    """A proxy between us answers 503 where we hang up while it still sends."""
    async with demo() as ask:
        reader, writer = await asyncio.open_connection("127.0.0.1", ask.service.port)
        who = f"Authorization: token {token}\r\n" if token else ""
        head = f"POST /services/demo/{path} HTTP/1.1\r\nHost: x\r\n{who}Transfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(20):
            for _ in range(megabytes):
                writer.write(b"f4240\r\n" + b"x" * 10**6 + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            assert (await reader.readuntil(b"\r\n")).startswith(f"HTTP/1.1 {status} ".encode())
        writer.close()


@pytest.mark.parametrize("length", ["Content-Length: 10000", "Transfer-Encoding: chunked"])
async def test_a_body_that_does_not_come_is_not_waited_for(length: str) -> None:
    async with demo(body_seconds=0.3) as ask:
        reader, writer = await asyncio.open_connection("127.0.0.1", ask.service.port)
        head = f"POST /services/demo/api/courses/python HTTP/1.1\r\nHost: x\r\nAuthorization: token amy\r\n{length}\r\n\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(10):
            for _ in range(2):
                await asyncio.sleep(0.05)
                writer.write(b"" if "chunked" in length else b" ")
                assert (await ask("GET", "health")).code == 200
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code": "too-slow"' in answer
        assert b"0.3 s" in answer


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("api/courses/python", None, 403),
        ("api/courses/python", "broken", 502),
        ("api/nothing", "amy", 404),
        ("api/courses/python", "amy", 200),
        ("api/courses/art", "amy", 404),
    ],
)
async def test_an_answer_says_when_its_connection_ends(path: str, token: str | None, status: int) -> None:
    async with demo() as ask:
        reader, writer = await asyncio.open_connection("127.0.0.1", ask.service.port)
        who = f"Authorization: token {token}\r\n" if token else ""
        request = f"GET /services/demo/{path} HTTP/1.1\r\nHost: x\r\n{who}\r\n".encode()
        async with asyncio.timeout(10):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            if b"connection: close" in head.lower():
                await reader.read()  # it does end
            else:
                writer.write(request)
                assert b" " in await reader.readuntil(b"HTTP/1.1 ")
        writer.close()


async def test_idle_connections_are_closed() -> None:
    async with demo(idle_seconds=0.2) as ask:
        reader, writer = await asyncio.open_connection("127.0.0.1", ask.service.port)
        writer.write(b"GET /services/demo/health HT")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        writer.close()


async def test_our_own_defects_tell_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async with demo() as ask:
        answer = await ask("DELETE", "api/courses/python", "amy")
        assert (answer.code, code(answer)) == (500, "internal")
        assert b"secret" not in answer.body
        assert b"KeyError" not in answer.body


async def test_too_many_requests() -> None:
    async with demo(requests_per_second=0.5, request_burst=2) as ask:
        answers = [await ask("GET", "api/courses/python", "amy") for _ in range(3)]
        assert [answer.code for answer in answers] == [200, 200, 429]
        assert code(answers[2]) == "too-many-requests"
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 3
        assert (await ask("GET", "api/courses/python", "ted")).code == 200


async def test_health_says_which_part_fails_and_to_whom_it_may_why() -> None:
    async with demo() as ask:
        ask.service.ready = "no sandbox at /srv/secret"
        answer = await ask("GET", "health")
        assert answer.code == 503
        assert json.loads(answer.body) == {"status": "failing", "version": "0.1.0", "checks": {"engine": "failing"}}
        assert (await ask("GET", "health/details", "amy")).code == 403
        told = json.loads((await ask("GET", "health/details", "prometheus")).body)
        assert told["checks"] == {"engine": "no sandbox at /srv/secret"}
        assert told["uptime_seconds"] >= 0
        text = (await ask("GET", "metrics", "prometheus")).body.decode()
        assert 'nbcoach_ready{part="engine",service="demo"} 0.0' in text


async def test_a_process_that_cannot_work_is_alive_all_the_same() -> None:
    async with demo() as ask:
        ask.service.ready = "no sandbox"
        answer = await ask("GET", "health/live")
        assert (answer.code, json.loads(answer.body)) == (200, {"status": "ok", "version": "0.1.0"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [("0123-abcd-check", True), ("short", False), ("x" * 65, False), ("with space in it", False), ('"}{"a":1', False)],
)
async def test_a_request_keeps_the_id_that_it_came_with(given: str, kept: bool) -> None:
    async with demo() as ask:
        request = HTTPRequest(f"http://{ask.root}health", headers={"X-Request-Id": given})
        answer = await AsyncHTTPClient().fetch(request)
        assert (answer.headers["X-Request-Id"] == given) is kept


async def test_a_service_that_stops_answers_what_it_was_asked() -> None:
    class Slow(Handler):
        @scoped(LEARN)
        async def get(self) -> None:
            await asyncio.wait_for(cast("Patient", self.service).woken.wait(), 20)
            self.reply({"answered": True})

    class Patient(Demo):
        def routes(self) -> list[tuple[str, type[RequestHandler]]]:
            return [("slow", Slow)]

        def wake(self) -> None:
            self.woken.set()

    async with demo(kind=Patient) as ask:
        ask.service.woken = asyncio.Event()  # type: ignore[attr-defined]
        answering = asyncio.ensure_future(ask("GET", "slow", "amy"))
        await asyncio.sleep(0.2)
        await ask.service.close()
        assert json.loads((await answering).body) == {"answered": True}


async def test_health_survives_a_check_that_fails() -> None:
    async with demo() as ask:

        async def fail() -> dict[str, str]:
            raise RuntimeError("an internal secret")

        ask.service.readiness = fail  # type: ignore[method-assign]
        answer = await ask("GET", "health")
        assert answer.code == 503
        assert b"secret" not in answer.body


async def test_metrics_count_from_the_first_event_on() -> None:
    async with demo(request_burst=2) as ask:
        line = 'nbcoach_http_requests_total{{handler="CourseHandler",service="demo",status="{}",verb="get"}} {}.0'

        async def text() -> str:
            return (await ask("GET", "metrics", "prometheus")).body.decode()

        before = await text()
        assert line.format(200, 0) in before
        assert line.format(500, 0) in before
        assert 'nbcoach_limit_refusals_total{limit="requests",service="demo"} 0.0' in before
        assert 'nbcoach_build_info{service="demo",version="0.1.0"} 1.0' in before
        for _ in range(3):
            await ask("GET", "api/courses/python", "amy")
        after = await text()
        assert line.format(200, 2) in after
        assert line.format(429, 1) in after
        assert 'nbcoach_limit_refusals_total{limit="requests",service="demo"} 1.0' in after


async def test_calls_of_the_store_are_timed_and_their_failures_counted(tmp_path: Path) -> None:
    metrics = base.metrics.Metrics("demo", "1")
    store = metrics.measure(open_store(f"sqlite:///{tmp_path / 'store.sqlite'}"))
    await store.start()
    await store.log()
    await store.close()
    with pytest.raises(Unavailable):
        await store.log()
    value = metrics.registry.get_sample_value
    assert value("nbcoach_store_call_seconds_count", {"service": "demo", "call": "log"}) == 2
    assert value("nbcoach_store_failures_total", {"service": "demo", "call": "log"}) == 1
    assert value("nbcoach_store_failures_total", {"service": "demo", "call": "append"}) == 0


def live(ask: Client, token: str | None, **headers: str) -> HTTPRequest:
    told = {"Authorization": f"token {token}", **headers} if token else dict(headers)
    return HTTPRequest(f"ws://{ask.root}api/live", headers=told)


async def test_sockets_are_checked_before_the_upgrade() -> None:
    async with demo() as ask:
        for token in (None, "unknown", "nowhere", "recommender"):
            with pytest.raises(HTTPClientError) as caught:
                await websocket_connect(live(ask, token))
            assert caught.value.code == 403
        with pytest.raises(HTTPClientError) as caught:
            await websocket_connect(live(ask, "amy", Origin="http://evil.example"))
        assert caught.value.code == 403


async def test_sockets_close_when_the_service_stops() -> None:
    async with demo() as ask:
        socket = await websocket_connect(live(ask, "amy"))
        await socket.write_message("hello")
        assert await socket.read_message() == "hello"
        await ask.service.close()
        assert await socket.read_message() is None
        assert socket.close_code == 1001


async def test_sockets_close_when_the_right_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbcoach_hub.service.application._RECHECK_SECONDS", 0.05)
    async with demo() as ask:
        socket = await websocket_connect(live(ask, "amy"))
        await asyncio.sleep(0.2)
        await socket.write_message("still here")
        assert await socket.read_message() == "still here"
        del HubStandIn.people["amy"]
        assert await asyncio.wait_for(socket.read_message(), 5) is None
        assert socket.close_code == 4403


async def test_open_and_close_can_be_repeated() -> None:
    async with demo() as ask:
        await ask.service.open()
        assert (await ask("GET", "health")).code == 200
        await ask.service.close()
        await ask.service.close()


class Undeclared(Handler):
    async def get(self) -> None: ...


class Overridden(CourseHandler):
    async def get(self, course: str) -> None: ...


class Silent(LiveHandler):
    pass


class Foreign(RequestHandler):
    @public
    def get(self) -> None: ...


@pytest.mark.parametrize("handler", [Undeclared, Overridden, Silent, Foreign])
def test_a_service_with_an_open_end_does_not_start(handler: type[RequestHandler]) -> None:
    class Careless(Service):
        name = "careless"

        def routes(self) -> list[tuple[str, type[RequestHandler]]]:
            return [("x", handler)]

    with pytest.raises(ServiceMisconfigured, match=handler.__name__):
        Careless().check()


def test_scoped_needs_scopes() -> None:
    with pytest.raises(TypeError):
        scoped()


async def test_a_declared_verb_refuses_without_a_check() -> None:
    class Unprepared(CourseHandler):
        async def prepare(self) -> None:
            return None

    class Careless(Demo):
        def routes(self) -> list[tuple[str, type[RequestHandler]]]:
            return [(r"api/courses/([^/]+)", Unprepared)]

    service = Careless(hub_api_url="http://127.0.0.1:1/")
    await service.open()
    try:
        assert (await Client(service)("GET", "api/courses/python", "amy")).code == 403
    finally:
        await service.close()


def test_courses_follow_groups_and_scopes() -> None:
    groups = frozenset({"nbgrader-a", "formgrade-b", "formgrade-", "other"})
    both = Identity("x", "user", groups, frozenset({LEARN, TEACH}))
    assert (both.courses_learnt(), both.courses_taught()) == ({"a"}, {"b"})
    assert Identity("x", "user", groups, frozenset({LEARN})).courses_taught() == frozenset()
    assert Identity("x", "user", groups).courses_learnt() == frozenset()


def test_limits_are_fair_and_bounded() -> None:
    clock = [0.0]
    limits = Limits(rate=2, burst=3, names=2, clock=lambda: clock[0])
    for _ in range(3):
        limits.spend("amy")
    with pytest.raises(TooMany) as caught:
        limits.spend("amy")
    assert caught.value.retry_after == 0.5
    clock[0] += 0.5
    limits.spend("amy")
    limits.spend("bob")
    limits.spend("eve")
    assert len(limits._buckets) == 2


@pytest.mark.parametrize("verbose", [False, True])
def test_logs_are_json_and_keep_messages_of_exceptions_back(verbose: bool) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(service_logs.JsonFormatter("demo", verbose))
    log = logging.Logger("x")
    log.addHandler(handler)
    service_logs.clear()
    service_logs.bind(user="amy")
    try:
        raise ValueError("token=abc")
    except ValueError:
        log.exception("It failed\nbadly: %s", "ä")
    (line,) = stream.getvalue().splitlines()
    told = json.loads(line)
    assert (told["message"], told["user"], told["service"]) == ("It failed\nbadly: ä", "amy", "demo")
    assert told["exception"]["type"] == "builtins.ValueError"
    assert ("token=abc" in line) is verbose
    service_logs.clear()


def test_disagreements_are_found() -> None:
    document = {
        "paths": {
            "/api/courses/{course}": {"get": {"x-scopes": [LEARN]}, "parameters": []},
            "/api/gone": {"get": {"x-scopes": []}},
        }
    }
    found = disagreements(document, [("/s/api/courses/([^/]+)", CourseHandler)], "/s/")
    assert [line.split(":")[0] for line in found] == ["not described"] * 3 + ["not served", "scopes differ"]


def test_the_public_names() -> None:
    handlers = [
        "Handler",
        "Identity",
        "LiveHandler",
        "Limits",
        "PageHandler",
        "Service",
        "ServiceClient",
        "TokenBucket",
    ]
    scopes = ["ACCOUNT", "ADMIN", "DATA", "LEARN", "LOG", "METRICS", "TEACH", "public", "scoped"]
    assert sorted(base.__all__) == sorted([*handlers, "ServiceMisconfigured", "page_routes", *scopes])
