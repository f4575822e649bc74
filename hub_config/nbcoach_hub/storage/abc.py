"""The contract of a backend: where a store keeps its rows.

`tests/contract/test_store.py` holds every backend to it, through `Store`.

Order: numbers of an ordered table rise in the order in which its rows become visible, so a reader
that keeps the last number it saw misses nothing and sees nothing twice. They need not be dense and
are never reused.
Durability: what a method has returned survives `kill -9` of this process.
Repeats: every write has a key under which a repeat is harmless.
Errors: `Unavailable` when the backend cannot be reached or is not started, `Conflict` as noted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence

from .tables import Row, Table

MAX_ROWS = 10_000
"""The most rows that one call returns."""


class Backend(ABC):
    """Keep rows in tables, and named states."""

    @abstractmethod
    async def start(self) -> None:
        """Open the backend and bring its layout up to date; idempotent.

        Raises:
            IncompatibleStore: the data was written by a newer nbcoach.
            Unavailable: the backend cannot be reached.

        """

    @abstractmethod
    async def close(self) -> None:
        """Close the backend once all begun calls are done; idempotent."""

    @abstractmethod
    async def ping(self) -> None:
        """Return if the backend answers now, without waiting for one that is away.

        Raises:
            Unavailable: it does not.

        """

    @abstractmethod
    async def insert(self, table: Table, row: Row) -> tuple[Row, bool]:
        """Keep a row of an ordered table; return it with its number, and True.

        For a key that is there, return the row that is there, unchanged, and False.
        """

    @abstractmethod
    async def put(self, table: Table, row: Row) -> None:
        """Write a row of a table without order, in place of one with the same key."""

    @abstractmethod
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
        """Return up to `limit` rows whose columns, or `key`, have the given values, in rising order.

        Args:
            table: where to look.
            where: what has to be equal; everything matches nothing given.
            after: only rows with a number above, in an ordered table.
            before: only rows with a number below, in an ordered table.
            newest: take the last rows instead of the first, in falling order.
            limit: at most `MAX_ROWS` are returned.

        """

    @abstractmethod
    async def latest(self, table: Table, where: Mapping[str, str], by: Sequence[str]) -> list[Row]:
        """Return the row with the highest number for each combination of the columns `by`, in rising order."""

    @abstractmethod
    async def swap(self, table: Table, old: Row, new: Row) -> bool:
        """Replace columns and body of a row if its body is still the old one, and return whether it was."""

    @abstractmethod
    async def delete(self, table: Table, where: Mapping[str, str]) -> int:
        """Delete rows for good, and return how many."""

    @abstractmethod
    async def get_state(self, name: str) -> tuple[int, bytes] | None:
        """Return the revision and the data kept under a name, or None."""

    @abstractmethod
    async def put_state(self, name: str, data: bytes, revision: int) -> int:
        """Keep data under a name if its revision is still `revision` (0: none), and return the new one.

        Raises:
            Conflict: somebody else wrote in between.

        """

    @abstractmethod
    async def scrub(self) -> None:
        """Remove what a deletion may have left in files of this process's own."""

    @abstractmethod
    def dump(self) -> AsyncIterator[tuple[str, Row]]:
        """Yield every row with its table's name, table by table in the order of `TABLES`, then `states`.

        A state is a row whose number is its revision and whose body is base64. Where numbers were
        given out above those of the rows that are left, an ordered table ends with a row without
        a key. A row written while this runs is whole or absent, and earlier numbers come with it.
        """

    @abstractmethod
    async def load(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Write rows that `dump` yielded, with their numbers, into a backend that nobody else uses.

        Raises:
            Conflict: a row is there already.

        """
