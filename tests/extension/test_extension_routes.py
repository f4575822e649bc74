"""The JSON routes: what they answer, what they pass on, and how they fail."""

from __future__ import annotations

import json
import re

import pytest
from coach_services import TOKEN
from jsonschema import Draft202012Validator
from tornado.httpclient import HTTPClientError

from nbcoach_extension.routes import openapi, routes


async def get(jp_fetch, *path, **params):
    return json.loads((await jp_fetch("nbcoach", "api", *path, params=params)).body)


async def post(jp_fetch, path, body):
    answer = await jp_fetch("nbcoach", "api", path, method="POST", body=json.dumps(body))
    return answer.code, json.loads(answer.body)


async def failure(awaitable):
    with pytest.raises(HTTPClientError) as caught:
        await awaitable
    return caught.value.code, json.loads(caught.value.response.body)


def check(body, schema):
    document = openapi()
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]}).validate(
        body
    )


def test_routes_and_document_agree():
    described = {re.sub(r"{\w+}", "([^/]+)", path): set(verbs) for path, verbs in openapi()["paths"].items()}
    served = {
        pattern.removeprefix("/nbcoach/api"): {
            verb for verb in ("get", "post", "put", "patch", "delete") if verb in vars(handler)
        }
        for pattern, handler in routes()
    }
    assert served == described


async def test_answers_match_the_document(jp_fetch, upstream):
    check(await get(jp_fetch, "courses"), "Courses")
    check(await get(jp_fetch, "courses", "first-steps"), "Course")
    check(await get(jp_fetch, "courses", "first-steps", "next"), "Next")
    check(await get(jp_fetch, "courses", "first-steps", "mastery"), "Mastery")
    code, body = await post(jp_fetch, "open", {"course": "first-steps", "exercise": "factorial"})
    assert code == 200
    check(body, "Opened")
    code, body = await post(jp_fetch, "events", {"course": "first-steps", "exercise": "factorial", "kind": "too-easy"})
    assert code == 201
    check(body, "Logged")
    assert {token for _, _, token in upstream.requests} == {f"token {TOKEN}"}


async def test_next_passes_its_query_on(jp_fetch, upstream):
    await get(jp_fetch, "courses", "first-steps", "next", k="3", seen="42")
    assert upstream.requests[-1][1].endswith("/services/recommender/api/courses/first-steps/next?k=3&seen=42")


@pytest.mark.parametrize("query", [{"k": "0"}, {"k": "21"}, {"k": "x"}, {"seen": "-1"}, {"seen": "1e3"}, {"k": "²"}])
async def test_next_refuses_a_bad_query(jp_fetch, upstream, query):
    code, body = await failure(get(jp_fetch, "courses", "first-steps", "next", **query))
    assert (code, body["code"]) == (400, "invalid-input")
    assert upstream.requests == []


@pytest.mark.parametrize("course", ["..", "UPPER", "a b", "a%2Fb", "x" * 80])
async def test_a_course_id_is_checked_before_it_becomes_a_path(jp_fetch, upstream, course):
    code, _ = await failure(get(jp_fetch, "courses", course, "mastery"))
    assert code in (400, 404)
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("open", {}),
        ("open", []),
        ("open", {"course": "first-steps", "exercise": "../x"}),
        ("open", {"course": "first-steps", "exercise": "factorial", "more": 1}),
        ("events", {"course": "first-steps", "exercise": "factorial", "kind": "passed"}),
        ("events", {"course": "first-steps", "exercise": "factorial", "kind": "hint", "level": 0}),
    ],
)
async def test_a_bad_body_is_refused_here(jp_fetch, upstream, path, body):
    code, answer = await failure(post(jp_fetch, path, body))
    assert (code, answer["code"]) == (400, "invalid-input")
    assert upstream.requests == []


async def test_a_body_that_is_no_json_or_too_large(jp_fetch, upstream):
    code, _ = await failure(jp_fetch("nbcoach", "api", "open", method="POST", body="{"))
    assert code == 400
    code, answer = await failure(jp_fetch("nbcoach", "api", "open", method="POST", body=" " * 70_000))
    assert (code, answer["code"]) == (413, "too-large")


async def test_a_refusal_is_passed_on_as_it_came(jp_fetch, upstream):
    code, body = await failure(get(jp_fetch, "courses", "nowhere"))
    assert code == 404
    assert body == {
        "code": "unknown-course",
        "message": "There is no course 'nowhere'.",
        "detail": {"status": 404},
    }


@pytest.mark.parametrize(("theirs", "ours", "word"), [(500, 502, "upstream-failed"), (503, 503, "unavailable")])
async def test_a_service_that_breaks(jp_fetch, upstream, theirs, ours, word):
    upstream.broken = theirs
    code, body = await failure(get(jp_fetch, "courses"))
    assert (code, body["code"]) == (ours, word)
    assert "token" not in json.dumps(body)


async def test_a_service_that_is_away(jp_fetch, upstream):
    await upstream.stop()
    code, body = await failure(get(jp_fetch, "courses"))
    assert (code, body["code"]) == (503, "unavailable")


async def test_a_server_that_knows_no_service_says_what_to_set(jp_fetch, jp_serverapp):
    (app,) = jp_serverapp.extension_manager.extension_apps["nbcoach_extension"]
    app.grader_url = ""
    code, body = await failure(get(jp_fetch, "courses"))
    assert code == 503
    assert "NBCOACH_GRADER_URL" in body["message"]


async def test_reset_keeps_the_notebook_and_a_starter_can_be_had(jp_fetch, jp_root_dir, upstream):
    body = {"course": "first-steps", "exercise": "factorial"}
    await post(jp_fetch, "open", body)
    code, reset = await post(jp_fetch, "reset", body)
    assert code == 200
    check(reset, "Opened")
    assert (jp_root_dir / reset["kept"]).is_file()
    found = await get(jp_fetch, "courses", "first-steps", "exercises", "factorial", "cells", "total")
    assert found == {"source": "# YOUR CODE HERE"}
    for cell in ("test-total", "no-such", "%2e%2e"):
        code, body = await failure(jp_fetch("nbcoach", "api", f"courses/first-steps/exercises/factorial/cells/{cell}"))
        assert (code, body["code"]) == (404, "unknown-cell")


async def test_submissions_and_notifications_are_the_grader_s(jp_fetch, upstream):
    check(await get(jp_fetch, "courses", "first-steps", "submissions"), "Submissions")
    check(await get(jp_fetch, "notifications"), "Notifications")
    one = await get(jp_fetch, "courses", "first-steps", "submissions", "one")
    assert one["sources"] == {"fact": "x"}
    assert await post(jp_fetch, "notifications/read", {"ids": ["n1"]}) == (200, {"read": 1})
    for bad in ({}, {"ids": "n1"}, {"ids": [""]}, {"ids": [], "more": 1}):
        with pytest.raises(HTTPClientError) as refused:
            await post(jp_fetch, "notifications/read", bad)
        assert refused.value.code == 400
    code, body = await failure(jp_fetch("nbcoach", "api", "courses", "first-steps", "submissions", "two"))
    assert (code, body["code"]) == (404, "unknown-submission")
