"""The world around the grader service: a hub that is a real server, and the clients that learners and services are."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketClientConnection, websocket_connect

from nbcoach_exercises.schemas import load_schema
from nbcoach_grader.app import Grader

ACCESS = "access:services!service=grader"
FRAMES = Draft202012Validator(load_schema("frames.v1"))
PATIENCE = 30.0


@asynccontextmanager
async def hub_peer(people: dict[str, dict[str, Any]]) -> AsyncIterator[str]:
    """Answer who owns a token and who is in a group, as the hub does; yield the URL of its API."""

    class User(RequestHandler):
        def get(self) -> None:
            token = self.request.headers.get("Authorization", "").split(" ")[-1]
            if token in people:
                self.finish({"kind": "user", "groups": [], **people[token]})
            else:
                self.set_status(403)
                self.finish({"status": 403, "message": "Forbidden"})

    class Group(RequestHandler):
        def get(self, name: str) -> None:
            users = sorted({found["name"] for found in people.values() if name in found.get("groups", ())})
            self.finish({"kind": "group", "name": name, "users": users})

    server = HTTPServer(Application([("/hub/api/user", User), ("/hub/api/groups/([^/]+)", Group)]))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/hub/api"
    finally:
        server.stop()
        await server.close_all_connections()


class World:
    """A running grader, and ways to talk to it; every answer is held against the service's own documents."""

    def __init__(self, service: Grader) -> None:
        self.service = service
        self.root = f"127.0.0.1:{service.port}{service.base_url}"
        self.heard: list[str] = []
        """Everything that the service ever answered, as it came."""
        self._client = AsyncHTTPClient(force_instance=True, defaults={"request_timeout": PATIENCE})

    def close(self) -> None:
        self._client.close()

    async def ask(self, path: str, token: str | None, verb: str = "GET", body: Any = None) -> tuple[int, Any]:
        """Return the status and the body of an answer; a body that is bytes is sent as it is."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = HTTPRequest(f"http://{self.root}{path}", verb, headers=headers, body=data)
        answer = await self._client.fetch(request, raise_error=False)
        text = answer.body.decode()
        self.heard.append(f"{answer.headers}\n{text}")
        if path == "metrics" and answer.code == 200:
            return answer.code, text
        found = json.loads(text)
        self._conforms(path.partition("?")[0], verb.lower(), answer.code, found)
        return answer.code, found

    async def live(self, token: str) -> Live:
        """Open a WebSocket as a learner."""
        request = HTTPRequest(f"ws://{self.root}api/live", headers={"Authorization": f"token {token}"})
        return Live(await websocket_connect(request, max_message_size=2**26), self.heard)

    def _conforms(self, path: str, verb: str, status: int, body: Any) -> None:
        document = self.service.openapi
        for template, operations in document["paths"].items():
            if re.fullmatch(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(template)), "/" + path) and verb in operations:
                schema = operations[verb]["responses"][str(status)]["content"]["application/json"]["schema"]
                break
        else:
            schema = {"$ref": "#/components/schemas/Error"}
        Draft202012Validator({**schema, "components": document["components"]}).validate(body)


class Live:
    """A learner's WebSocket."""

    def __init__(self, socket: WebSocketClientConnection, heard: list[str]) -> None:
        self._socket = socket
        self._heard = heard

    async def say(self, frame: Any) -> None:
        """Send a frame; text and bytes as they are."""
        raw = isinstance(frame, str | bytes)
        await self._socket.write_message(frame if raw else json.dumps(frame), binary=isinstance(frame, bytes))

    async def hear(self) -> dict[str, Any] | None:
        """Return the next frame, or None when the service closed the socket."""
        text = await asyncio.wait_for(self._socket.read_message(), PATIENCE)
        if text is None:
            return None
        self._heard.append(text if isinstance(text, str) else text.decode())
        frame: dict[str, Any] = json.loads(text)
        FRAMES.validate(frame)
        return frame

    async def answer(self, frame: Any) -> dict[str, Any]:
        """Send a frame and return what finally answers it."""
        await self.say(frame)
        while True:
            found = await self.hear()
            assert found is not None, "The service closed the socket."
            if found["type"] != "progress":
                return found

    @property
    def close_code(self) -> int | None:
        """Why the service closed the socket."""
        return self._socket.close_code

    def vanish(self) -> None:
        """Lose the connection without a word."""
        if self._socket.protocol is not None:
            self._socket.protocol.stream.close()
        self._socket.close()  # nothing is sent any more; the client lets go of it

    async def close(self) -> None:
        """Close and wait until it is closed."""
        gone = self.close_code is not None or self._socket.protocol is None
        self._socket.close()
        while not gone and await asyncio.wait_for(self._socket.read_message(), PATIENCE) is not None:
            pass


@asynccontextmanager
async def grader(courses: Path, folder: Path, people: dict[str, dict[str, Any]]) -> AsyncIterator[World]:
    """Run the service with an engine of its own and a fresh store."""
    async with hub_peer(people) as hub:
        service = Grader(
            ip="127.0.0.1",
            port=0,
            base_url="/services/grader/",
            courses=str(courses),
            store_url=f"sqlite:///{folder / 'store.sqlite'}",
            hub_api_url=hub,
            requests_per_second=1000.0,
            request_burst=1000.0,
        )
        await service.open()
        world = World(service)
        try:
            yield world
        finally:
            world.close()
            await service.close()
