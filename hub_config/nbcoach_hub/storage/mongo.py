"""The backend for many machines: MongoDB, or a server that speaks its wire protocol.

Theory of operation. Only what every such server has is used: single documents, unique indexes,
compare-and-set. No transaction, no expiry, no partial index, no `$lookup`.

*Numbers.* A row of an ordered table is inserted under the number after the highest that this
process knows of, as its `_id`. If another process was faster, the unique `_id` refuses it, and it
is tried again one further on. So number n + 1 comes into being only after n is there: a reader
that follows the numbers can skip nothing, with any number of writers. That holds only while
numbers have no gaps, so a deleted row leaves a document behind with nothing but its number.

*Repeats.* A connection may be lost before or after the server has done what was asked. Every
operation can therefore be repeated: a unique key, or the old body or revision, tells whether it
was done, and `MongoLink` repeats it until it gets through.

*Durability.* Writes wait for a majority, and reads see only what a majority has, so nothing that
was acknowledged or seen is taken back when another server becomes primary.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bson import Int64
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError

from nbcoach_exercises.errors import Conflict

from .abc import MAX_ROWS, Backend
from .mongo_layout import STATES, bring_up_to_date
from .mongo_link import PATIENCE, Document, MongoLink
from .tables import TABLES, Row, Table

_PAGE = 500


class MongoBackend(Backend):
    """Keep everything in one MongoDB database.

    Args:
        url: `mongodb://` or `mongodb+srv://`; its path is the database, by default `nbcoach`, and
            its options go before ours.
        patience: seconds for which operations are repeated while the server is away.

    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        self._link = MongoLink(url, patience)
        self._highest: dict[str, int] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self) -> None:
        """Connect, and make collections and indexes."""
        if self._link.is_open:
            return
        self._link.open()
        try:
            await self._link.patiently(lambda: bring_up_to_date(self._link.database, self._link.place))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect after the calls that have begun; those that wait for the server give up."""
        await self._link.close()
        self._highest.clear()

    async def ping(self) -> None:
        """Ask the server for an answer."""
        await self._link.ping()

    async def insert(self, table: Table, row: Row) -> tuple[Row, bool]:
        """Insert a document under the next number, or find the one that has its key."""
        collection = self._collection(table)
        in_doubt = False  # whether an earlier insert ended without an answer

        async def work() -> tuple[Row, bool]:
            nonlocal in_doubt
            async with self._turns[table.name]:  # writers of one process need not race each other
                while True:
                    number = self._highest.get(table.name) or await self._read_highest(table)
                    numbered, repeated, in_doubt = replace(row, number=number + 1), in_doubt, True
                    try:
                        await collection.insert_one(_document(table, numbered))
                    except DuplicateKeyError:
                        in_doubt = repeated
                        kept = await collection.find_one({"key": row.key})
                        if kept is not None:
                            found = _row(table, kept)
                            return found, repeated and found.body == row.body
                        await asyncio.sleep(random.uniform(0, 0.01))  # noqa: S311 - so that two writers part
                        self._highest[table.name] = await self._read_highest(table)
                    else:
                        self._highest[table.name] = numbered.number
                        return numbered, True

        return await self._link.patiently(work)

    async def put(self, table: Table, row: Row) -> None:
        """Replace a document, or insert it."""
        collection = self._collection(table)

        async def work() -> None:
            await collection.replace_one({"_id": row.key}, _document(table, row), upsert=True)

        await self._link.patiently(work)

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
        """Find documents."""
        most = max(0, min(limit, MAX_ROWS))
        if most == 0:
            return []
        between: Document = {"$gt": Int64(max(after, 0))} if after > 0 else {}
        if before is not None:
            between["$lt"] = Int64(before)
        condition = _equal(table, where) | ({"_id": between} if between else {})
        found = self._collection(table).find(condition).sort("_id", -1 if newest else 1).limit(most)
        return [_row(table, document) for document in await self._link.patiently(lambda: found.clone().to_list())]

    async def latest(self, table: Table, where: Mapping[str, str], by: Sequence[str]) -> list[Row]:
        """Find the highest number of each group, and the documents of these numbers."""
        collection = self._collection(table)
        condition, columns = _equal(table, where), dict.fromkeys(("_id", *by), 1)

        async def work() -> list[Document]:
            newest: dict[tuple[Any, ...], int] = {}
            async for document in collection.find(condition, columns).sort("_id", 1):
                newest[tuple(document[name] for name in by)] = document["_id"]
            return await collection.find({"_id": {"$in": list(newest.values())}}).sort("_id", 1).to_list()

        return [_row(table, document) for document in await self._link.patiently(work)]

    async def swap(self, table: Table, old: Row, new: Row) -> bool:
        """Update a document whose body is the old one."""
        collection, key = self._collection(table), _equal(table, {"key": old.key})
        in_doubt = False

        async def work() -> bool:
            nonlocal in_doubt
            repeated, in_doubt = in_doubt, True
            done = await collection.update_one(
                {**key, "body": {"$eq": old.body}}, {"$set": {**new.columns, "body": new.body}}
            )
            if done.matched_count or not repeated:
                return done.matched_count > 0
            kept = await collection.find_one(key)
            return kept is not None and kept["body"] == new.body

        return await self._link.patiently(work)

    async def delete(self, table: Table, where: Mapping[str, str]) -> int:
        """Delete documents; of those with a number the number stays, and nothing else."""
        collection, condition = self._collection(table), _equal(table, where)
        empty = dict.fromkeys((*table.columns, "body"), "")
        gone: set[Any] = set()

        async def work() -> None:
            while True:
                found = await collection.find(condition, {"_id": 1}).limit(_PAGE).to_list()
                ids = [document["_id"] for document in found]
                if not ids:
                    return
                gone.update(ids)
                if table.ordered:
                    await collection.bulk_write(
                        [UpdateOne({"_id": n}, {"$set": {"key": _nobody(n)}, "$unset": empty}) for n in ids]
                    )
                else:
                    await collection.delete_many({"_id": {"$in": ids}})

        await self._link.patiently(work)
        return len(gone)

    async def get_state(self, name: str) -> tuple[int, bytes] | None:
        """Find a state."""
        states = self._states()
        found = await self._link.patiently(lambda: states.find_one({"_id": name}))
        return None if found is None else (found["revision"], bytes(found["data"]))

    async def put_state(self, name: str, data: bytes, revision: int) -> int:
        """Insert a state, or update the one that has the revision."""
        states = self._states()
        in_doubt = False

        async def work() -> int:
            nonlocal in_doubt
            repeated, in_doubt = in_doubt, True
            if revision == 0:
                try:
                    await states.insert_one({"_id": name, "revision": 1, "data": data})
                except DuplicateKeyError:
                    done = False
                else:
                    done = True
            else:
                update = {"$set": {"data": data, "revision": revision + 1}}
                done = (await states.update_one({"_id": name, "revision": revision}, update)).matched_count > 0
            if not done and repeated:
                kept = await states.find_one({"_id": name})
                done = kept is not None and (kept["revision"], bytes(kept["data"])) == (revision + 1, data)
            if not done:
                raise Conflict(f"The state {name!r} was changed by somebody else.", name=name, revision=revision)
            return revision + 1

        return await self._link.patiently(work)

    async def scrub(self) -> None:
        """Do nothing: the server's files are the server's."""

    async def dump(self) -> AsyncIterator[tuple[str, Row]]:
        """Yield all rows, each table in rising order up to what is there when it is reached."""
        for table in TABLES:
            last: Any = None
            number = 0
            while page := await self._page(self._collection(table), last):
                last = page[-1]["_id"]
                for document in page:
                    if "body" in document:
                        row = _row(table, document)
                        number = row.number
                        yield table.name, row
            if table.ordered and last is not None and last > number:
                yield table.name, Row("", "", number=last)
        last = None
        while page := await self._page(self._states(), last):
            last = page[-1]["_id"]
            for document in page:
                data = base64.b64encode(document["data"]).decode()
                yield STATES, Row(document["_id"], data, number=document["revision"])

    async def load(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Insert documents with their numbers."""
        by_table: defaultdict[str, list[Document]] = defaultdict(list)
        tables = {table.name: table for table in TABLES}
        for name, row in rows:
            if name == STATES:
                document = {"_id": row.key, "revision": row.number, "data": base64.b64decode(row.body)}
            elif row.key:
                document = _document(tables[name], row)
            else:
                document = {"_id": Int64(row.number), "key": _nobody(row.number)}
            by_table[name].append(document)
        self._highest.clear()
        try:
            for name, documents in by_table.items():
                await self._link.database[name].insert_many(documents)
        except BulkWriteError as err:
            raise Conflict("The store already holds one of the rows.") from err
        except PyMongoError as err:
            raise self._link.unavailable(err) from err

    def _collection(self, table: Table) -> AsyncCollection[Document]:
        return self._link.database[table.name]

    def _states(self) -> AsyncCollection[Document]:
        return self._link.database[STATES]

    async def _read_highest(self, table: Table) -> int:
        found = await self._collection(table).find({}, {"_id": 1}).sort("_id", -1).limit(1).to_list()
        return found[0]["_id"] if found else 0

    async def _page(self, collection: AsyncCollection[Document], after: Any) -> list[Document]:
        condition = {} if after is None else {"_id": {"$gt": after}}
        return await self._link.patiently(lambda: collection.find(condition).sort("_id", 1).limit(_PAGE).to_list())


def _nobody(number: int) -> str:
    return f"erased {number}"


def _document(table: Table, row: Row) -> Document:
    fields: Document = {**row.columns, "body": row.body}
    return {"_id": Int64(row.number), "key": row.key, **fields} if table.ordered else {"_id": row.key, **fields}


def _row(table: Table, document: Document) -> Row:
    columns = {name: document[name] for name in table.columns}
    key = document["key"] if table.ordered else document["_id"]
    return Row(key, document["body"], columns, int(document["_id"]) if table.ordered else 0)


def _equal(table: Table, where: Mapping[str, str]) -> Document:
    """Return a condition whose values are only ever values; with none it matches what was not deleted."""
    named = {("_id" if name == "key" and not table.ordered else name): value for name, value in where.items()}
    return {name: {"$eq": value} for name, value in named.items()} or {"body": {"$exists": True}}
