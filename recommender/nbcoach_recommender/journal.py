"""What every learner of a course did, in few bytes, so that it can be replayed at any time.

An entry of the log becomes a row of 40 bytes: what the recommender may ever need of it, and no
more. Rows lie together by learner. Names are numbered as they come up. A hash stands for the
source, so two attempts can be told to be the same without keeping either.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, KeysView, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbcoach_exercises.events import Attempt, Entry, LearnerEvent, Reaction
from nbcoach_exercises.verdicts import Verdict

ROW = np.dtype(
    [
        ("number", "<u4"), ("exercise", "<u4"), ("question", "<u4"), ("source", "<u4"), ("kind", "<u1"),
        ("verdict", "<u1"), ("solved", "<u1"), ("at", "<f8"),
    ]
)  # fmt: skip
ATTEMPT = 255
_VERDICTS = tuple(Verdict)
_REACTIONS = tuple(Reaction)


@dataclass(frozen=True, slots=True)
class Deed:
    """One row: an attempt with its verdict, or what the learner reported (`reaction`)."""

    number: int
    exercise: str
    question: str
    source: int
    verdict: Verdict | None
    reaction: Reaction | None
    solved: bool
    at: float


class Journal:
    """The rows of one course."""

    def __init__(self) -> None:
        self.length = 0
        self._names: dict[str, int] = {}
        self._questions: dict[str, int] = {}
        self._name_of: list[str] = []
        self._question_of: list[str] = []
        self._rows: dict[str, bytearray] = {}

    @property
    def learners(self) -> KeysView[str]:
        """All who have a row."""
        return self._rows.keys()

    def append(self, entry: Entry) -> Deed:
        """Keep an entry and return what is kept of it."""
        self.length += 1
        deed = _deed(entry, self.length)
        kind = ATTEMPT if deed.reaction is None else _REACTIONS.index(deed.reaction)
        verdict = 0 if deed.verdict is None else _VERDICTS.index(deed.verdict)
        exercise = _number(self._names, self._name_of, deed.exercise)
        question = _number(self._questions, self._question_of, deed.question)
        row = np.array((deed.number, exercise, question, deed.source, kind, verdict, deed.solved, deed.at), ROW)
        self._rows.setdefault(entry.learner, bytearray()).extend(row.tobytes())
        return deed

    def forget(self, learner: str) -> None:
        """Drop what a learner did, if there is anything."""
        self._rows.pop(learner, None)

    def of(self, learner: str) -> Iterator[Deed]:
        """Return what a learner did, in order."""
        for row in np.frombuffer(bytes(self._rows.get(learner, b"")), ROW).tolist():
            yield self._read(row)

    def all(self, after: int = 0) -> Iterator[tuple[str, Deed]]:
        """Return, in the order of the log, all deeds of those who did something after an entry."""
        names, rows = list(self._rows), self.rows()
        who = np.repeat(np.arange(len(names)), [len(self._rows[name]) // ROW.itemsize for name in names])
        wanted = np.flatnonzero(np.isin(who, who[rows["number"] > after]))
        order = wanted[np.argsort(rows["number"][wanted], kind="stable")]
        for learner, row in zip(who[order].tolist(), rows[order].tolist(), strict=True):
            yield names[learner], self._read(row)

    def rows(self) -> NDArray[Any]:
        """Return the rows of all learners, one learner after the other."""
        return np.frombuffer(b"".join(self._rows.values()), ROW)

    def names(self) -> dict[str, Any]:
        """Return the names behind the numbers, as JSON values."""
        return {
            "exercises": list(self._name_of),
            "questions": list(self._question_of),
            "learners": {name: len(rows) // ROW.itemsize for name, rows in self._rows.items()},
        }

    def frozen(self) -> Journal:
        """Return a copy that later entries leave alone."""
        copy = Journal()
        copy.length = self.length
        copy._names, copy._name_of = dict(self._names), list(self._name_of)
        copy._questions, copy._question_of = dict(self._questions), list(self._question_of)
        copy._rows = {learner: bytearray(rows) for learner, rows in self._rows.items()}
        return copy

    @classmethod
    def restored(cls, names: Mapping[str, Any], rows: NDArray[Any]) -> Journal:
        """Return the journal that `names` and `rows` were taken from."""
        journal = cls()
        for name in names["exercises"]:
            _number(journal._names, journal._name_of, name)
        for name in names["questions"]:
            _number(journal._questions, journal._question_of, name)
        data, start = rows.astype(ROW, copy=False).tobytes(), 0
        for learner, count in names["learners"].items():
            end = start + count * ROW.itemsize
            journal._rows[learner] = bytearray(data[start:end])
            start = end
        journal.length = int(rows["number"].max()) if len(rows) else 0
        return journal

    def _read(self, row: tuple[Any, ...]) -> Deed:
        number, exercise, question, source, kind, verdict, solved, at = row
        attempt = kind == ATTEMPT
        return Deed(
            number,
            self._name_of[exercise],
            self._question_of[question],
            source,
            _VERDICTS[verdict] if attempt else None,
            None if attempt else _REACTIONS[kind],
            bool(solved),
            at,
        )


def _deed(entry: Entry, number: int) -> Deed:
    at = entry.at.timestamp()
    if isinstance(entry, LearnerEvent):
        return Deed(number, entry.exercise, entry.cell or "", 0, None, entry.kind, False, at)
    assert isinstance(entry, Attempt), "Nobody does an erasure."
    source = zlib.crc32(entry.source_hash.encode())
    return Deed(number, entry.exercise, entry.cell, source, entry.verdict, None, entry.solved, at)


def _number(known: dict[str, int], names: list[str], name: str) -> int:
    found = known.get(name)
    if found is None:
        found = known[name] = len(names)
        names.append(name)
    return found
