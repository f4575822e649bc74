"""A hub and a grader as small HTTP servers, so that the real service can be measured without the rest of nbcoach."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from nbcoach_exercises.events import Attempt, entry_to_json
from nbcoach_hub.service import LEARN, METRICS

from ..graph import Graph


class Neighbours:
    """Answers who a token belongs to (the token is the learner's name), serves one outline, and a log that grows."""

    def __init__(self, graph: Graph) -> None:
        self.outline = graph.outline()
        self.rows: list[dict[str, Any]] = []
        self.cursor = 0
        self._changed = asyncio.Event()
        (socket,) = bind_sockets(0, "127.0.0.1")
        self.port = int(socket.getsockname()[1])
        self._server = HTTPServer(Application(self._routes()))
        self._server.add_sockets([socket])

    async def stop(self) -> None:
        """Close the servers."""
        self._changed.set()
        self._server.stop()
        await self._server.close_all_connections()

    def log(self, attempt: Attempt) -> int:
        """Append an attempt and return its cursor."""
        self.cursor += 1
        self.rows.append({"cursor": self.cursor, "entry": entry_to_json(attempt)})
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return self.cursor

    def _routes(self) -> list[Any]:
        neighbours = self

        class User(RequestHandler):
            def get(self) -> None:
                name = self.request.headers.get("Authorization", "").split(" ")[-1]
                scopes = ["access:services!service=recommender", LEARN, METRICS]
                groups = [f"nbgrader-{neighbours.outline['id']}"]
                self.write({"name": name, "kind": "user", "groups": groups, "scopes": scopes, "admin": False})

        class Log(RequestHandler):
            async def get(self) -> None:
                after, limit = int(self.get_argument("after")), int(self.get_argument("limit"))
                if after >= neighbours.cursor:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(neighbours._changed.wait(), float(self.get_argument("wait")))
                rows = neighbours.rows[after : after + limit]
                self.write({"entries": rows, "cursor": rows[-1]["cursor"] if rows else after})

        class Outline(RequestHandler):
            def get(self) -> None:
                self.write(neighbours.outline)

        return [(r"/hub/api/user", User), (r"/grader/api/log", Log), (r"/grader/api/courses/[^/]+", Outline)]
