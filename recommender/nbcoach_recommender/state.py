"""The recommender's own state in a folder: where it is in the log, the journals, preferences, and fitted models.

Preferences are in no log, so they have a file of their own, which is written whenever one is set.

The log stays the truth. The state only spares a new process from reading all of it: without the
folder, with a damaged file, or after `keep_days`, the log is read from its start. Whoever was erased
there is forgotten as soon as the log tells so: the files are written anew, and those before them removed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from nbcoach_exercises.events import Erasure
from nbcoach_exercises.identifiers import SLUG

from .archive import last_good, last_of, read_archive, write_archive
from .errors import DamagedFile
from .journal import ROW, Journal
from .model_file import read_model
from .models.ranking import Preferences
from .models.stacked import StackedMastery

_VERSION = 1
_DAY = 86400.0


@dataclass(frozen=True)
class CourseState:
    """What is kept of one course."""

    journal: Journal = field(default_factory=Journal)
    preferences: Mapping[str, Preferences] = field(default_factory=dict)
    shifts: Mapping[str, list[float]] = field(default_factory=dict)

    def without(self, erasure: Erasure) -> CourseState:
        """Return the same without the learner who was erased."""
        journal = self.journal.frozen()
        for learner in filter(erasure.means, list(journal.learners)):
            journal.forget(learner)
        wanted = {who: what for who, what in self.preferences.items() if not erasure.means(who)}
        return replace(self, journal=journal, preferences=wanted)


@dataclass(frozen=True)
class State:
    """All courses at one place of the log; `begun` is when its reading began, in seconds."""

    cursor: int
    begun: float
    courses: Mapping[str, CourseState]


class StateFolder:
    """The files of the state.

    Args:
        folder: where they are; None keeps nothing.
        keep_days: after which time the log is read anew.

    """

    def __init__(self, folder: Path | None, keep_days: float = 7.0) -> None:
        self._folder = folder
        self._keep_days = keep_days

    def read(self) -> State | None:
        """Return the last good state, or None when there is none.

        A state that is too old is one at the log's start, with preferences alone: they are in no log.
        """
        if self._folder is None:
            return None
        found = last_good(self._folder / "state.npz", _read)
        wanted = last_good(self._folder / "preferences.npz", _read_preferences) or {}
        if found is None or not 0 <= time.time() - found.begun < self._keep_days * _DAY:
            found = State(0, time.time(), {}) if found is not None or wanted else None
        if found is None:
            return None
        courses = {name: found.courses.get(name, CourseState()) for name in (*found.courses, *wanted)}
        kept = {name: replace(course, preferences=wanted.get(name, {})) for name, course in courses.items()}
        return replace(found, courses=kept)

    def write(self, state: State) -> None:
        """Keep a state, without the preferences in it."""
        if self._folder is None:
            return
        about = {
            "version": _VERSION,
            "cursor": state.cursor,
            "begun": state.begun,
            "courses": {
                name: {
                    "journal": course.journal.names(),
                    "shifts": course.shifts,
                }
                for name, course in state.courses.items()
            },
        }
        rows = {f"rows/{name}": course.journal.rows().view(np.uint8) for name, course in state.courses.items()}
        write_archive(self._folder / "state.npz", about, rows)

    def write_preferences(self, courses: Mapping[str, Mapping[str, Preferences]]) -> None:
        """Keep what learners of each course asked for."""
        if self._folder is None:
            return
        about = {name: {who: asdict(what) for who, what in wanted.items()} for name, wanted in courses.items()}
        write_archive(self._folder / "preferences.npz", {"version": _VERSION, "courses": about}, {})

    def drop_last(self) -> None:
        """Remove the files from before the newest, which still hold who was erased since."""
        if self._folder is not None:
            for name in ("state.npz", "preferences.npz"):
                last_of(self._folder / name).unlink(missing_ok=True)

    def model_path(self, course: str) -> Path | None:
        """Return where the fitted model of a course is kept."""
        if self._folder is None or SLUG.fullmatch(course) is None:
            return None
        return self._folder / f"model-{course}.npz"

    def read_model(self, course: str) -> tuple[StackedMastery, int] | None:
        """Return the last good model of a course, and up to which entry of the journal it was fitted; or None."""
        path = self.model_path(course)
        return None if path is None else last_good(path, read_model)


def _read(path: Path) -> State:
    about, arrays = read_archive(path)
    try:
        if about["version"] != _VERSION:
            raise DamagedFile(path.name, "it was written by another version")
        courses = {
            name: CourseState(
                Journal.restored(body["journal"], arrays[f"rows/{name}"].view(ROW)),
                shifts=body["shifts"],
            )
            for name, body in about["courses"].items()
        }
        return State(int(about["cursor"]), float(about["begun"]), courses)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise DamagedFile(path.name, str(err)) from err


def _read_preferences(path: Path) -> dict[str, dict[str, Preferences]]:
    about, _ = read_archive(path)
    try:
        if about["version"] != _VERSION:
            raise DamagedFile(path.name, "it was written by another version")
        return {
            name: {who: Preferences(**(what | {"goals": tuple(what["goals"])})) for who, what in wanted.items()}
            for name, wanted in about["courses"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise DamagedFile(path.name, str(err)) from err
