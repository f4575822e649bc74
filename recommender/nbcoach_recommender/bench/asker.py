"""Asks the service over HTTP on connections that are kept, as the hub's proxy does for the servers of learners.

It is written on bare sockets: on two cores that it shares with the service, a full HTTP client takes as much of them as
the service does, and then what is measured is the client.
"""

from __future__ import annotations

import asyncio
import re
import time

from nbcoach_exercises.errors import Unavailable

_START_SECONDS = 120.0
_PATIENCE = 20.0
_NO_ANSWER = 599
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)


class Asker:
    """Asks for one thing at a time, as the learner whose name is the token.

    Args:
        port: of the service at 127.0.0.1.
        path: where recommendations are.

    """

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = path
        self._idle: list[_Connection] = []

    async def ask(self, learner: str, seen: int = 0) -> int:
        """Ask as a learner and return the status; 599 when no answer came."""
        answer = await self._get(f"{self._path}?seen={seen}", learner)
        return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else _NO_ANSWER

    async def skipped(self, metrics: str) -> int:
        """Return how many entries of the log were not taken, by the service's metrics at a path."""
        answer = await self._get(metrics, "somebody")
        name = b"nbcoach_log_skipped_entries "
        return next((int(float(line[len(name) :])) for line in answer.splitlines() if line.startswith(name)), -1)

    async def until_ready(self) -> None:
        """Wait until the service answers.

        Raises:
            Unavailable: it does not in time.

        """
        end = time.monotonic() + _START_SECONDS
        while await self.ask("learner-0") != 200:
            if time.monotonic() > end:
                raise Unavailable("The recommender did not start.")
            await asyncio.sleep(0.05)

    def close(self) -> None:
        """Give the connections up."""
        for connection in self._idle:
            connection.close()

    async def _get(self, path: str, token: str) -> bytes:
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        try:
            async with asyncio.timeout(_PATIENCE):
                connection = self._idle.pop() if self._idle else await self._connected()
                answer = await connection.ask(request.encode())
        except (OSError, TimeoutError):
            return b""
        if not connection.lost:
            self._idle.append(connection)
        return answer

    async def _connected(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        return connection


class _Connection(asyncio.Protocol):
    """One connection, for one request after the other."""

    def __init__(self) -> None:
        self.lost = False
        self._read = bytearray()
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[bytes]

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """Send a request; its answer comes when it is whole, or as far as it came when the connection is lost."""
        self._read.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer, whose length its head tells."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and length is not None and len(body) >= int(length[1]):
            self._done()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give whoever waits what there is."""
        self.lost = True
        if hasattr(self, "_answer"):
            self._done()

    def _done(self) -> None:
        if not self._answer.done():
            self._answer.set_result(bytes(self._read))
