"""The WebSocket relay, with a real browser-side socket, a real server and a real upstream."""

from __future__ import annotations

import asyncio
import json

import pytest

from nbcoach_exercises import wire


def request(name="r1", cell="fact", source="def factorial(n): return 1"):
    return wire.CheckRequest(
        request=name,
        course="first-steps",
        exercise="factorial",
        version="v1",
        cell=cell,
        cells=(wire.CellSource(id="a", grade_id=cell, source=source),),
    )


async def read(socket):
    message = await asyncio.wait_for(socket.read_message(), 10)
    assert message is not None, "the socket was closed"
    return wire.decode(message)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def connect(jp_ws_fetch, jp_asyncio_loop, upstream):
    sockets = []

    async def opened():
        sockets.append(await jp_ws_fetch("nbcoach", "api", "live"))
        return sockets[-1]

    yield opened
    for socket in sockets:
        socket.close()
    # A relay whose browser has gone takes its upstream socket with it.
    jp_asyncio_loop.run_until_complete(until(lambda: all(s.protocol is None for s in sockets) and not upstream.sockets))


async def test_a_check_goes_up_and_its_feedback_comes_down(connect, upstream):
    socket = await connect()
    await socket.write_message(wire.encode(request()))
    replies = [await read(socket) for _ in range(3)]
    assert [reply.type for reply in replies] == ["progress", "progress", "feedback"]
    assert replies[-1].verdict == "passed"
    assert upstream.frames == [request()]


async def test_hints_travel_the_same_way(connect, upstream):
    socket = await connect()
    hint = wire.HintRequest(
        request="h", course="first-steps", exercise="factorial", cell="fact", check="test-fact.1", level=1
    )
    await socket.write_message(wire.encode(hint))
    assert (await read(socket)).text.startswith("Hint number 1")


async def test_each_browser_has_one_upstream_socket_of_its_own(connect, upstream):
    first, second = await connect(), await connect()
    await until(lambda: len(upstream.sockets) == 2)
    for name in ("a", "b"):
        await first.write_message(wire.encode(request(name)))
    assert {(await read(first)).request for _ in range(6)} == {"a", "b"}
    assert len(upstream.sockets) == 2
    second.close()
    await until(lambda: len(upstream.sockets) == 1)


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        json.dumps({"type": "unknown"}),
        json.dumps({"type": "check", "request": "r"}),
        wire.encode(wire.Progress(request="r", state="queued")),
    ],
)
async def test_a_frame_that_is_not_valid_never_goes_up(connect, upstream, text):
    socket = await connect()
    await socket.write_message(text)
    reply = await read(socket)
    assert (reply.type, reply.code) == ("failure", "invalid-frame")
    assert upstream.frames == []


async def test_a_grader_that_is_away_fails_the_request_and_is_found_again(connect, upstream):
    await upstream.stop()
    socket = await connect()
    await socket.write_message(wire.encode(request("early")))
    reply = await read(socket)
    assert (reply.type, reply.request, reply.code) == ("failure", "early", "unavailable")
    upstream.start(upstream.port)
    await socket.write_message(wire.encode(request("late")))
    assert [(await read(socket)).type for _ in range(3)] == ["progress", "progress", "feedback"]


async def test_a_grader_that_goes_away_fails_what_is_pending(connect, upstream):
    upstream.answer_checks = False
    socket = await connect()
    for name in ("a", "b"):
        await socket.write_message(wire.encode(request(name)))
    await until(lambda: len(upstream.frames) == 2)
    upstream.sockets[0].close()
    replies = [await read(socket) for _ in range(2)]
    assert {(reply.request, reply.code) for reply in replies} == {("a", "unavailable"), ("b", "unavailable")}
    await until(lambda: len(upstream.sockets) == 1)  # connected again by itself


async def test_a_token_that_the_grader_does_not_know(connect, upstream, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "revoked")
    socket = await connect()
    await socket.write_message(wire.encode(request()))
    reply = await read(socket)
    assert (reply.type, reply.code) == ("failure", "not-allowed")


async def test_too_many_requests_at_once_are_refused(connect, upstream):
    upstream.answer_checks = False
    socket = await connect()
    for number in range(70):
        await socket.write_message(wire.encode(request(f"r{number}")))
    refused = [await read(socket) for _ in range(6)]
    assert {reply.code for reply in refused} == {"too-many-requests"}
    assert len({reply.request for reply in refused}) == 6


async def test_submissions_go_up_and_receipts_and_notifications_come_down(connect, upstream):
    socket = await connect()
    frame = wire.Submit(request="s1", course="first-steps", exercise="factorial", version="v1", cells=())
    await socket.write_message(wire.encode(frame))
    assert (await read(socket)).type == "receipt"
    assert upstream.frames == [frame]
    notice = wire.Notice(
        id="n1",
        course="first-steps",
        exercise="factorial",
        kind="comment",
        title="Factorial",
        detail={"text": "Well done"},
        read=False,
        at="2026-11-27T12:00:00+00:00",
    )
    await upstream.sockets[0].write_message(wire.encode(notice))
    assert await read(socket) == notice
    await socket.write_message(wire.encode(notice))
    assert (await read(socket)).code == "invalid-frame"
