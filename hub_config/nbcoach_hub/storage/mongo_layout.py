"""The layout of the MongoDB store: its indexes, made at each start, and named steps that change data.

There are no transactions, so a step must do no harm when it is repeated or run twice at once. It is
never edited after a release; a change is a new step at the end. The names of the steps a database
has had are kept in it, so a database from a newer nbcoach is recognised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from nbcoach_exercises.identifiers import now

from .errors import IncompatibleStore
from .tables import TABLES

STATES = "states"

Step = Callable[[AsyncDatabase[dict[str, Any]]], Awaitable[None]]


async def number_rows(_: AsyncDatabase[dict[str, Any]]) -> None:
    """Mark the first layout: rows with their number as `_id`, bodies as JSON text."""


STEPS: tuple[Step, ...] = (number_rows,)


async def bring_up_to_date(database: AsyncDatabase[dict[str, Any]], place: str) -> None:
    """Make the indexes and run the steps that a database has not had; idempotent.

    Raises:
        IncompatibleStore: the database has had steps that are not among these.

    """
    had = {document["_id"] async for document in database["migrations"].find()}
    unknown = sorted(had - {step.__name__ for step in STEPS})
    if unknown:
        raise IncompatibleStore(place, unknown)
    for table in TABLES:
        if table.ordered:
            await database[table.name].create_index("key", name="by_key", unique=True)
        for columns in table.indexes:
            keys = [*((column, 1) for column in columns), ("_id", 1)]
            await database[table.name].create_index(keys, name=f"by_{'_'.join(columns)}")
    for step in STEPS:
        if step.__name__ not in had:
            await step(database)
            record = {"_id": step.__name__, "at": now().isoformat()}
            await database["migrations"].replace_one({"_id": step.__name__}, record, upsert=True)
