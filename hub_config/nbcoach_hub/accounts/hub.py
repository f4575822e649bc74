"""The hub's REST API, asked with the rights of whoever asks us: this service has none of its own."""

from __future__ import annotations

import json
from collections import deque
from typing import Any
from urllib.parse import quote, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from nbcoach_exercises.errors import Conflict, InvalidInput, NotAllowed, Unavailable, UnknownUser, UpstreamFailed
from nbcoach_exercises.identifiers import new_id

_SECONDS = 30.0
"""Deleting or disabling a user waits until servers have stopped."""


class HubClient:
    """Ask the hub about accounts.

    Args:
        url: of the hub's API.

    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = AsyncHTTPClient(force_instance=True)
        self.asked: deque[str] = deque(maxlen=1000)
        """Ids of the latest requests: what the hub notes of these, the desk has noted already."""

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    async def accounts(self, token: str, **query: str) -> dict[str, Any]:
        """Return a page of accounts; see `identity.api` for the query."""
        return dict(await self._ask("GET", f"nbcoach/accounts?{urlencode(query)}", token))

    async def account(self, token: str, name: str) -> dict[str, Any]:
        """Return an account.

        Raises:
            UnknownUser: there is none of that name.

        """
        return dict(await self._ask("GET", _path(name), token, name))

    async def change(self, token: str, name: str, change: dict[str, Any]) -> dict[str, Any]:
        """Change an account and return it as it is then."""
        return dict(await self._ask("PATCH", _path(name), token, name, change))

    async def delete(self, token: str, name: str) -> None:
        """Delete an account, and the user of the hub if it was ever used."""
        known = (await self.account(token, name))["known"]
        await self._ask("DELETE", f"users/{quote(name, safe='')}" if known else _path(name), token, name)

    async def _ask(self, verb: str, path: str, token: str, name: str = "", body: Any = None) -> Any:
        self.asked.append(new_id())
        request = HTTPRequest(
            f"{self._url}/{path}",
            verb,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "X-Request-Id": self.asked[-1],
            },
            body=None if body is None else json.dumps(body),
            request_timeout=_SECONDS,
            follow_redirects=False,
        )
        try:
            answer = await self._client.fetch(request, raise_error=False)
        except OSError as err:
            raise Unavailable("The hub cannot be asked now.") from err
        if answer.code == 599:
            raise Unavailable("The hub cannot be asked now.")
        if answer.code >= 300:
            raise _error(answer.code, _message(answer.body), name)
        try:
            return json.loads(answer.body) if answer.body else {}
        except ValueError as err:
            raise UpstreamFailed("The hub's answer is no JSON.") from err


def _path(name: str) -> str:
    return f"nbcoach/accounts/{quote(name, safe='')}"


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])[:300]
    except (ValueError, KeyError, TypeError):
        return ""


def _error(status: int, message: str, name: str) -> Exception:
    if status == 400:
        return InvalidInput(message or "The hub refused the request.")
    if status in (401, 403):
        return NotAllowed(message or "The hub does not allow this.")
    if status == 404:
        return UnknownUser(name)
    if status == 409:
        return Conflict(message or "The hub refused the request.")
    if status in (502, 503, 504):
        return Unavailable("The hub cannot be asked now.")
    return UpstreamFailed("The hub could not do it; its log says why.")
