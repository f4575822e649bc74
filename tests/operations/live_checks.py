"""A check as the front end makes it: one frame on the WebSocket of the learner's own server."""

from __future__ import annotations

import json
import uuid
from typing import Any

import requests
import websocket
from hub_process import Browser

COURSE = "python-foundations"
EXERCISE = "double-shot"


def released(browser: Browser) -> dict[str, Any]:
    """Place the exercise in the learner's files, and return its notebook."""
    placed = browser.api("POST", "nbcoach/api/open", course=COURSE, exercise=EXERCISE)
    assert placed.status_code == 200, placed.text
    content = browser.api("GET", f"api/contents/{placed.json()['path']}")
    return dict(content.json()["content"])


def check_frame(browser: Browser, source: str, request: str | None = None) -> dict[str, Any]:
    """Return a check of the exercise's one answer cell with that source."""
    notebook = released(browser)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in code]
    answer = next(cell for cell in code if cell["metadata"].get("nbgrader", {}).get("solution"))
    name = answer["metadata"]["nbgrader"]["grade_id"]
    cells = [
        {"id": cell["id"], "grade_id": grade_id, "source": source if grade_id == name else cell["source"]}
        for cell, grade_id in zip(code, ids, strict=True)
    ]
    return {
        "type": "check",
        "request": request or str(uuid.uuid4()),
        "course": COURSE,
        "exercise": EXERCISE,
        "version": notebook["metadata"]["nbcoach"]["version"],
        "cell": name,
        "cells": cells,
    }


def ask(socket: websocket.WebSocket, frame: dict[str, Any]) -> dict[str, Any]:
    """Send a frame, and return the final reply to it."""
    socket.send(json.dumps(frame))
    while True:
        reply: dict[str, Any] = json.loads(socket.recv())
        if reply["request"] == frame["request"] and reply["type"] != "progress":
            return reply


def check(browser: Browser, source: str, request: str | None = None) -> dict[str, Any]:
    """Check a source, and return the feedback."""
    frame = check_frame(browser, source, request)
    socket = browser._socket("nbcoach/api/live")
    try:
        return ask(socket, frame)
    finally:
        socket.close()


def service(url: str, path: str, token: str, **options: Any) -> requests.Response:
    """Ask a service with a token."""
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    return requests.request(
        options.pop("verb", "GET"), f"{url}/services/{path}", headers=headers, timeout=30, **options
    )
