"""One connection pool to MongoDB, and the patience with which what can be repeated is repeated.

Theory of operation: a server may be away for a while, because it restarts, another becomes primary,
or the network is cut. The driver retries once; this repeats until the server is back, for as long
as its patience, so callers see an outage only as time. What is passed to `patiently` must do no
harm when it is done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

from nbcoach_exercises.errors import TooLarge, Unavailable

PATIENCE = 60.0
"""Seconds for which an operation is repeated while the server is away."""

_PING_SECONDS = 2.0
_PAGE = 500
_PASSING = frozenset({6, 7, 64, 89, 91, 112, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436})
"""Codes of errors that pass by themselves: elections, shutdowns, lost connections, late replicas."""

_DEFAULTS: dict[str, Any] = {
    "appname": "nbcoach",
    "w": "majority",
    "wTimeoutMS": 10_000,
    "readConcernLevel": "majority",
    "retryWrites": True,
    "retryReads": True,
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 20_000,
    "waitQueueTimeoutMS": 10_000,
    "maxPoolSize": 32,
    "maxIdleTimeMS": 300_000,
}
"""What the client is told where the URL says nothing else."""

Document = dict[str, Any]
_Result = TypeVar("_Result")


class MongoLink:
    """A database and the calls to it.

    Args:
        url: `mongodb://` or `mongodb+srv://`; its path is the database, by default `nbcoach`, and
            its options go before ours.
        patience: seconds for which operations are repeated while the server is away.

    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        parts = urlsplit(url)
        self._url = url
        self._name = parts.path.strip("/") or "nbcoach"
        self.place = f"{parts.netloc.rpartition('@')[2]}/{self._name}"
        self._patience = patience
        self._client: AsyncMongoClient[Document] | None = None
        self._closing = False
        self._begun = 0
        self._idle = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Return whether there is a client, connected or not."""
        return self._client is not None

    @property
    def database(self) -> AsyncDatabase[Document]:
        """The database.

        Raises:
            Unavailable: the link is not open.

        """
        if self._client is None:
            raise Unavailable("The store is not open.")
        return self._client[self._name]

    def open(self) -> None:
        """Make the client, which connects when it is used."""
        given = {name.lower() for name, _ in parse_qsl(urlsplit(self._url).query, keep_blank_values=True)}
        options = {name: value for name, value in _DEFAULTS.items() if name.lower() not in given}
        self._client, self._closing = AsyncMongoClient(self._url, **options), False

    async def close(self) -> None:
        """Disconnect after the calls that have begun; those that wait for the server give up."""
        client = self._client
        if client is None:
            return
        self._closing = True
        while self._begun:
            self._idle.clear()
            await self._idle.wait()
        self._client = None
        await client.close()

    async def ping(self) -> None:
        """Ask the server for an answer.

        Raises:
            Unavailable: none came.

        """
        try:
            with pymongo.timeout(_PING_SECONDS):
                await self.database.command("ping")
        except PyMongoError as err:
            raise Unavailable(f"The store {self.place} does not answer ({type(err).__name__}).") from err

    async def patiently(self, work: Callable[[], Awaitable[_Result]]) -> _Result:
        """Do what can be repeated until it gets through.

        Raises:
            Unavailable: it did not within the patience, or it never will.

        """
        if self._client is None or self._closing:
            raise Unavailable("The store is not open.")
        self._begun += 1
        failed: Exception = TimeoutError()
        pause = 0.05
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    try:
                        return await work()
                    except DocumentTooLarge as err:
                        raise TooLarge("A record is larger than the 16 MiB that MongoDB takes.") from err
                    except PyMongoError as err:
                        failed = err
                        if self._closing or not _passes(err):
                            raise self.unavailable(err) from err
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, 1.0)
        except TimeoutError:
            raise self.unavailable(failed) from failed
        finally:
            self._begun -= 1
            if not self._begun:
                self._idle.set()

    def unavailable(self, err: Exception) -> Unavailable:
        """Return an error of the driver as one of ours, with no credentials in it."""
        code = getattr(err, "code", None)
        reason = type(err).__name__ + (f" {code}" if code else "")
        return Unavailable(f"The store {self.place} cannot be used now ({reason}).")


def _passes(err: PyMongoError) -> bool:
    """Return whether an error may be gone when the operation is repeated."""
    if isinstance(err, BulkWriteError):
        codes = {item.get("code") for item in err.details.get("writeErrors", [])}
        return codes <= _PASSING
    if isinstance(err, DuplicateKeyError):  # two upserts of one key: the second finds the first
        return True
    return isinstance(err, ConnectionFailure) or (isinstance(err, OperationFailure) and err.code in _PASSING)
