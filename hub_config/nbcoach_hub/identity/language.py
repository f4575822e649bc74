"""The reader's language on all pages of the hub: its own, and ours beside them.

JupyterHub renders every page with what `BaseHandler.template_namespace` has, and no setting of its own knows the
request; so that property is extended here, once, as soon as the hub loads how people log in. Templates find `_`, which
translates an English sentence, and `language`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from jupyterhub.handlers.base import BaseHandler

from ..service.words import Words, preferred

_theirs = BaseHandler.template_namespace.fget


def translation(handler: BaseHandler) -> Callable[..., str]:
    """Return a function from an English sentence to the language of who asks."""
    return _words().translate(_language(handler))


def _namespace(handler: BaseHandler) -> dict[str, Any]:
    return {**_theirs(handler), "_": translation(handler), "language": _language(handler)}


def _language(handler: BaseHandler) -> str:
    return preferred(handler.request.headers.get("Accept-Language", ""))


@cache
def _words() -> Words:
    return Words.of(["nbcoach_hub.identity"])


BaseHandler.template_namespace = property(_namespace)
