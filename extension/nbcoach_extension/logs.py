"""One line of JSON for each request and frame, in the form of the services' logs.

The id is the browser's, and goes on to the services, so that one id is found in the logs of every part.
Never in a line: a token, a query, or anything of a notebook.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from nbcoach_exercises.identifiers import new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_request: ContextVar[str | None] = ContextVar("nbcoach_request", default=None)
_log = logging.getLogger("nbcoach_extension")


def begin(given: str | None) -> str:
    """Note the id of the request at hand, a new one where none was given that can be one, and return it."""
    request = given if given and _REQUEST_ID.fullmatch(given) else new_id()
    _request.set(request)
    return request


def onward() -> dict[str, str]:
    """Return the header that carries the id of the request at hand to a service."""
    request = _request.get()
    return {} if request is None else {"X-Request-Id": request}


def write(message: str, **fields: Any) -> None:
    """Write one line to standard error."""
    if not _log.handlers:
        _log.addHandler(logging.StreamHandler(sys.stderr))
        _log.setLevel(logging.INFO)
        _log.propagate = False
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"at": at, "level": "info", "service": "extension", "message": message, **fields}
    _log.info("%s", json.dumps(line, ensure_ascii=False, default=str))
