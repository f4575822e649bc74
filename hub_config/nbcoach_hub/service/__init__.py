"""The base of every nbcoach service: one process, token authentication by the hub, JSON over HTTP.

A service subclasses `Service`, lists its routes, and gives every verb of its handlers the scopes
that may use it with `scoped`. Whatever is not declared is refused, and a service that holds an
undeclared verb does not start.
"""

from __future__ import annotations

from .application import Service
from .auth import Identity
from .client import ServiceClient
from .errors import ServiceMisconfigured
from .handlers import Handler, LiveHandler
from .limits import Limits, TokenBucket
from .pages import PageHandler, page_routes
from .scopes import ACCOUNT, ADMIN, DATA, LEARN, LOG, METRICS, TEACH, public, scoped

__all__ = [
    "ACCOUNT",
    "ADMIN",
    "DATA",
    "LEARN",
    "LOG",
    "METRICS",
    "TEACH",
    "Handler",
    "Identity",
    "Limits",
    "LiveHandler",
    "PageHandler",
    "Service",
    "ServiceClient",
    "ServiceMisconfigured",
    "TokenBucket",
    "page_routes",
    "public",
    "scoped",
]
