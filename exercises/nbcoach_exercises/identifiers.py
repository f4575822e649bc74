"""Identifiers: the only strings from outside that may become part of a path, a key or a query."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from .errors import InvalidIdentifier

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
"""Courses, units, skills and exercises: lower case, as they become paths and group names."""

GRADE_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
"""Cells: nbgrader's own rule for a grade id, with a bound."""


def slug(value: str, what: str) -> str:
    """Return `value` if it names a course, unit, skill or exercise.

    Raises:
        InvalidIdentifier: it does not; the message names `what` was expected.

    """
    if not isinstance(value, str) or SLUG.fullmatch(value) is None:
        shown = repr(value)[:80]
        raise InvalidIdentifier(
            f"{shown} is no valid {what} id: use lower-case letters, digits, '-' and '_'.", what=what
        )
    return value


def grade_id(value: str) -> str:
    """Return `value` if it names a cell as nbgrader does.

    Raises:
        InvalidIdentifier: it does not.

    """
    if not isinstance(value, str) or GRADE_ID.fullmatch(value) is None or set(value) == {"."}:
        raise InvalidIdentifier(
            f"{repr(value)[:80]} is no valid cell id: use letters, digits, '-', '_' and '.'.", what="cell"
        )
    return value


def new_id() -> str:
    """Return a fresh random identifier for a request, an attempt or an event."""
    return uuid.uuid4().hex


def now() -> datetime:
    """Return the present as an aware UTC timestamp, the one clock of all events."""
    return datetime.now(UTC)
