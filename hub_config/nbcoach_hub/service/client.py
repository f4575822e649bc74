"""How one service asks another: HTTP with its own token, errors in our own words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from nbcoach_exercises.errors import NotFound, Unavailable, UpstreamFailed

from . import logs

_CONNECT_SECONDS = 5.0
_PATIENCE_SECONDS = 10.0


class ServiceClient:
    """Ask a service as this one.

    Args:
        name: of the service, as errors tell it.
        url: the prefix of its paths.
        token: of this service, with the scopes that the other one asks for.

    """

    def __init__(self, name: str, url: str, token: str) -> None:
        self._name = name
        self._url = url.rstrip("/") + "/"
        self._token = token
        # A client of its own: the shared one is one for each event loop, and closing it would hit others.
        self._http = AsyncHTTPClient(force_instance=True)

    def close(self) -> None:
        """Give the connections up; idempotent."""
        self._http.close()

    async def get(
        self, path: str, *, patience: float = _PATIENCE_SECONDS, **query: int | float | str
    ) -> dict[str, Any]:
        """Return the JSON object at a path below the prefix.

        Args:
            path: for example `api/log`.
            patience: seconds to wait for the whole answer.
            query: arguments of the query.

        Raises:
            NotFound: the service has no such thing, or not for this one.
            UpstreamFailed: it answers with another error, or with something else than JSON.
            Unavailable: it does not answer, or says that it cannot now.

        """
        return self._object(path, await self._fetch(path, patience, query))

    async def get_changed(self, path: str, before: bytes) -> tuple[dict[str, Any] | None, bytes]:
        """Return the JSON object at a path with the digest of its text; None for it if the digest is as before.

        A big course takes a tenth of a second to be read from JSON, in which nobody is answered.

        Raises:
            NotFound: the service has no such thing, or not for this one.
            UpstreamFailed: it answers with another error, or with something else than JSON.
            Unavailable: it does not answer, or says that it cannot now.

        """
        text = await self._fetch(path, _PATIENCE_SECONDS, {})
        digest = hashlib.blake2b(text, digest_size=16).digest()
        return (None if digest == before else self._object(path, text)), digest

    async def _fetch(self, path: str, patience: float, query: Mapping[str, int | float | str]) -> bytes:
        request = HTTPRequest(
            self._url + path + ("?" + urlencode(query) if query else ""),
            headers={"Authorization": f"Bearer {self._token}", **logs.onward()},
            connect_timeout=_CONNECT_SECONDS,
            request_timeout=patience,
            follow_redirects=False,
        )
        try:
            return (await self._http.fetch(request)).body
        except HTTPClientError as err:
            if err.code == 404:
                raise NotFound(f"The {self._name} has no {path!r}.", path=path) from err
            if err.code == 599:
                raise Unavailable(f"The {self._name} does not answer in time.") from err
            if err.code == 503:
                raise Unavailable(f"The {self._name} is not ready.") from err
            raise UpstreamFailed(f"The {self._name} answered {err.code} to {path!r}.", status=err.code) from err
        except OSError as err:
            variable = f"NBCOACH_{self._name.upper()}_URL"
            raise Unavailable(f"The {self._name} cannot be reached; is {variable} right?") from err

    def _object(self, path: str, text: bytes) -> dict[str, Any]:
        try:
            body = json.loads(text)
        except ValueError as err:
            raise UpstreamFailed(f"The {self._name} answered {path!r} with something that is no JSON.") from err
        if not isinstance(body, dict):
            raise UpstreamFailed(f"The {self._name} answered {path!r} with something that is no object.")
        return body
