"""`MONGODB_URI=… nbcoach up`: the platform on MongoDB, checked, cut off from it, and started again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer
from typing import Any

import pymongo
import pytest
import requests
import websocket
from hub_process import COURSES, HubProcess, free_port
from mongo_server import MongoServer
from test_running_hub import ask, token
from test_up import refused

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.solutions import read_solution

COURSE = Catalogue.read(COURSES).course("python-foundations")
FIRST = next(iter(COURSE.exercises.values()))
CELL = FIRST.questions[0].answers[0]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MongoServer]:
    server = MongoServer(tmp_path / "mongo")
    server.start()
    yield server
    server.kill()


def check(hub: HubProcess, secret: str, request: str) -> dict[str, Any]:
    """Check the first exercise with its correct solution, as the learner's server does, and return the feedback."""
    source = read_solution(FIRST.folder / "solutions" / "correct.py").sources[CELL]
    frame = {"type": "check", "request": request, "course": COURSE.id, "exercise": FIRST.id, "version": FIRST.version}
    frame |= {"cell": CELL, "cells": [{"id": "1", "grade_id": CELL, "source": source}]}
    address = f"ws://127.0.0.1:{hub.port}/services/grader/api/live"
    with closing(websocket.create_connection(address, header=[f"Authorization: Bearer {secret}"], timeout=90)) as live:
        live.send(json.dumps(frame))
        while (told := json.loads(live.recv()))["type"] == "progress":
            continue
    assert told["type"] == "feedback", told
    return dict(told)


def attempts(hub: HubProcess, secret: str) -> list[dict[str, Any]]:
    answer = ask(hub, "accounts/api/profile/export", secret)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["attempts"])


def test_it_learns_there_is_cut_off_and_starts_again(server: MongoServer, tmp_path: Path) -> None:
    state = tmp_path / "state"
    hub = HubProcess(state, store=server.url("school"))
    try:
        secret = token(hub.wait_ready(), "learner")
        assert ask(hub, "accounts/api/profile", secret, "PUT", display_name="Ada L.").status_code == 200
        first = check(hub, secret, uuid.uuid4().hex)
        assert (first["verdict"], first["solved"]) == ("passed", True)
        server.kill()
        assert requests.get(f"{hub.url}/services/grader/health", timeout=10).status_code == 503
        again = Timer(5, server.start)
        again.start()
        request = uuid.uuid4().hex
        second = check(hub, secret, request)  # answered when the server is back
        again.join()
        assert check(hub, secret, request)["attempt"] == second["attempt"]
        assert [item["id"] for item in attempts(hub, secret)] == [first["attempt"], second["attempt"]]
    finally:
        left = hub.stop()
    assert left == []
    with pymongo.MongoClient(server.url("school")) as client:
        kept = json.dumps(list(client.school.profiles.find()))
        assert "learner" in kept
        assert "Ada" not in kept
    assert not (state / "store.sqlite").exists()
    hub = HubProcess(state, store=server.url("school"))
    try:
        secret = token(hub.wait_ready(), "learner")
        assert [item["id"] for item in attempts(hub, secret)] == [first["attempt"], second["attempt"]]
        assert ask(hub, "accounts/api/profile", secret).json()["display_name"] == "Ada L."
        assert server.url("school").encode() not in (state / "logs" / "hub.log").read_bytes()
    finally:
        hub.stop()


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("mongodb://root:hunter2@127.0.0.1:1/x", "did not answer"),
        ("mongodb://root:hunter2@h:port/x", "is no store"),
        ("postgres://root:hunter2@h/x", "is no store"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused(
    uri: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGODB_URI", uri)
    line = refused("up", "--port", str(free_port()), "--state", tmp_path / "s")
    assert reason in line
    assert "hunter2" not in line
