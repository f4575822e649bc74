"""The description of a service's API, served as it is, and compared with the routes it describes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib import resources
from typing import Any

from tornado.web import RequestHandler

from .handlers import Handler
from .scopes import declared, public, verbs

_GROUP = re.compile(r"\((?:[^()\\]|\\.)*\)")
_PARAMETER = re.compile(r"\{[^{}]*\}")


class OpenApiHandler(Handler):
    """Serve the service's OpenAPI document to anybody."""

    @public
    async def get(self) -> None:
        """Answer with the document."""
        self.reply(self.service.openapi)


def load(package: str) -> dict[str, Any]:
    """Return the document `openapi.json` of a package.

    Raises:
        FileNotFoundError: the package has none.

    """
    document: dict[str, Any] = json.loads((resources.files(package) / "openapi.json").read_text("utf-8"))
    return document


def disagreements(document: dict[str, Any], routes: Iterable[tuple[str, type[RequestHandler]]], base: str) -> list[str]:
    """Return where the document and the routes below `base` say different things; empty when they agree.

    Compared are paths, verbs, and for each verb `x-scopes` with the declared scopes. Pages are no part of an API.
    """
    written = {
        (_PARAMETER.sub("{}", path), verb): frozenset(operation.get("x-scopes", ()))
        for path, operations in document.get("paths", {}).items()
        for verb, operation in operations.items()
        if verb != "parameters"
    }
    served = {
        ("/" + _GROUP.sub("{}", pattern.removeprefix(base)).replace("\\", ""), verb): declared(handler, verb)
        for pattern, handler in routes
        for verb in verbs(handler)
        if getattr(handler, "described", True)
    }
    found = [f"not described: {verb} {path}" for path, verb in sorted(served.keys() - written.keys())]
    found += [f"not served: {verb} {path}" for path, verb in sorted(written.keys() - served.keys())]
    for path, verb in sorted(written.keys() & served.keys()):
        said, meant = written[path, verb], served[path, verb]
        if said != meant:
            found.append(f"scopes differ: {verb} {path}: written {sorted(said)}, declared {sorted(meant or ())}")
    return found
