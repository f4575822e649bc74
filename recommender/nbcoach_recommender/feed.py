"""Follow the attempt log of the grader by cursor.

Theory of operation: one task asks `GET api/log?after=<cursor>` with a long poll. It announces the
new entries, which may wait for what they need and fail as a whole, and then hands them over one by
one, moving the cursor with each; others have their turn between entries, never within one. An entry
at or below the cursor is dropped; so each entry has its effect exactly once, whatever happens to the
grader or the line between. The cursor lives beside the state that it belongs to, in memory and in the
state's file: a new process goes on from there, or replays the log from the start.

An entry that cannot be read or taken is skipped and counted. It would fail the next time as well,
and the learners behind it should not wait for a repair.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from nbcoach_exercises.errors import InvalidInput, NbcoachError, UpstreamFailed
from nbcoach_exercises.events import Logged, entry_from_json
from nbcoach_hub.service import ServiceClient

log = logging.getLogger(__name__)
_LIMIT = 500
_AT_ONCE = 10
"""Entries that are taken before those who wait for an answer have their turn: a few milliseconds."""
_MARGIN_SECONDS = 10.0

Announce = Callable[[list[Logged]], Awaitable[None]]
Take = Callable[[Logged], None]


class Follower:
    """Keep up with the log.

    Args:
        grader: where the log is.
        announce: gets each batch of new entries before they are taken; when it raises, the batch comes again.
        take: gets one entry at a time, in order.
        after: the cursor to begin after; what was taken up to it is known already.
        wait_seconds: how long one long poll may last; at most 30.
        retry_seconds: first pause after a failure; it doubles up to `retry_most`.

    """

    def __init__(
        self,
        grader: ServiceClient,
        announce: Announce,
        take: Take,
        *,
        after: int = 0,
        wait_seconds: float = 20.0,
        retry_seconds: float = 0.2,
        retry_most: float = 5.0,
    ) -> None:
        self.cursor = after
        self.skipped = 0
        self.caught_up = False
        self._grader = grader
        self._announce = announce
        self._take = take
        self._wait_seconds = wait_seconds
        self._retry_seconds = retry_seconds
        self._retry_most = retry_most
        self._task: asyncio.Task[None] | None = None
        self._failure: str | None = "it was not asked yet"
        self._heard = time.monotonic()
        self._moved = asyncio.Event()

    def start(self) -> None:
        """Begin to follow; idempotent."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow(), name="follow-log")

    async def stop(self) -> None:
        """End following; idempotent. The cursor stays."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    @property
    def silence(self) -> float:
        """Return the seconds since the log was last heard of."""
        return time.monotonic() - self._heard

    def state(self) -> str:
        """Return "ok", or in words why the follower does not know the present."""
        if self._task is None or self._task.done():
            return "the log is not followed"
        if self._failure is not None:
            return f"the grader's log cannot be read: {self._failure}"
        if self.silence > self._wait_seconds + 2 * _MARGIN_SECONDS:
            return "the grader's log is silent"
        return "ok" if self.caught_up else f"still reading the log, at cursor {self.cursor}"

    async def wait_for(self, cursor: int, timeout: float) -> bool:
        """Wait until the log is followed up to `cursor`; return whether it is.

        Args:
            cursor: a place in the log, for example from a `feedback` frame.
            timeout: seconds to wait at most.

        """
        end = time.monotonic() + timeout
        while self.cursor < cursor:
            moved = self._moved
            left = end - time.monotonic()
            if left <= 0:
                return False
            try:
                await asyncio.wait_for(moved.wait(), left)
            except TimeoutError:
                return self.cursor >= cursor
        return True

    async def _follow(self) -> None:
        pause = self._retry_seconds
        while True:
            try:
                await self._step()
            except NbcoachError as err:
                self._fail(err.message)
            except Exception:
                # A defect of ours must not end the task silently: it is logged, and readiness says so.
                log.exception("The log could not be followed.")
                self._fail("an internal failure; see the log")
            else:
                pause = self._retry_seconds
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._retry_most)

    async def _step(self) -> None:
        wait = self._wait_seconds if self.caught_up else 0
        body = await self._grader.get(
            "api/log", patience=wait + _MARGIN_SECONDS, after=self.cursor, limit=_LIMIT, wait=int(wait)
        )
        rows = _rows(body, self.cursor)
        entries = [entry for entry in map(self._read, rows) if entry is not None]
        if entries:
            await self._announce(entries)
        for number, entry in enumerate(entries, 1):
            self._hand_over(entry)
            if not number % _AT_ONCE:
                await asyncio.sleep(0)
        self.skipped += len(rows) - len(entries)
        self.caught_up = self.caught_up or not rows
        self._failure = None
        self._heard = time.monotonic()
        if rows:
            self.cursor = rows[-1][0]
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def _read(self, row: tuple[int, Any]) -> Logged | None:
        try:
            return Logged(row[0], entry_from_json(row[1]))
        except InvalidInput:
            log.warning("Entry %d of the log is not readable and was skipped.", row[0])
            return None

    def _hand_over(self, entry: Logged) -> None:
        self.cursor = entry.cursor
        try:
            self._take(entry)
        except Exception:
            self.skipped += 1
            log.exception("Entry %d of the log was skipped.", entry.cursor)

    def _fail(self, why: str) -> None:
        if self._failure != why:
            log.warning("The log cannot be followed: %s", why)
        self._failure = why


def _rows(body: dict[str, Any], after: int) -> list[tuple[int, Any]]:
    """Return the rows of an answer beyond a cursor, in rising order.

    Raises:
        UpstreamFailed: it is no answer of a log, or one that stands still.

    """
    entries = body.get("entries")
    if not isinstance(entries, list):
        raise UpstreamFailed("The grader's log has no entries.")
    found: list[tuple[int, Any]] = []
    for row in entries:
        cursor = row.get("cursor") if isinstance(row, dict) else None
        if not isinstance(cursor, int) or isinstance(cursor, bool):
            raise UpstreamFailed("An entry of the grader's log has no cursor.")
        if cursor > (found[-1][0] if found else after):
            found.append((cursor, row.get("entry")))
    if entries and not found:
        raise UpstreamFailed("The grader's log repeats itself.")
    return found
