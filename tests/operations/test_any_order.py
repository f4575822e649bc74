"""Parts stop and start in any order, and no check is lost or counted twice.

The hub starts a service that has ended again, by itself; a test ends them, in each order, while a learner checks.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

import psutil
import pytest
import requests
import websocket
from hub_process import Browser, HubProcess
from live_checks import COURSE, check_frame, service

MODULES = {"grader": "nbcoach_grader", "recommender": "nbcoach_recommender", "accounts": "nbcoach_hub.accounts"}
PATIENCE = 90.0


def pid_of(hub: HubProcess, name: str) -> int | None:
    for pid in hub.pids():
        try:
            if MODULES[name] in psutil.Process(pid).cmdline():
                return pid
        except psutil.NoSuchProcess:
            continue
    return None


def healthy(hub: HubProcess, name: str) -> bool:
    try:
        return requests.get(f"{hub.url}/services/{name}/health", timeout=10).status_code == 200
    except requests.RequestException:
        return False


def with_source(frame: dict[str, Any], source: str) -> dict[str, Any]:
    """Return the same check of another answer."""
    cells = [{**cell, "source": source} if cell["grade_id"] == frame["cell"] else cell for cell in frame["cells"]]
    return {**frame, "request": str(uuid.uuid4()), "cells": cells}


def ask_until_answered(browser: Browser, frame: dict[str, Any]) -> dict[str, Any]:
    """Send a check as the front end does: again after each failure that says that the grader is away."""
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline, "the check was never answered"
        try:
            socket = browser._socket("nbcoach/api/live")
        except (OSError, websocket.WebSocketException):
            time.sleep(0.5)
            continue
        try:
            socket.send(json.dumps(frame))
            while True:
                reply: dict[str, Any] = json.loads(socket.recv())
                if reply.get("request") != frame["request"] or reply["type"] == "progress":
                    continue
                if reply["type"] == "failure" and reply["code"] in ("unavailable", "too-many-requests"):
                    break
                return reply
        except (OSError, websocket.WebSocketException):
            pass
        finally:
            socket.close()
        time.sleep(0.5)


@pytest.mark.timeout(300)
def test_parts_end_and_come_back_in_any_order(
    platform: HubProcess, learner: Browser, user_token: Callable[[str], str]
) -> None:
    token, sent = user_token("learner"), []
    opened = check_frame(learner, "")  # as long as the grader is there
    for number, order in enumerate(itertools.permutations(MODULES)):
        for place, name in enumerate(order):
            pid = pid_of(platform, name)
            assert pid is not None, name
            os.kill(pid, signal.SIGTERM if (number + place) % 3 else signal.SIGKILL)
            if name == "grader":  # while it is away, and while others are
                frame = with_source(opened, f"def double(x):\n    return {number} * x\n")
                sent.append(ask_until_answered(learner, frame))
        deadline = time.monotonic() + PATIENCE
        while not all(healthy(platform, name) for name in MODULES):
            assert time.monotonic() < deadline, f"{order}: not all came back"
            time.sleep(0.3)
    assert [reply for reply in sent if reply["type"] != "feedback"] == []
    kept = service(platform.url, "accounts/api/profile/export", token).json()["attempts"]
    ids = [attempt["id"] for attempt in kept]
    assert len(ids) == len(set(ids))
    assert {reply["attempt"] for reply in sent} <= set(ids)
    newest = max(reply["cursor"] for reply in sent)
    following = service(platform.url, f"recommender/api/courses/{COURSE}/next?seen={newest}", token)
    assert following.status_code == 200
    assert following.json()["cursor"] >= newest
