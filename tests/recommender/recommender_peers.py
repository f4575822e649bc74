"""The processes beside the recommender, as real HTTP servers that speak their contracts: the hub and the grader."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any, Self

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from nbcoach_exercises.events import Entry, entry_to_json

SERVICE_TOKEN = "service-token"


class Peer:
    """A server at a port that it keeps over restarts."""

    def __init__(self) -> None:
        self.port = 0
        self._server: HTTPServer | None = None

    def routes(self) -> list[Any]:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        sockets = bind_sockets(self.port, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        self._server = HTTPServer(Application(self.routes()))
        self._server.add_sockets(sockets)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
            self._server = None


class HubPeer(Peer):
    """Answers who owns a token, as the hub does."""

    def __init__(self, users: dict[str, dict[str, Any]]) -> None:
        super().__init__()
        self.users = users

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/hub/api"

    def routes(self) -> list[Any]:
        users = self.users

        class User(RequestHandler):
            def get(self) -> None:
                token = self.request.headers.get("Authorization", "").split(" ")[-1]
                if token in users:
                    self.write(users[token])
                else:
                    self.set_status(403)
                    self.write({"status": 403, "message": "Forbidden"})

        return [(r"/hub/api/user", User)]


class GraderPeer(Peer):
    """Serves a log and outlines; `spoil` may change the answer to a log request."""

    def __init__(self, outlines: dict[str, dict[str, Any]] | None = None) -> None:
        super().__init__()
        self.outlines = outlines or {}
        self.rows: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.asked_after: list[int] = []
        self.page = 500
        self.spoil: Callable[[dict[str, Any]], Any] | None = None
        self.outline_status = 200
        self.changed = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/grader/"

    def log(self, *entries: Entry, cursor: int | None = None) -> int:
        """Append entries and return the last cursor; cursors are not dense."""
        for entry in entries:
            last = self.rows[-1]["cursor"] if self.rows else 0
            self.rows.append({"cursor": cursor or last + 3, "entry": entry_to_json(entry)})
        self.wake()
        return int(self.rows[-1]["cursor"])

    def wake(self) -> None:
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def stop(self) -> None:
        self.wake()
        await super().stop()

    def routes(self) -> list[Any]:
        peer = self

        class Checked(RequestHandler):
            def prepare(self) -> None:
                if self.request.headers.get("Authorization") != f"Bearer {SERVICE_TOKEN}":
                    self.set_status(403)
                    self.finish({"code": "not-allowed", "message": "No.", "detail": {}})

        class Log(Checked):
            async def get(self) -> None:
                after, limit = int(self.get_argument("after")), int(self.get_argument("limit"))
                wait = float(self.get_argument("wait"))
                assert 0 <= wait <= 30
                peer.asked_after.append(after)
                rows = [row for row in peer.rows if row["cursor"] > after][: min(limit, peer.page)]
                if not rows and wait:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(peer.changed.wait(), wait)
                    rows = [row for row in peer.rows if row["cursor"] > after][: min(limit, peer.page)]
                body: Any = {"entries": rows, "cursor": rows[-1]["cursor"] if rows else after}
                if peer.spoil is not None:
                    body = peer.spoil(body)
                if isinstance(body, int):
                    self.set_status(body)
                    body = {"code": "spoilt", "message": "Spoilt.", "detail": {}}
                self.finish(json.dumps(body) if not isinstance(body, str) else body)

        class Outline(Checked):
            def get(self, course: str) -> None:
                peer.asked.append(course)
                if peer.outline_status != 200:
                    self.set_status(peer.outline_status)
                    self.finish({})
                elif course in peer.outlines:
                    self.finish(peer.outlines[course])
                else:
                    self.set_status(404)
                    self.finish({"code": "unknown-course", "message": "No.", "detail": {}})

        return [(r"/services/grader/api/log", Log), (r"/services/grader/api/courses/([^/]+)", Outline)]


async def fetch(url: str, token: str | None = None, body: dict[str, Any] | None = None) -> HTTPResponse:
    """Ask a server, or put a body there, and return whatever it answers."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = AsyncHTTPClient(force_instance=True)
    try:
        text = None if body is None else json.dumps(body)
        request = HTTPRequest(url, "GET" if body is None else "PUT", headers, text, request_timeout=20)
        return await client.fetch(request, raise_error=False)
    finally:
        client.close()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: it does not come.

    """
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
