"""Errors on their way out: one place that turns any exception into a status and a JSON body.

RuntimeError
└── ServiceMisconfigured    the service must not start as it is written or configured
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError

from nbcoach_exercises.errors import NbcoachError, TooMany, error_body, status_of

GONE = 499
"""Status in logs and metrics of a request whose client went away; nobody receives it."""


class ServiceMisconfigured(RuntimeError):
    """The service must not start as it is written or configured."""


def describe(error: BaseException | None, status: int, request: str) -> tuple[int, dict[str, Any]]:
    """Return the status and body that report an error, without internals of ours.

    Args:
        error: what escaped, if anything did.
        status: the status tornado chose.
        request: the id under which the log has more.

    """
    if isinstance(error, NbcoachError):
        return status_of(error), error_body(error)
    if isinstance(error, StreamClosedError | WebSocketClosedError):
        return GONE, {"code": "client-gone", "message": "The client did not wait.", "detail": {}}
    if isinstance(error, HTTPError):
        status = error.status_code
    if status >= 500 or status not in list(HTTPStatus):
        message = f"The service failed; its log has more under request {request}."
        return 500, {"code": "internal", "message": message, "detail": {"request": request}}
    phrase = HTTPStatus(status).phrase
    return status, {"code": phrase.lower().replace(" ", "-"), "message": f"{phrase}.", "detail": {}}


def retry_after(error: BaseException | None) -> str | None:
    """Return the `Retry-After` header of an error in whole seconds, if it has one."""
    return str(max(1, round(error.retry_after + 0.5))) if isinstance(error, TooMany) else None
