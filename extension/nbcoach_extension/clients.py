"""Requests to the services, made as the learner: the token is the one that the hub gave this server.

A service's 4xx is passed on as it came; a service that breaks is `UpstreamFailed`, one that cannot
be reached is `Unavailable`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError, SimpleAsyncHTTPClient

from nbcoach_exercises.errors import Unavailable, UpstreamFailed

from . import logs
from .errors import Refused

MAX_ANSWER_BYTES = 64 * 1024 * 1024
CONNECT_SECONDS = 5.0


class ServiceClient:
    """A client of one service.

    Args:
        name: the service's name, for messages.
        variable: the environment variable that a message tells to set.
        url: returns the service's URL with its prefix, empty where none is set.
        token: returns the learner's hub token.
        timeout: seconds that an answer may take.

    """

    def __init__(
        self, name: str, variable: str, url: Callable[[], str], token: Callable[[], str], timeout: float
    ) -> None:
        self.name = name
        self._variable = variable
        self._url = url
        self._token = token
        self._timeout = timeout
        self._http: AsyncHTTPClient | None = None

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON answer of a GET request.

        Raises:
            Refused: the service answered 4xx.
            UpstreamFailed: it answered 5xx, or no JSON.
            Unavailable: it cannot be reached, or took too long.

        """
        return await self._fetch("GET", f"{path}?{urlencode(query)}" if query else path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON answer of a POST request; errors as for `get`."""
        return await self._fetch("POST", path, json.dumps(body).encode())

    def live_request(self, path: str) -> HTTPRequest:
        """Return the request that opens a WebSocket of the service.

        Raises:
            Unavailable: no URL is set.

        """
        parts = urlsplit(self._address(path))
        address = urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
        return HTTPRequest(address, headers=self._headers(), connect_timeout=CONNECT_SECONDS)

    def close(self) -> None:
        """Close the connections; the client can be used again."""
        if self._http is not None:
            self._http.close()
            self._http = None

    async def _fetch(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        if self._http is None:
            self._http = SimpleAsyncHTTPClient(
                force_instance=True, max_clients=20, max_body_size=MAX_ANSWER_BYTES, max_buffer_size=MAX_ANSWER_BYTES
            )
        request = HTTPRequest(
            self._address(path),
            method=method,
            headers=self._headers() | ({"Content-Type": "application/json"} if body is not None else {}),
            body=body,
            connect_timeout=CONNECT_SECONDS,
            request_timeout=self._timeout,
            follow_redirects=False,
        )
        try:
            response = await self._http.fetch(request, raise_error=False)
        except (HTTPStreamClosedError, HTTPTimeoutError, HTTPClientError, OSError) as err:
            raise self._away() from err
        if response.code in (502, 503, 504, 599):
            raise self._away()
        if response.code >= 500 or 300 <= response.code < 400:
            raise UpstreamFailed(f"The {self.name} answered {response.code}.", service=self.name)
        answer = self._read(response)
        if response.code >= 400:
            raise self._refused(response.code, answer)
        return answer

    def _read(self, response: HTTPResponse) -> dict[str, Any]:
        try:
            answer = json.loads(response.body or b"{}")
        except (ValueError, RecursionError) as err:
            raise UpstreamFailed(f"The {self.name} answered no JSON.", service=self.name) from err
        if not isinstance(answer, dict):
            raise UpstreamFailed(f"The {self.name} answered no JSON object.", service=self.name)
        return answer

    def _refused(self, status: int, answer: Mapping[str, Any]) -> Refused:
        code, message, detail = answer.get("code"), answer.get("message"), answer.get("detail")
        return Refused(
            status,
            code if isinstance(code, str) else "error",
            message if isinstance(message, str) else f"The {self.name} refused the request ({status}).",
            detail if isinstance(detail, dict) else {},
        )

    def _away(self) -> Unavailable:
        return Unavailable(f"The {self.name} cannot be reached at the moment.", service=self.name)

    def _address(self, path: str) -> str:
        url = self._url()
        if urlsplit(url).scheme not in ("http", "https"):
            raise Unavailable(f"This server knows no {self.name}: set {self._variable}.", service=self.name)
        return url.rstrip("/") + "/" + path

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self._token()}", **logs.onward()}
