"""The embedded backend: one SQLite file, shared by the services of one machine.

Theory of operation: each process has one connection, used on one thread only, so statements
never interleave inside a transaction; between processes SQLite's own write lock does the same
(`BEGIN IMMEDIATE`, waiting up to ten seconds). Readers never wait in WAL mode. As only the holder
of the write lock gives out numbers, they become visible in rising order. A dump reads on a
connection of its own inside one transaction, so it sees one moment while others write.

`synchronous=NORMAL` is the default: in WAL mode a commit survives the death of the process, and
the file stays sound after a power cut, which may cost the commits since the last checkpoint.
`FULL` closes that gap for one disk flush per commit; it is an option of the URL.

Names of tables and columns in statements come from `tables`, values never do.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from nbcoach_exercises.errors import Conflict, Unavailable

from .abc import MAX_ROWS, Backend
from .errors import IncompatibleStore
from .migrations import migrate
from .tables import TABLES, Row, Table

_BUSY_SECONDS = 10.0
_PAGE = 500
_Result = TypeVar("_Result")


class SqliteBackend(Backend):
    """Keep everything in one SQLite file."""

    def __init__(self, path: Path, *, synchronous: str = "normal") -> None:
        self._path = path
        self._synchronous = {"normal": "NORMAL", "full": "FULL"}[synchronous]
        self._thread: ThreadPoolExecutor | None = None
        self._db: sqlite3.Connection | None = None

    async def start(self) -> None:
        """Open the file, which is created readable for its owner only, and migrate it."""
        if self._thread is not None:
            return
        thread = ThreadPoolExecutor(1, thread_name_prefix="nbcoach-store")
        try:
            self._db = await asyncio.get_running_loop().run_in_executor(thread, self._connect)
        except IncompatibleStore:
            raise
        except (sqlite3.Error, OSError) as err:
            raise Unavailable(f"The store {self._path} cannot be opened: {err}") from err
        finally:
            if self._db is None:
                thread.shutdown(wait=False)
        self._thread = thread

    async def close(self) -> None:
        """Close the file after the calls that have begun."""
        thread, self._thread = self._thread, None
        db, self._db = self._db, None
        if thread is not None and db is not None:
            await asyncio.get_running_loop().run_in_executor(thread, db.close)
            thread.shutdown(wait=True)

    async def ping(self) -> None:
        """Read one row."""
        await self._call(lambda db: db.execute("SELECT name FROM migrations LIMIT 1").fetchone())

    async def insert(self, table: Table, row: Row) -> tuple[Row, bool]:
        """Insert a row, or find the one that has its key."""
        names = ("key", *table.columns, "body")
        statement = (
            f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({_marks(names)})"  # noqa: S608
            " ON CONFLICT (key) DO NOTHING RETURNING number"
        )

        def work(db: sqlite3.Connection) -> tuple[Row, bool]:
            found = db.execute(statement, _values(table, row)).fetchone()
            if found is not None:
                return replace(row, number=found[0]), True
            return _selected(db, table, " WHERE key = ?", (row.key,))[0], False

        return await self._write(work)

    async def put(self, table: Table, row: Row) -> None:
        """Insert or replace a row."""
        names = ("key", *table.columns, "body")
        statement = f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) VALUES ({_marks(names)})"  # noqa: S608
        await self._write(lambda db: db.execute(statement, _values(table, row)))

    async def find(
        self,
        table: Table,
        where: Mapping[str, str],
        *,
        after: int = 0,
        before: int | None = None,
        newest: bool = False,
        limit: int = MAX_ROWS,
    ) -> list[Row]:
        """Select rows."""
        conditions, values = _equal(where)
        if after > 0:
            conditions.append("number > ?")
            values.append(after)
        if before is not None:
            conditions.append("number < ?")
            values.append(before)
        order = f" ORDER BY {'number' if table.ordered else 'key'}{' DESC' if newest else ''} LIMIT ?"
        values.append(max(0, min(limit, MAX_ROWS)))
        return await self._call(lambda db: _selected(db, table, _where(conditions) + order, values))

    async def latest(self, table: Table, where: Mapping[str, str], by: Sequence[str]) -> list[Row]:
        """Select the highest number of each group, and the rows of these numbers."""
        conditions, values = _equal(where)
        numbers = f"SELECT max(number) FROM {table.name}{_where(conditions)} GROUP BY {', '.join(by)}"  # noqa: S608
        return await self._call(
            lambda db: _selected(db, table, f" WHERE number IN ({numbers}) ORDER BY number", values)
        )

    async def swap(self, table: Table, old: Row, new: Row) -> bool:
        """Update a row whose body is the old one."""
        names = (*table.columns, "body")
        statement = f"UPDATE {table.name} SET {', '.join(f'{n} = ?' for n in names)} WHERE key = ? AND body = ?"  # noqa: S608
        values = (*_values(table, new)[1:], old.key, old.body)
        return await self._write(lambda db: db.execute(statement, values).rowcount > 0)

    async def delete(self, table: Table, where: Mapping[str, str]) -> int:
        """Delete rows; `secure_delete` overwrites them."""
        conditions, values = _equal(where)
        statement = f"DELETE FROM {table.name}{_where(conditions)}"  # noqa: S608
        return await self._write(lambda db: db.execute(statement, values).rowcount)

    async def get_state(self, name: str) -> tuple[int, bytes] | None:
        """Select a state."""
        found = await self._call(
            lambda db: db.execute("SELECT revision, data FROM state WHERE name = ?", (name,)).fetchone()
        )
        return None if found is None else (found[0], bytes(found[1]))

    async def put_state(self, name: str, data: bytes, revision: int) -> int:
        """Insert a state, or update the one that has the revision."""

        def work(db: sqlite3.Connection) -> int:
            if revision == 0:
                done = db.execute(
                    "INSERT INTO state (name, revision, data) VALUES (?, 1, ?) ON CONFLICT (name) DO NOTHING",
                    (name, data),
                )
            else:
                done = db.execute(
                    "UPDATE state SET revision = revision + 1, data = ? WHERE name = ? AND revision = ?",
                    (data, name, revision),
                )
            if done.rowcount != 1:
                raise Conflict(f"The state {name!r} was changed by somebody else.", name=name, revision=revision)
            return revision + 1

        return await self._write(work)

    async def scrub(self) -> None:
        """Empty the write-ahead log, which still holds the old pages; another reader may delay that."""
        with suppress(Unavailable):
            await self._call(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())

    async def dump(self) -> AsyncIterator[tuple[str, Row]]:
        """Yield all rows as of one moment."""
        if self._db is None:
            raise Unavailable("The store is not open.")
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="nbcoach-dump") as thread:
            db = await loop.run_in_executor(thread, sqlite3.connect, self._path)
            try:
                rows = await loop.run_in_executor(thread, _all_rows, db)
                while page := await loop.run_in_executor(thread, lambda: list(islice(rows, _PAGE))):
                    for item in page:
                        yield item
            except sqlite3.Error as err:
                raise Unavailable(f"The store cannot be read now ({type(err).__name__}).") from err
            finally:
                await loop.run_in_executor(thread, db.close)

    async def load(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Insert rows with their numbers in one transaction."""

        def work(db: sqlite3.Connection) -> None:
            try:
                for name, row in rows:
                    _load(db, name, row)
            except sqlite3.IntegrityError as err:
                raise Conflict("The store already holds one of the rows.") from err

        await self._write(work)

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=True)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {self._synchronous}")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")
            migrate(db, str(self._path))
        except BaseException:
            db.close()
            raise
        return db

    async def _write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        def transaction(db: sqlite3.Connection) -> _Result:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return result

        return await self._call(transaction)

    async def _call(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        thread, db = self._thread, self._db
        if thread is None or db is None:
            raise Unavailable("The store is not open.")
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work, db)
        except sqlite3.Error as err:
            raise Unavailable(f"The store cannot be used now ({type(err).__name__}).") from err


def _marks(names: Sequence[str]) -> str:
    return ", ".join("?" for _ in names)


def _values(table: Table, row: Row) -> tuple[str | None, ...]:
    return (row.key, *(row.columns[name] for name in table.columns), row.body)


def _equal(where: Mapping[str, str]) -> tuple[list[str], list[Any]]:
    return [f"{name} = ?" for name in where], list(where.values())


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _selected(db: sqlite3.Connection, table: Table, rest: str, values: Sequence[Any]) -> list[Row]:
    return list(_read(table, db.execute(_select(table) + rest, values)))


def _select(table: Table) -> str:
    names = ("number" if table.ordered else "0", "key", "body", *table.columns)
    return f"SELECT {', '.join(names)} FROM {table.name}"  # noqa: S608


def _read(table: Table, rows: Iterator[Any]) -> Iterator[Row]:
    for number, key, body, *columns in rows:
        yield Row(key, body, dict(zip(table.columns, columns, strict=True)), number)


def _all_rows(db: sqlite3.Connection) -> Iterator[tuple[str, Row]]:
    db.execute("BEGIN")
    given = dict(db.execute("SELECT name, seq FROM sqlite_sequence"))  # takes the snapshot
    return _rows_of_all(db, given)


def _rows_of_all(db: sqlite3.Connection, given: Mapping[str, int]) -> Iterator[tuple[str, Row]]:
    for table in TABLES:
        last = 0
        with closing(db.cursor()) as cursor:
            for row in _read(table, cursor.execute(f"{_select(table)} ORDER BY 1, key")):
                last = row.number
                yield table.name, row
        if given.get(table.name, 0) > last:
            yield table.name, Row("", "", number=given[table.name])
    for name, revision, data in db.execute("SELECT name, revision, data FROM state ORDER BY name"):
        yield "states", Row(name, base64.b64encode(data).decode(), number=revision)


def _load(db: sqlite3.Connection, name: str, row: Row) -> None:
    if name == "states":
        db.execute("INSERT INTO state VALUES (?, ?, ?)", (row.key, row.number, base64.b64decode(row.body)))
        return
    table = next(table for table in TABLES if table.name == name)
    if not row.key:
        db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, row.number))
        return
    names = ("key", *table.columns, "body", *(("number",) if table.ordered else ()))
    values = (*_values(table, row), *((row.number,) if table.ordered else ()))
    db.execute(f"INSERT INTO {name} ({', '.join(names)}) VALUES ({_marks(names)})", values)  # noqa: S608
