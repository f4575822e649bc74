"""A check from a kernel: over the WebSocket of the server extension, with what the server has given its kernels."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from jupyter_server.serverapp import list_running_servers
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketError, websocket_connect

from nbcoach_exercises.errors import NbcoachError
from nbcoach_exercises.wire import MAX_MESSAGE_BYTES, CheckRequest, Failure, Feedback, Progress, decode, encode

from .errors import WidgetError

_CONNECT_SECONDS = 5.0
_PAUSE = 2.0
_PATIENCE = 120.0


@dataclass(frozen=True)
class Server:
    """The Jupyter server of this kernel: its URL with the base path, and a token for it."""

    url: str
    token: str

    @classmethod
    def own(cls) -> Server:
        """Find the server that started this kernel.

        Raises:
            WidgetError: there is none that can be found.

        """
        parent = os.environ.get("JPY_PARENT_PID")
        found: list[dict[str, Any]] = list(list_running_servers())
        for info in found:
            if len(found) == 1 or str(info.get("pid")) == parent:
                token = os.environ.get("JUPYTERHUB_API_TOKEN") or str(info.get("token", ""))
                return cls(str(info["url"]), token)
        raise WidgetError("The Jupyter server of this kernel cannot be found, so nothing can be checked from here.")

    def live(self) -> HTTPRequest:
        """Return the request that opens the server extension's WebSocket."""
        parts = urlsplit(self.url.rstrip("/") + "/nbcoach/api/live")
        address = urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
        return HTTPRequest(address, headers={"Authorization": f"token {self.token}"}, connect_timeout=_CONNECT_SECONDS)


async def judged(server: Server, request: CheckRequest, waiting: Any = lambda: None) -> Feedback:
    """Have a question judged; while the grader is away, wait, and send the same request again.

    Args:
        server: this kernel's server.
        request: the check.
        waiting: called each time that the grader turned out to be away.

    Raises:
        WidgetError: the check was refused, or the grader stayed away for two minutes.

    """
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        answer = await _ask(server, request)
        if isinstance(answer, Feedback):
            return answer
        if answer is not None and answer.code != "unavailable":
            raise WidgetError(answer.message)
        if asyncio.get_running_loop().time() > deadline:
            raise WidgetError("The grader cannot be reached at the moment; try again later.")
        waiting()
        await asyncio.sleep(_PAUSE)


async def _ask(server: Server, request: CheckRequest) -> Feedback | Failure | None:
    try:
        socket = await websocket_connect(server.live(), max_message_size=MAX_MESSAGE_BYTES)
    except HTTPClientError as err:
        raise WidgetError(f"The Jupyter server refused the check ({err.code}).") from err
    except (OSError, StreamClosedError, WebSocketError):
        return None
    try:
        await socket.write_message(encode(request))
        while (text := await socket.read_message()) is not None:
            frame = decode(text)
            if isinstance(frame, Feedback | Failure) and frame.request == request.request:
                return frame
            if not isinstance(frame, Progress):
                continue  # a notification
    except NbcoachError as err:
        raise WidgetError(err.message) from err
    except (StreamClosedError, WebSocketError):
        return None
    finally:
        socket.close()
    return None
