"""From a URL to a store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from .abc import Store
from .errors import InvalidStoreUrl
from .sqlite import SqliteStore


def open_store(url: str) -> Store:
    """Return the store that a URL names; it still has to be started.

    Known are `sqlite:///relative/path` and `sqlite:////absolute/path`, with `?synchronous=full`
    for a disk that may lose power.

    Raises:
        InvalidStoreUrl: the URL names no store.

    """
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    synchronous = parse_qs(parts.query).get("synchronous", ["normal"])[-1].lower()
    if parts.scheme != "sqlite" or parts.netloc or not path or synchronous not in ("normal", "full"):
        raise InvalidStoreUrl(url)
    return SqliteStore(Path(path), synchronous=synchronous)
