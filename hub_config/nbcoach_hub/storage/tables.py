"""The tables of a store, and the rows that its backends keep: a key, columns to find by, and a body.

A backend knows nothing of what a body means. Bodies are JSON, the same text in every backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """A kind of row.

    Attributes:
        name: the table's or collection's name.
        columns: what rows can be found by, besides their key.
        indexes: columns that are looked for together, in this order.
        ordered: whether rows are numbered in the order of their arrival; such rows are never
            written again as a whole. Rows of other tables are ordered by their key.

    """

    name: str
    columns: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    ordered: bool = False


@dataclass(frozen=True)
class Row:
    """One row; `number` is its place in an ordered table, and 0 where there is no order or none yet."""

    key: str
    body: str
    columns: Mapping[str, str | None] = field(default_factory=dict)
    number: int = 0


LOG = Table(
    "log",
    ("type", "learner", "course", "exercise", "cell"),
    (("learner", "course", "exercise", "cell"),),
    ordered=True,
)
PROFILES = Table("profiles")
SUBMISSIONS = Table(
    "submissions",
    ("learner", "course", "exercise"),
    (("learner", "course", "exercise"), ("course", "exercise")),
    ordered=True,
)
COMMENTS = Table(
    "comments",
    ("learner", "course", "exercise", "author"),
    (("learner", "course", "exercise"), ("author",)),
    ordered=True,
)
NOTIFICATIONS = Table("notifications", ("learner",), (("learner",),), ordered=True)
AUDIT = Table("audit", ("actor", "subject"), (("actor",), ("subject",)), ordered=True)

TABLES = (LOG, PROFILES, COMMENTS, SUBMISSIONS, NOTIFICATIONS, AUDIT)
"""In the order in which a copy reads them: a comment never comes without its submission."""
