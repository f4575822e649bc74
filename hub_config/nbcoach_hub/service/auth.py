"""Who is calling: the hub answers for every token, and the answer is kept for a short while.

Tokens come in the `Authorization` header only. A token in a URL ends up in logs, and a cookie
would need protection against forged requests; only pages, whose forms have it, take one (`pages`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from jupyterhub.services.auth import HubAuth, check_scopes
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError

from nbcoach_exercises.errors import NotAllowed, Unavailable, UpstreamFailed

from ..access import INSTRUCTORS, LEARN, LEARNERS, TEACH

_HEADER = re.compile(r"(?:token|bearer) +([A-Za-z0-9._~+/=-]{1,512})", re.IGNORECASE)
_MAX_CACHED = 10_000


@dataclass(frozen=True)
class Identity:
    """A caller whose token the hub knows."""

    name: str
    kind: Literal["user", "service"]
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    admin: bool = False

    def holds(self, *scopes: str) -> bool:
        """Return whether the caller's token carries one of the scopes."""
        return _meet(frozenset(scopes), self.scopes)

    def courses_learnt(self) -> frozenset[str]:
        """Return the courses that the caller may learn with this token."""
        return self._courses(LEARNERS) if self.holds(LEARN) else frozenset()

    def courses_taught(self) -> frozenset[str]:
        """Return the courses that the caller may teach with this token."""
        return self._courses(INSTRUCTORS) if self.holds(TEACH) else frozenset()

    def _courses(self, prefix: str) -> frozenset[str]:
        return frozenset(group.removeprefix(prefix) for group in self.groups if group.startswith(prefix)) - {""}


def token_of(headers: HTTPHeaders) -> str:
    """Return the token of a request.

    Raises:
        NotAllowed: there is none in the `Authorization` header.

    """
    found = _HEADER.fullmatch(headers.get("Authorization", "").strip())
    if found is None:
        raise NotAllowed("A token is needed: send the header 'Authorization: Bearer <token>'.")
    return found.group(1)


class Authenticator:
    """Ask the hub for the owner of a token."""

    def __init__(self, hub: HubAuth, service: str) -> None:
        self._hub = hub
        self._access = f"access:services!service={service}"

    async def identify(self, token: str, *, fresh: bool = False) -> Identity:
        """Return the owner of a token that may reach this service.

        Args:
            token: the secret itself; it is never logged or kept, only its hash.
            fresh: ask the hub even when an earlier answer is still kept.

        Raises:
            NotAllowed: unknown token, or one without access to this service.
            Unavailable: the hub does not answer.
            UpstreamFailed: the hub answers wrongly.

        """
        if len(self._hub.cache) > _MAX_CACHED:
            self._hub.cache.clear()
        try:
            model = await self._hub.user_for_token(token, use_cache=not fresh, sync=False)
        except HTTPError as err:
            if err.status_code == 502:
                raise UpstreamFailed("The hub could not verify the token.") from err
            raise Unavailable("The hub cannot be asked about the token now.") from err
        return self.admit(model)

    def admit(self, model: Any) -> Identity:
        """Return who the hub's answer is about.

        Raises:
            NotAllowed: nobody, or somebody without access to this service.

        """
        identity = _read(model)
        if identity is None or not identity.holds(self._access):
            raise NotAllowed("The token is unknown, or does not give access to this service.")
        return identity


@lru_cache(maxsize=4096)
def _meet(wanted: frozenset[str], held: frozenset[str]) -> bool:
    """Return what the hub's rules say of scopes; they take a while, and few sets of scopes are ever held."""
    return bool(check_scopes(set(wanted), set(held)))


def _read(model: Any) -> Identity | None:
    if not isinstance(model, dict) or not isinstance(model.get("name"), str):
        return None
    return Identity(
        name=model["name"],
        kind="service" if model.get("kind") == "service" else "user",
        groups=frozenset(model.get("groups") or ()),
        scopes=frozenset(model.get("scopes") or ()),
        admin=model.get("admin") is True,
    )
