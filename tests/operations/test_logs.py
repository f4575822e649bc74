"""One id through the logs of all parts, and nothing in them that must not be there."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from hub_process import Browser, HubProcess
from live_checks import COURSE, check

MARK = "a_name_that_only_this_learner_uses"
SOURCE = f"{MARK} = 2\ndef double(x):\n    return {MARK} * x\n"


@pytest.fixture(scope="module")
def traced(platform: HubProcess, learner: Browser) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """A check and the question for what is next that follows, under one id; and all lines of the logs."""
    request = str(uuid.uuid4())
    feedback = check(learner, SOURCE, request)
    assert feedback["type"] == "feedback", feedback
    following = learner.session.get(
        f"{learner.server}/nbcoach/api/courses/{COURSE}/next?k=1&seen={feedback['cursor']}",
        headers={"X-Request-Id": request, **learner._xsrf("/user/learner/")},
        timeout=30,
    )
    assert following.status_code == 200, following.text
    assert following.headers["X-Request-Id"] == request
    time.sleep(0.3)
    return request, feedback, [*lines(platform.log), *lines(server_log(platform))]


def server_log(hub: HubProcess) -> str:
    return (hub.state / "homes" / "learner" / ".nbcoach" / "server.log").read_text("utf-8", "replace")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"at"')]


Traced = tuple[str, dict[str, Any], list[dict[str, Any]]]


def test_one_id_is_found_in_the_logs_of_all_parts(traced: Traced) -> None:
    request, _, told = traced
    mine = [line for line in told if line.get("request") == request]
    assert {line["service"] for line in mine} >= {"extension", "grader", "recommender"}
    assert {(line["service"], line["message"]) for line in mine} >= {
        ("extension", "check"),
        ("grader", "checked"),
        ("extension", "request"),
        ("recommender", "request"),
    }


def test_an_attempt_is_found_from_the_check_to_the_recommender(traced: Traced) -> None:
    request, feedback, told = traced
    checked = next(line for line in told if line.get("attempt") == feedback["attempt"])
    assert (checked["request"], checked["user"], checked["course"]) == (request, "learner", COURSE)
    followed = [line for line in told if line.get("entry") == feedback["attempt"]]
    assert [line["service"] for line in followed] == ["recommender"]


def test_every_line_of_ours_is_json_with_the_same_fields(traced: Traced, platform: HubProcess) -> None:
    told = traced[2]
    assert {"hub", "grader", "recommender", "accounts", "status", "extension"} <= {line["service"] for line in told}
    for line in told:
        assert {"at", "level", "service", "message"} <= line.keys()


def test_no_source_and_no_token_is_logged(
    traced: Traced, platform: HubProcess, learner: Browser, metrics_token: str
) -> None:
    secret = learner.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'], end='')")
    text = platform.log + server_log(platform)
    for forbidden in (MARK, secret, metrics_token):
        assert len(forbidden) > 10
        assert forbidden not in text


def test_files_of_the_logs_are_private(platform: HubProcess) -> None:
    for name in ("logs/hub.log", "metrics-token"):
        assert (platform.state / name).stat().st_mode & 0o077 == 0
