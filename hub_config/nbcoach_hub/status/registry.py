"""The hub's service list as the registry: which parts there are, and how each of them does.

Nothing is configured twice: a service that the hub knows with a URL is asked for its health under the
prefix that the hub routes to it. A part that does not answer is a finding, not a failure of ours.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from nbcoach_exercises.errors import Unavailable, UpstreamFailed

from ..service import logs

_PATIENCE = 6.0
_HUB_FIGURES = {"jupyterhub_running_servers": "running_servers"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the platform, as it was found.

    `state` is ok, failing (it answers, and says what is wrong), or away (no answer). `milliseconds` is what the
    answer took. `details` is what the part tells of itself.
    """

    name: str
    state: str
    version: str = ""
    uptime_seconds: int | None = None
    milliseconds: float
    problems: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self) | {"problems": list(self.problems)}


class Registry:
    """Ask the hub which services there are, and each of them how it does.

    Args:
        api_url: the hub's API.
        token: a token that may list services, reach them, and read metrics.

    """

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._token = token
        self._http = AsyncHTTPClient(force_instance=True)

    def close(self) -> None:
        """Give the connections up; idempotent."""
        self._http.close()

    async def services(self) -> dict[str, str]:
        """Return the URL, with prefix, of each service that has one.

        Raises:
            Unavailable: the hub does not answer.
            UpstreamFailed: it answers with something else.

        """
        listed = await self._json(f"{self._api_url}/services")
        try:
            return {
                str(name): str(told["url"]).rstrip("/") + str(told["prefix"])
                for name, told in sorted(listed.items())
                if told.get("url")
            }
        except (AttributeError, KeyError, TypeError) as err:
            raise UpstreamFailed("The hub's list of services is none.") from err

    async def look(self) -> list[Part]:
        """Return the hub and all of its services."""
        hub = asyncio.create_task(self._hub())
        try:
            services = await self.services()
        except (Unavailable, UpstreamFailed):
            return [await hub]
        return [await hub, *await asyncio.gather(*(self._service(*one) for one in services.items()))]

    async def _hub(self) -> Part:
        begun = time.monotonic()
        try:
            version = str((await self._json(f"{self._api_url}/")).get("version", ""))
            text = await self._get(self._api_url.removesuffix("/api") + "/metrics")
        except (Unavailable, UpstreamFailed) as err:
            return Part(name="hub", state="away", milliseconds=_since(begun), problems=(err.message,))
        families = {family.name: family for family in text_string_to_metric_families(text)}
        figures = {
            shown: int(families[name].samples[0].value)
            for name, shown in _HUB_FIGURES.items()
            if name in families and families[name].samples
        }
        return Part(name="hub", state="ok", version=version, milliseconds=_since(begun), details=figures)

    async def _service(self, name: str, url: str) -> Part:
        begun = time.monotonic()
        try:
            told = await self._json(f"{url}health/details")
            return Part(
                name=name,
                state="ok" if told["status"] == "ok" else "failing",
                version=str(told["version"]),
                uptime_seconds=int(told["uptime_seconds"]),
                milliseconds=_since(begun),
                problems=tuple(f"{part}: {found}" for part, found in told["checks"].items() if found != "ok"),
                details=dict(told["details"]),
            )
        except (Unavailable, UpstreamFailed) as err:
            return Part(name=name, state="away", milliseconds=_since(begun), problems=(err.message,))
        except (AttributeError, KeyError, TypeError, ValueError):
            problem = "It answers with something else than its state."
            return Part(name=name, state="failing", milliseconds=_since(begun), problems=(problem,))

    async def _json(self, url: str) -> dict[str, Any]:
        try:
            body = json.loads(await self._get(url))
        except ValueError as err:
            raise UpstreamFailed("It answers with something that is no JSON.") from err
        if not isinstance(body, dict):
            raise UpstreamFailed("It answers with something that is no object.")
        return body

    async def _get(self, url: str) -> str:
        request = HTTPRequest(
            url,
            headers={"Authorization": f"token {self._token}", **logs.onward()},
            connect_timeout=2.0,
            request_timeout=_PATIENCE,
            follow_redirects=False,
        )
        try:
            return (await self._http.fetch(request)).body.decode("utf-8", "replace")
        except HTTPClientError as err:
            if err.code == 599:
                raise Unavailable("It does not answer in time.") from err
            raise UpstreamFailed(f"It answers {err.code}.") from err
        except OSError as err:
            raise Unavailable("It cannot be reached.") from err


def _since(begun: float) -> float:
    return round(1000 * (time.monotonic() - begun), 1)
