"""Which of the hub's requests belong into the audit trail, and what it says of them.

An administrator can do at the hub itself, with its API and its admin page, what the accounts service does for him and
more. What somebody does to others, to groups or to the hub is noted; what he does with his own servers and tokens is
not, nor that the idle culler stops servers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from tornado.web import HTTPError, RequestHandler

from ..service.handlers import request_id
from ..storage import AuditEntry

_VERBS = ("POST", "PUT", "PATCH", "DELETE")
_ROOTS = ("groups", "nbcoach", "proxy", "shutdown", "users")
_TOLD = ("admin", "learns", "note", "standing", "teaches")
_NAMING = ("users", "usernames")
_LONGEST = 2**20


def entries_of(handler: RequestHandler, base_url: str) -> list[AuditEntry]:
    """Return the entries for a request that was answered: one for each user whom it was about, or one about nobody.

    A name stands in `subject` alone, or beside itself there: whoever erases a user finds it.
    """
    request, status = handler.request, handler.get_status()
    if request.method not in _VERBS or not (status < 400 or status == 403):
        return []
    given = getattr(handler, "audited", None)
    actor = _actor(handler)
    path = request.path.removeprefix(base_url)
    parts = [unquote(part) for part in path.removeprefix("api/").split("/") if part]
    detail: dict[str, Any] = {}
    if given is not None:
        action, subjects = given[0], [given[1]]
    elif actor and path.startswith("api/") and parts[:1] and parts[0] in _ROOTS:
        asked = _asked(request.body)
        action, subjects = f"hub.{str(request.method).lower()}", _subjects(parts, asked)
        if subjects == [actor] or (_of_service(handler) and {"server", "servers"} & {*parts[2:3]}):
            return []
        detail = {"path": "/".join(parts)[:200], **{name: asked[name] for name in _TOLD if name in asked}}
    else:
        return []
    outcome = "refused" if status == 403 else "done"
    common = {"actor": actor, "action": action, "outcome": outcome, "request": request_id(request.headers)}
    return [AuditEntry(**common, subject=subject, detail=detail) for subject in subjects]


def _of_service(handler: RequestHandler) -> bool:
    """Return whether a service asked, and no user."""
    return getattr(handler.current_user, "kind", "user") == "service"


def _actor(handler: RequestHandler) -> str:
    try:
        return str(getattr(handler.current_user, "name", None) or "")
    except (HTTPError, RuntimeError):  # nobody was looked up before the request was refused
        return ""


def _subjects(parts: list[str], asked: Mapping[str, Any]) -> list[str]:
    if parts[0] == "users" and len(parts) > 1:
        return [parts[1]]
    if parts[:2] == ["nbcoach", "accounts"] and len(parts) > 2:
        return [parts[2]]
    named = [name for key in _NAMING if isinstance(asked.get(key), list) for name in asked[key]]
    return [name for name in named if isinstance(name, str)] or [""]


def _asked(body: bytes) -> dict[str, Any]:
    """Return what a request asked for."""
    try:
        asked = json.loads(body[:_LONGEST] or b"{}")
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}
