"""Scopes as declarations on verbs: what may call a method is written on the method, nowhere else.

A verb without a declaration is refused at every call, and `undeclared` finds it before the
service starts. Paths are never looked at.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from tornado.web import RequestHandler

from nbcoach_exercises.errors import NotAllowed

from ..access import ACCOUNT, ADMIN, DATA, LEARN, LOG, METRICS, TEACH

__all__ = [
    "ACCOUNT",
    "ADMIN",
    "DATA",
    "LEARN",
    "LOG",
    "METRICS",
    "TEACH",
    "declared",
    "public",
    "scoped",
    "undeclared",
    "verbs",
]

_MARK = "__nbcoach_scopes__"
_Verb = TypeVar("_Verb", bound=Callable[..., Any])


def scoped(*scopes: str) -> Callable[[_Verb], _Verb]:
    """Declare the scopes of a verb; any one of them suffices.

    The verb also refuses by itself when it is reached without a check, for example because a
    subclass replaced `prepare`.

    Raises:
        TypeError: no scope is named; `public` is how to say that on purpose.

    """
    if not scopes or not all(isinstance(scope, str) for scope in scopes):
        raise TypeError("scoped() needs the names of one or more scopes, for example @scoped(LEARN).")

    def declare(method: _Verb) -> _Verb:
        @functools.wraps(method)
        def verb(self: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(self, "cleared", None) is None:
                raise NotAllowed("The request was not checked.")
            return method(self, *args, **kwargs)

        setattr(verb, _MARK, frozenset(scopes))
        return cast(_Verb, verb)

    return declare


def public(method: _Verb) -> _Verb:
    """Declare that anybody may call a verb; only for health and the API's description."""
    setattr(method, _MARK, frozenset())
    return method


def declared(handler: type[RequestHandler] | RequestHandler, verb: str) -> frozenset[str] | None:
    """Return the scopes of a verb, empty for a public one, None for an undeclared one."""
    found = getattr(getattr(handler, verb.lower(), None), _MARK, None)
    return found if isinstance(found, frozenset) else None


def verbs(handler: type[RequestHandler]) -> list[str]:
    """Return the verbs that a handler implements, in lower case."""
    missing = RequestHandler._unimplemented_method
    return [
        verb.lower() for verb in handler.SUPPORTED_METHODS if getattr(handler, verb.lower(), missing) is not missing
    ]


def undeclared(handler: type[RequestHandler]) -> list[str]:
    """Return the verbs that a handler implements without saying who may call them."""
    return [verb for verb in verbs(handler) if declared(handler, verb) is None]
