"""Which of the hub's requests belong into the audit trail, and what it says of them.

An administrator can do at the hub itself, with its API and its admin page, what the accounts service does for him and
more. What somebody does to others, to groups or to the hub is noted; what he does with his own servers and tokens is
not, nor that the idle culler stops servers.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from tornado.web import HTTPError, RequestHandler

from ..service.handlers import request_id
from ..storage import AuditEntry

_VERBS = ("POST", "PUT", "PATCH", "DELETE")
_ROOTS = ("groups", "nbcoach", "proxy", "shutdown", "users")
_TOLD = ("admin", "learns", "name", "note", "standing", "teaches", "usernames", "users")
_LONGEST = 2000


def entry_of(handler: RequestHandler, base_url: str) -> AuditEntry | None:
    """Return the entry for a request that was answered, or None."""
    request, status = handler.request, handler.get_status()
    if request.method not in _VERBS or not (status < 400 or status == 403):
        return None
    given = getattr(handler, "audited", None)
    actor = _actor(handler)
    path = request.path.removeprefix(base_url)
    parts = [unquote(part) for part in path.removeprefix("api/").split("/") if part]
    if given is not None:
        action, subject = given
    elif actor and path.startswith("api/") and parts[:1] and parts[0] in _ROOTS:
        action, subject = f"hub.{str(request.method).lower()}", _subject(parts)
        if subject == actor or (_of_service(handler) and {"server", "servers"} & {*parts[2:3]}):
            return None
    else:
        return None
    detail = {} if given is not None else {"path": "/".join(parts)[:200], **_told(request.body)}
    outcome = "refused" if status == 403 else "done"
    return AuditEntry(
        actor=actor, action=action, subject=subject, outcome=outcome, request=request_id(request.headers), detail=detail
    )


def _of_service(handler: RequestHandler) -> bool:
    """Return whether a service asked, and no user."""
    return getattr(handler.current_user, "kind", "user") == "service"


def _actor(handler: RequestHandler) -> str:
    try:
        return str(getattr(handler.current_user, "name", None) or "")
    except (HTTPError, RuntimeError):  # nobody was looked up before the request was refused
        return ""


def _subject(parts: list[str]) -> str:
    if parts[0] == "users":
        return parts[1] if len(parts) > 1 else ""
    return parts[2] if parts[:2] == ["nbcoach", "accounts"] and len(parts) > 2 else ""


def _told(body: bytes) -> dict[str, Any]:
    """Return what a request asked for, without what could be a secret."""
    try:
        asked = json.loads(body[:_LONGEST] or b"{}")
    except ValueError:
        return {}
    return {name: asked[name] for name in _TOLD if name in asked} if isinstance(asked, dict) else {}
