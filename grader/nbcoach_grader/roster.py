"""The roster: who learns a course, as the hub's groups say."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError

from nbcoach_exercises.errors import Unavailable, UpstreamFailed
from nbcoach_hub.access import LEARNERS

_SECONDS = 10.0


class Roster:
    """Ask the hub for the members of a course's group.

    Args:
        hub_api_url: the hub's API.
        token: returns this service's own token, which needs the scope `read:groups`.

    """

    def __init__(self, hub_api_url: str, token: Callable[[], str]) -> None:
        self._url = hub_api_url.rstrip("/")
        self._token = token

    async def learners(self, course: str) -> list[str]:
        """Return the learners of a course, none where the hub has no such group.

        Raises:
            Unavailable: the hub does not answer.
            UpstreamFailed: the hub refuses or answers nonsense.

        """
        request = HTTPRequest(
            f"{self._url}/groups/{quote(LEARNERS + course, safe='')}",
            headers={"Authorization": f"token {self._token()}"},
            request_timeout=_SECONDS,
        )
        try:
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        except (HTTPStreamClosedError, HTTPTimeoutError, HTTPClientError, OSError) as err:
            raise Unavailable("The hub cannot be asked who learns a course now.") from err
        if answer.code == 404:
            return []
        try:
            found = json.loads(answer.body)["users"] if answer.code == 200 else None
        except (ValueError, TypeError, KeyError):
            found = None
        if not isinstance(found, list):
            raise UpstreamFailed(f"The hub did not tell who learns a course ({answer.code}).")
        return [name for name in found if isinstance(name, str)]
