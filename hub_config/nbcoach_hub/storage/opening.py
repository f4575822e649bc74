"""From a URL to a store."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from .abc import Backend
from .errors import InvalidStoreUrl
from .keyring import Keyring
from .sqlite import SqliteBackend
from .store import Store


def open_store(url: str, keyring: Keyring | None = None) -> Store:
    """Return the store that a URL names; it still has to be started.

    Args:
        url: `sqlite:///relative/path` or `sqlite:////absolute/path`, with `?synchronous=full`
            for a disk that may lose power.
        keyring: what encrypts sensitive fields; by default the keys that the environment names.

    Raises:
        InvalidStoreUrl: the URL names no store.
        InvalidKeys: the environment names keys that cannot be used.

    """
    return Store(_backend(url), Keyring.from_environment() if keyring is None else keyring)


def _backend(url: str) -> Backend:
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    synchronous = parse_qs(parts.query).get("synchronous", ["normal"])[-1].lower()
    if parts.scheme != "sqlite" or parts.netloc or not path or synchronous not in ("normal", "full"):
        raise InvalidStoreUrl(url)
    return SqliteBackend(Path(path), synchronous=synchronous)
