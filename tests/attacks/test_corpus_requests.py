"""The attack corpus's requests, against a real hub with its proxy and services: as they are, and at our nearest thing.

The corpus's paths are generic. Each request goes to each service as it stands (`LITERAL`), and, where we have
something of the kind, in our own words to our own route (`NEAREST`). What we do not have at all is in `NOT_YET`,
with its reason, and nothing is left out in silence.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import attack_corpus
import psutil
import pytest
import requests
import websocket
from attack_campaign import Secrets, write_course
from attack_corpus import json_cases, needed
from hub_process import Browser, HubProcess

from nbcoach_hub.credentials import Credentials, write_private
from nbcoach_hub.settings import Members, Settings

pytestmark = [needed, pytest.mark.timeout(240)]
CASES = json_cases("R")
SERVICES = ("grader", "accounts", "recommender")
COURSE, EXERCISE = "campaign", "squares"
REFUSED = {400, 401, 403, 404, 405, 413, 415, 422, 429}
SAME = {401: {401, 403}, 403: {403, 404}, 422: {400, 422}}
"""Answers that say the same: services answer 403 to who has no valid token, and 400 to a body that does not fit."""

NOT_YET = {
    "R44": "there is no feedback page: feedback is a frame, shown as text",
    "R40": "no service takes results from outside, so none is signed",
    "R47": "nothing exports CSV",
}
"""What cannot be tried, or does not hold, each with its reason."""

EVENT = {"course": COURSE, "exercise": EXERCISE, "kind": "opened"}
DOTS = "%252e%252e%252f..%5c..%5cinstructor%5csource"
NEAREST: dict[str, list[tuple[str, str, Any, set[int]]]] = {
    "R01": [("GET", "grader/api/log", None, {403}), ("GET", "accounts/api/profile?user=bob", None, {200, 400})],
    "R04": [
        ("PUT", "accounts/api/profile", {"role": "instructor", "is_admin": True, "score": 100}, {400}),
        ("PUT", "accounts/api/profile", {"groups": ["instructors"]}, {400}),
        ("PUT", "accounts/api/profile", {"name": "bob"}, {400}),
    ],
    "R05": [
        ("POST", "grader/api/events", {**EVENT, "kind": "attempt", "score": 8, "passed": True}, {400}),
        ("POST", "grader/api/log", {"verdict": "passed"}, {405}),
    ],
    "R07": [("POST", "grader/api/events", {**EVENT, "exercise": {"$gt": ""}, "$or": [{}, {"a": 1}]}, {400})],
    "R08": [("POST", "grader/api/events", {"$where": "sleep(20000)||true"}, {400})],
    "R10": [
        ("PUT", "accounts/api/profile", {"preferences": {"$set": {"role": "admin"}}}, {400}),
        ("PUT", "accounts/api/profile", {"preferences": {"__proto__": {"x": 1}}}, {400}),
    ],
    "R11": [("POST", "grader/api/events", {**EVENT, "course": [COURSE], "exercise": {"$oid": "0" * 24}}, {400})],
    "R13": [
        ("GET", f"grader/api/courses/{COURSE}/exercises/{DOTS}/notebook", None, {400, 404}),
        ("GET", f"grader/api/courses/{DOTS}", None, {400, 404}),
    ],
    "R16": [("POST", "grader/api/events", {**EVENT, "exercise": "\u202esquares\ufeff" + "A" * 5000}, {400})],
    "R17": [("GET", f"grader/api/courses/{COURSE}/exercises/.git/notebook", None, {400, 404})],
    "R19": [
        (
            "GET",
            f"grader/api/courses/{COURSE}/exercises/{EXERCISE}/notebook?include=tests&fields=*&debug=1",
            None,
            {200},
        )
    ],
    "R20": [("GET", f"grader/api/courses/{COURSE}/exercises/{EXERCISE}/notebook?solution=1", None, {200})],
    "R46": [("PUT", "accounts/api/profile", {"display_name": "<img src=x onerror=XSSCANARY()>{{7*7}}"}, {200})],
}


class World:
    """A hub with the corpus's course, and three learners: ada and eve, who attack, and bob, whose work is his own."""

    def __init__(self, folder: Path) -> None:
        exercise = attack_corpus.exercise()
        self.secrets = Secrets.draw()
        values = {
            "MARKC": self.secrets.comment,
            "MARKM": self.secrets.message,
            "SECRETN": self.secrets.argument,
        }
        tests = []
        for name, points, hidden, code in exercise["TESTS"]:
            for key, value in values.items():
                code = code.replace(f"@@{key}@@", str(value))
            tests.append((name, points, hidden, code))
        write_course(folder / "courses" / COURSE, exercise["SOLUTION"], tests, {"seconds": 2.0})
        state = folder / "state"
        state.mkdir(mode=0o700)
        settings = Settings(state=state)
        self.passwords = {user: secrets.token_urlsafe(12) for user in ("ada", "bob", "eve")}
        for user, password in self.passwords.items():
            Credentials(settings.credentials_file).set_password(user, password)
        members = Members(learners={COURSE: frozenset(self.passwords)}, instructors={COURSE: frozenset({"tom"})})
        write_private(settings.members_file, members.to_json())
        self.hub = HubProcess(state, courses=folder / "courses").wait_ready()
        self.browsers = {user: self._logged_in(user) for user in self.passwords}
        self.tokens = {user: self.token(user) for user in self.passwords}
        self.solution: str = exercise["SOLUTION"]
        answer = self.check("bob", f"# {self.secrets.victim}\n{self.solution}")
        assert (answer["verdict"], answer["points"]) == ("passed", 8)
        self.bobs_attempt: str = answer["attempt"]
        self.ask("PUT", "accounts/api/profile", "bob", {"display_name": self.secrets.victim})

    def _logged_in(self, user: str) -> Browser:
        browser = Browser(self.hub.url, user)
        assert browser.log_in(self.passwords[user]).status_code == 200
        browser.session.get(f"{self.hub.url}/hub/token", timeout=30)
        return browser

    def token(self, user: str, **body: Any) -> str:
        browser = self.browsers[user]
        url = f"{self.hub.url}/hub/api/users/{user}/tokens"
        made = browser.session.post(url, headers=browser._xsrf("/hub/"), json={"note": "attack", **body}, timeout=30)
        assert made.status_code == 201, made.text
        return str(made.json()["token"])

    def ask(
        self, verb: str, path: str, user: str | None, body: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """Send a request to a service through the proxy; a body of bytes, text or an iterator goes as it is."""
        given = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        plain = body is None or isinstance(body, str | bytes) or hasattr(body, "__next__")
        data = body if plain else json.dumps(body).encode()
        url = f"{self.hub.url}/services/{path}"
        request = requests.Request(verb, url, headers={**given, **(headers or {})}, data=data).prepare()
        request.url = url  # as it is written, dots and all
        with requests.Session() as session:
            session.trust_env = False
            return session.send(request, timeout=60, allow_redirects=False)

    def live(self, user: str | None, **options: Any) -> websocket.WebSocket:
        header = {"Authorization": f"token {self.tokens[user]}"} if user else {}
        url = f"{self.hub.url}/services/grader/api/live".replace("http", "ws", 1)
        return websocket.create_connection(url, header=header, timeout=30, suppress_origin=True, **options)

    def frame(self, source: str, **changes: Any) -> dict[str, Any]:
        cells = [{"id": "answer", "grade_id": EXERCISE, "source": source}]
        frame = {"type": "check", "request": "r", "course": COURSE, "exercise": EXERCISE, "version": "0" * 12}
        return {**frame, "cell": EXERCISE, "cells": cells, **changes}

    def check(self, user: str, source: str) -> dict[str, Any]:
        with contextlib.closing(self.live(user)) as line:
            return self.answered(line, json.dumps(self.frame(source)))

    def answered(self, line: websocket.WebSocket, frame: str) -> dict[str, Any]:
        line.send(frame)
        while True:
            found: dict[str, Any] = json.loads(line.recv())
            if found["type"] != "progress":
                return found

    def standing(self, user: str) -> Any:
        """Return what the services keep of a learner."""
        profile = self.ask("GET", "accounts/api/profile", user).json()
        progress = self.ask("GET", f"grader/api/courses/{COURSE}", user).json()["progress"]
        return profile, progress

    def memory(self, service: str) -> int:
        """Return the bytes of memory that a service's own process has."""
        found = [psutil.Process(pid) for pid in self.hub.pids()]
        return max(p.memory_info().rss for p in found if f"nbcoach_{service}" in p.cmdline())

    def leaks(self, *texts: str) -> list[str]:
        return [name for text in texts for name in self.secrets.found_in(text)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("requests"))
    try:
        yield made
    finally:
        assert made.hub.stop() == [], "processes were left behind"


def allowed(case: dict[str, Any]) -> set[int]:
    """Return the answers that a case expects, with those that say the same."""
    told = set(case["expect"].get("status", REFUSED))
    return told.union(*(SAME.get(status, set()) for status in told))


LITERAL = [name for name, case in CASES.items() if "{api}" in case["request"].get("path", "")]


@pytest.mark.parametrize("name", LITERAL)
def test_as_it_stands(world: World, name: str) -> None:
    """No service knows the path, or takes the body; nothing leaks and nobody's standing changes."""
    case = CASES[name]
    request = case["request"]
    before = {user: world.standing(user) for user in world.tokens}
    user = None if case["actor"] == "anonymous" else "ada"
    for service in SERVICES:
        path = re.sub(r"\{submission_of_student_b\}|\{id-1\.\.id\+50\}", world.bobs_attempt, request["path"])
        path = path.replace("{api}", f"{service}/api").replace("{own}", "mine").replace("{token}", world.tokens["ada"])
        verb = "GET" if request["method"] == "WS" else request["method"]
        headers = {k: v for k, v in request.get("headers", {}).items() if "{" not in v and k != "Transfer-Encoding"}
        body = request.get("json") or request.get("body")
        answer = world.ask(verb, path, None if "token=" in path else user, body, headers)
        assert answer.status_code in REFUSED, (service, answer.status_code)
        assert world.leaks(answer.text, str(answer.headers)) == []
        for line in case["expect"].get("header_not", ()):
            key, _, value = line.partition(": ")
            assert value not in answer.headers.get(key, "")
    assert {user: world.standing(user) for user in world.tokens} == before


@pytest.mark.parametrize("name", sorted(NEAREST.keys() & CASES.keys()))
def test_in_our_own_words(world: World, name: str) -> None:
    limit = CASES[name]["expect"].get("max_seconds", 10)
    for verb, path, body, statuses in NEAREST[name]:
        before, start = world.standing("ada"), time.monotonic()
        answer = world.ask(verb, path, "ada", body)
        assert time.monotonic() - start < limit
        assert answer.status_code in statuses, (path, answer.status_code, answer.text[:200])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"].startswith("application/json")
        assert world.leaks(answer.text) == []
        assert "return [i * i" not in answer.text
        assert "49" not in answer.text or "{{7*7}}" not in json.dumps(body)
        if answer.status_code != 200:
            assert world.standing("ada") == before
    world.ask("DELETE", "accounts/api/profile", "ada")


@pytest.mark.parametrize(
    ("name", "changes"),
    {
        "R14": {"filename": "../../student_b/squares.ipynb"},
        "R16": {"exercise": "\u202esquares\ufeff" + "A" * 5000},
        "R17": {"exercise": ".git/config"},
        "R11": {"exercise": ["squares", "other"]},
        "R10": {"meta": {"$set": {"role": "admin"}, "a.b": 1}},
        "R05": {"verdict": "passed", "points": 8},
    }.items(),
)
def test_frames_say_nothing_more(world: World, name: str, changes: dict[str, Any]) -> None:
    with contextlib.closing(world.live("ada")) as line:
        answer = world.answered(line, json.dumps(world.frame("def squares(n): return 1", **changes)))
    assert (answer["type"], answer["code"]) == ("failure", "invalid-frame")


def test_forged_and_outlived_tokens(world: World) -> None:
    """R22, R23 and R25: what is no token of the hub's, one whose time is over, and one in an address."""
    brief = world.token("ada", expires_in=1)
    forged = "eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.eyJzdWIiOiJ0b20ifQ.c2lnbmF0dXJl"
    time.sleep(1.5)
    for token in (forged, brief, "x' or '1'='1"):
        answer = world.ask("GET", "accounts/api/profile", None, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in allowed(CASES["R22"])
    secret = world.tokens["ada"]
    assert world.ask("GET", f"accounts/api/profile?token={secret}", None).status_code in allowed(CASES["R25"])
    assert secret not in world.hub.log


def test_a_log_in_leads_nowhere_else(world: World) -> None:
    """R26 and R43: no redirect to a foreign host, and no header of the client's says who he is or where we are."""
    for place in (
        "//evil.example",
        "/%5Cevil.example",
        "https:evil.example",
        "https://evil.example",
        "\\\\evil.example",
    ):
        browser = requests.Session()
        page = browser.get(f"{world.hub.url}/hub/login", params={"next": place}, timeout=30)
        token = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert token
        form = {"username": "ada", "password": world.passwords["ada"], "_xsrf": token.group(1)}
        url = f"{world.hub.url}/hub/login"
        answer = browser.post(url, params={"next": place}, data=form, allow_redirects=False, timeout=30)
        assert answer.status_code in CASES["R26"]["expect"]["status"]
        place = answer.headers["Location"]
        assert urlsplit(urljoin(url, place)).netloc == urlsplit(url).netloc
        assert not place.startswith(("//", "/\\", "\\"))
        browser.close()
    answer = requests.get(f"{world.hub.url}/hub/login", headers=CASES["R43"]["request"]["headers"], timeout=30)
    assert "evil.example" not in answer.text + str(answer.headers)
    spoofed = {"Remote-User": "tom", "X-Forwarded-User": "tom"}
    assert world.ask("GET", "accounts/api/profile", None, headers=spoofed).status_code == 403
    assert world.ask("GET", "accounts/api/profile", "ada", headers=spoofed).json()["name"] == "ada"


def test_another_page_cannot_speak_for_a_learner(world: World) -> None:
    """R28, R29, R31 and R32: a session's cookies open no service; foreign pages may not ask, nor open a socket."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in world.browsers["ada"].session.cookies)
    headers = {**CASES["R28"]["request"]["headers"], "Cookie": cookies}
    for path in ("grader/api/events", "accounts/api/profile"):
        assert world.ask("POST", path, None, json.dumps(EVENT), headers).status_code in {400, 403, 405, 415}
        preflight = world.ask("OPTIONS", path, None, headers=CASES["R29"]["request"]["headers"])
        assert "Access-Control-Allow-Origin" not in preflight.headers
    for user, options in (
        (None, {"origin": "https://evil.example", "cookie": cookies}),
        ("ada", {"origin": "https://evil.example"}),
        (None, {}),
    ):
        url = f"{world.hub.url}/services/grader/api/live?user=bob".replace("http", "ws", 1)
        header = {"Authorization": f"token {world.tokens[user]}"} if user else {}
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            websocket.create_connection(url, header=header, timeout=30, **options)
        assert refused.value.status_code in (401, 403)


def test_bodies_that_are_too_much(world: World) -> None:
    """R34 and R37: more than the limit, nested beyond measure, numbers that are none, keys twice."""

    def flood(megabytes: int) -> Iterator[bytes]:
        for _ in range(megabytes):
            yield b" " * 10**6

    for body in (flood(20), flood(200), b" " * 10**8):
        start, before = time.monotonic(), world.memory("grader")
        answer = world.ask("POST", "grader/api/events", "ada", body)
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        assert time.monotonic() - start < CASES["R34"]["expect"]["max_seconds"]
        assert world.memory("grader") - before < 40 * 2**20
    bodies = ["[" * 100000 + "]" * 100000, '{"a":' * 100000 + "1" + "}" * 100000]
    bodies += CASES["R37"]["request"]["alternatives"]
    for body in bodies:
        start = time.monotonic()
        assert world.ask("POST", "grader/api/events", "ada", body).status_code in allowed(CASES["R37"])
        assert time.monotonic() - start < CASES["R37"]["expect"]["max_seconds"]
        with contextlib.closing(world.live("ada")) as line:
            assert world.answered(line, body)["code"] == "invalid-frame"
    assert world.ask("GET", "grader/health", None).status_code == 200


def test_thirty_at_once_are_in_turn(world: World) -> None:
    """R38: each is answered once, and one learner has no more than sixteen waiting."""
    with contextlib.closing(world.live("ada")) as line:
        for number in range(30):
            line.send(json.dumps(world.frame(f"# {number}\n{world.solution}", request=f"q{number}")))
        answers: dict[str, dict[str, Any]] = {}
        while len(answers) < 30:
            found = json.loads(line.recv())
            if found["type"] != "progress":
                assert found["request"] not in answers
                answers[found["request"]] = found
    kinds = [answer.get("verdict") or answer["code"] for answer in answers.values()]
    assert set(kinds) <= {"passed", "too-many-requests"}
    assert 1 <= kinds.count("passed") <= 30


def test_nobody_is_told_who_is_there(world: World) -> None:
    """R49: another learner and nobody at all look the same, for the hub and for our services."""
    url = f"{world.hub.url}/hub/api/users/"
    headers = {"Authorization": f"token {world.tokens['ada']}"}
    answers = [requests.get(url + name, headers=headers, timeout=30) for name in ("bob", "nobody-at-all")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["message"] == answers[1].json()["message"]


@pytest.mark.parametrize("port", ["proxy", "hub"])
def test_requests_are_not_smuggled(world: World, port: str) -> None:
    """R52: a body with two lengths is refused."""
    raw = CASES["R52"]["request"]["raw"].replace("/api/", "/services/grader/api/" if port == "proxy" else "/hub/api/")
    with socket.create_connection(("127.0.0.1", world.hub.port), timeout=30) as line:
        line.sendall(raw.encode())
        assert line.recv(4096).split(b" ")[1] == b"400"


def test_a_slow_body_is_not_waited_for(world: World) -> None:
    """R35: a body that trickles in keeps nobody waiting, and is refused when its time is over."""
    head = "POST /services/grader/api/events HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n"
    head += f"Authorization: Bearer {world.tokens['ada']}\r\n\r\n"
    start, answer = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", world.hub.port), timeout=1) as line:
        line.sendall(head.encode())
        while not answer:
            assert time.monotonic() - start < CASES["R35"]["expect"]["max_seconds"]
            line.sendall(b" ")
            asked = time.monotonic()
            assert world.ask("GET", "grader/health", None).status_code == 200
            assert world.standing("bob")
            assert time.monotonic() - asked < 2
            with contextlib.suppress(TimeoutError):
                answer = line.recv(65536)
    assert int(answer.split(b" ")[1]) in CASES["R35"]["expect"]["status"]
    assert b"too-slow" in answer


def test_hidden_checks_are_not_asked_without_end(world: World) -> None:
    """R50: a thousand probes get a bounded number of verdicts, and each says of a hidden check only whether it passed."""
    start, told, probe = time.monotonic(), [], 0
    with contextlib.closing(world.live("eve")) as line:
        while probe < CASES["R50"]["request"]["repeat"]:
            time.sleep(0.25)  # slowly enough for the limit on frames
            waiting = {f"q{probe + number}" for number in range(10)}  # more would wait in vain
            for request in waiting:
                line.send(json.dumps(world.frame(f"def squares(n): return {request[1:]}", request=request)))
            probe += len(waiting)
            while waiting:
                found = json.loads(line.recv())
                if found["type"] != "progress":
                    waiting.discard(found["request"])
                    told.append(found)
    judged = [found for found in told if found["type"] == "feedback"]
    refused = [found for found in told if found["type"] == "failure"]
    assert len(judged) + len(refused) == probe
    assert {found["code"] for found in refused} == {"too-many-requests"}
    assert 240 <= len(judged) <= 241 + (time.monotonic() - start) * 240 / 3600
    hidden = [check for found in judged for check in found["checks"] if check["hidden"]]
    assert hidden
    assert {(check["verdict"], check["message"]) for check in hidden} <= {("passed", None), ("failed", None)}
    assert world.leaks(json.dumps(judged)) == []


def test_every_case_is_tried_or_named() -> None:
    source = Path(__file__).read_text("utf-8")
    tried = {
        name
        for name in CASES
        if name in LITERAL or re.search(rf'"{name}"|\b{name}\b', source.partition("class World")[2])
    }
    assert set(CASES) - tried - NEAREST.keys() - NOT_YET.keys() == set()
    assert set(NOT_YET) <= set(CASES)
