"""From a URL to a store."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
            for a disk that may lose power; or `mongodb://user:password@host/database`, as MongoDB
            describes it, with any of its options.
        keyring: what encrypts sensitive fields; by default the keys that the environment names.

    Raises:
        InvalidStoreUrl: the URL names no store.
        InvalidKeys: the environment names keys that cannot be used.

    """
    return Store(_backend(url), Keyring.from_environment() if keyring is None else keyring)


def url_from_environment(environ: Mapping[str, str] | None = None) -> str:
    """Return the URL of the store that NBCOACH_STORE_URL names, else MONGODB_URI; empty without both."""
    told = os.environ if environ is None else environ
    return told.get("NBCOACH_STORE_URL") or told.get("MONGODB_URI", "")


def _backend(url: str) -> Backend:
    try:
        parts = urlsplit(url)
    except ValueError as err:
        raise InvalidStoreUrl(url) from err
    if parts.scheme in ("mongodb", "mongodb+srv"):
        return _mongo(url)
    path = unquote(parts.path.removeprefix("/"))
    synchronous = parse_qs(parts.query).get("synchronous", ["normal"])[-1].lower()
    if parts.scheme != "sqlite" or parts.netloc or not path or synchronous not in ("normal", "full"):
        raise InvalidStoreUrl(url)
    return SqliteBackend(Path(path), synchronous=synchronous)


def _mongo(url: str) -> Backend:
    # Imported here, as the driver is a quarter of a service's start and most installations need none.
    from pymongo.errors import ConfigurationError, InvalidURI
    from pymongo.uri_parser import parse_uri

    from .mongo import MongoBackend

    try:
        if url.startswith("mongodb://"):  # the other scheme is resolved by DNS, which may be away for a while
            parse_uri(url, warn=False)
        return MongoBackend(url)
    except (InvalidURI, ConfigurationError, ValueError) as err:
        raise InvalidStoreUrl(url) from err
