"""Records and log entries as the JSON bodies of rows, with the sealed fields sealed."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from nbcoach_exercises.events import Entry, Logged, entry_from_json, entry_to_json

from .keyring import Keyring
from .records import AuditEntry, Comment, Notification, Occasion, Profile, Record, Submission
from .tables import AUDIT, COMMENTS, NOTIFICATIONS, PROFILES, SUBMISSIONS, Row, Table

_Record = TypeVar("_Record", bound=Record)
_TABLES: dict[type[Any], Table] = {
    Profile: PROFILES,
    Submission: SUBMISSIONS,
    Comment: COMMENTS,
    Notification: NOTIFICATIONS,
    AuditEntry: AUDIT,
}
_SEALED = "sealed"


class Codec:
    """Turn records into rows and rows into records."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def row(self, record: Record) -> Row:
        """Return a record as a row; without a key its sealed fields stay readable."""
        key = record.user if isinstance(record, Profile) else record.id
        table = _TABLES[type(record)]
        fields = asdict(record)
        body = self._closed(table, key, fields, record.sealed)
        return Row(key, _dump(body), {name: fields[name] for name in table.columns})

    def record(self, kind: type[_Record], row: Row) -> _Record:
        """Return a row as a record.

        Raises:
            KeyMissing: a field was sealed with a key that is not here.

        """
        fields = json.loads(row.body)
        sealed = fields.pop(_SEALED, None)
        if sealed is not None:
            fields |= self._keyring.open(sealed, _place(_TABLES[kind], row.key))
        for name in ("at", "updated", "due"):
            if fields.get(name) is not None:
                fields[name] = datetime.fromisoformat(fields[name])
        if kind is Profile:
            fields["goals"] = tuple(fields["goals"])
            consents = fields.get("consents", {})
            fields["consents"] = {purpose: datetime.fromisoformat(at) for purpose, at in consents.items()}
        if kind is Submission:
            fields["cells"] = tuple(fields.get("cells", ()))
        if kind is Notification:
            fields["kind"] = Occasion(fields["kind"])
        return kind(**fields)

    def resealed(self, table: Table, row: Row) -> str | None:
        """Return a row's body sealed with the newest key; None if it is already, or has nothing to seal."""
        kind = next((kind for kind, of in _TABLES.items() if of is table), None)
        if kind is None or not kind.sealed:
            return None
        fields = json.loads(row.body)
        sealed = fields.pop(_SEALED, None)
        if sealed is not None:
            if self._keyring.is_newest(sealed):
                return None
            fields |= self._keyring.open(sealed, _place(table, row.key))
        elif not self._keyring.ids:
            return None
        return _dump(self._closed(table, row.key, fields, kind.sealed))

    def _closed(self, table: Table, key: str, fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        secret = {name: fields[name] for name in names if name in fields}
        sealed = self._keyring.seal(secret, _place(table, key)) if secret else None
        if sealed is None:
            return fields
        return {name: value for name, value in fields.items() if name not in secret} | {_SEALED: sealed}


def entry_row(entry: Entry) -> Row:
    """Return a log entry as a row."""
    body = entry_to_json(entry)
    columns = {
        "type": body["type"],
        "learner": entry.learner,
        "course": entry.course,
        "exercise": entry.exercise,
        "cell": entry.cell,
    }
    return Row(entry.id, _dump(body), columns)


def logged(row: Row) -> Logged:
    """Return a row as a log entry."""
    return Logged(row.number, entry_from_json(json.loads(row.body)))


def edited(row: Row, columns: dict[str, str], without_sealed: dict[str, Any] | None = None) -> Row:
    """Return a row with other columns, which needs no key; `without_sealed` stands in for its sealed fields."""
    fields = json.loads(row.body) | columns
    if without_sealed is not None:
        fields.pop(_SEALED, None)
        fields |= without_sealed
    return Row(row.key, _dump(fields), {**row.columns, **columns}, row.number)


def sealing_key(row: Row) -> str | None:
    """Return the id of the key that a row's fields were sealed with, or None."""
    if f'"{_SEALED}":' not in row.body:
        return None
    sealed = json.loads(row.body).get(_SEALED)
    return sealed.partition(".")[0] if isinstance(sealed, str) else None


def without_sealed(table: Table, row: Row) -> Row:
    """Return a row whose sealed fields are empty, for a key that is lost."""
    kind = next(kind for kind, of in _TABLES.items() if of is table)
    empty = {name: {} if name == "detail" else "" for name in kind.sealed}
    return edited(row, {}, without_sealed=empty)


def _place(table: Table, key: str) -> str:
    return f"{table.name}/{key}"


def _dump(body: dict[str, Any]) -> str:
    """Return JSON in ASCII, which keeps what no encoding has, such as half a surrogate pair."""
    return json.dumps(body, separators=(",", ":"), default=datetime.isoformat)
