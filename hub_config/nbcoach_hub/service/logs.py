"""Logs as JSON, one object a line, with the ids of the request they belong to.

A request keeps its id on its way through the parts: it comes in `X-Request-Id`, or as the id of a frame,
and goes on the same way (`onward`).

Never in a log: tokens, queries of URLs, learner source. The message of an unexpected exception
can hold any of them, so it is written only at level DEBUG; its type and place always are.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_bound: ContextVar[dict[str, Any]] = ContextVar("nbcoach_log_fields")
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
_QUIET = ("asyncio", "tornado.access", "tornado.general")


def bind(**fields: Any) -> None:
    """Add fields to every later log line of the request at hand."""
    _bound.set({**_bound.get({}), **fields})


def bound() -> dict[str, Any]:
    """Return the fields of the request at hand."""
    return dict(_bound.get({}))


def onward() -> dict[str, str]:
    """Return the header that carries the id of the request at hand to the next part."""
    request = bound().get("request")
    return {} if request is None else {"X-Request-Id": request}


def clear() -> None:
    """Forget the fields of an earlier request."""
    _bound.set({})


class JsonFormatter(logging.Formatter):
    """Format a record as one JSON object."""

    def __init__(self, service: str, verbose: bool = False) -> None:
        super().__init__()
        self._service = service
        self._verbose = verbose

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **bound(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self._exception(record.exc_info[0], record.exc_info[1], record.exc_info[2])
        return _ENCODER.encode(line)

    def _exception(self, kind: type[BaseException], error: BaseException | None, trace: Any) -> dict[str, Any]:
        frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-12:]]
        told = {"message": str(error)} if self._verbose else {}
        return {"type": f"{kind.__module__}.{kind.__qualname__}", **told, "frames": frames}


class PlainFormatter(JsonFormatter):
    """Format a record for a terminal, with the same care about what is written."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of text."""
        line = json.loads(super().format(record))
        shown = f"{line.pop('at')[11:19]} {line.pop('level'):7} {line.pop('service')}: {line.pop('message')}"
        line.pop("logger")
        return " ".join([shown, *(f"{name}={value}" for name, value in line.items())])


def configure(service: str, level: int, *, plain: bool = False) -> None:
    """Send all logs of this process to stderr, as JSON or as plain text."""
    verbose = level <= logging.DEBUG
    # No line tells of threads, processes or the place of the call, and looking them up costs more than the rest.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((PlainFormatter if plain else JsonFormatter)(service, verbose))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(level if verbose else max(level, logging.WARNING))
