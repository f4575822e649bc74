"""Submissions: what a learner handed in, read as foreign bytes.

Only regular files count; links are never followed, whatever is too large is not read, and a
notebook that cannot be read is named while the rest is graded.
"""

from __future__ import annotations

import datetime
import fnmatch
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import parse_utc

from nbcoach_exercises.errors import NbcoachError, TooLarge
from nbcoach_exercises.format import MAX_NOTEBOOK_BYTES, read_notebook

from .directory import Place

MAX_FILE_BYTES = 16 * 2**20
MAX_FILES = 500
MAX_TOTAL_BYTES = 64 * 2**20
MAX_DEPTH = 8
TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One learner's work on one assignment.

    `unreadable` says by notebook what is wrong with it; `notes` are about other files.
    """

    student: str
    assignment: str
    notebooks: dict[str, NotebookNode]
    unreadable: dict[str, str]
    files: dict[str, bytes] = field(repr=False)
    timestamp: datetime.datetime | None
    notes: tuple[str, ...]


class _Unreadable(NbcoachError):
    """A file of a submission cannot be read."""


def read_submission(place: Place, wanted: Iterable[str], ignore: Iterable[str]) -> Submission:
    """Read a submission.

    Args:
        place: where it is.
        wanted: names of the assignment's notebooks; others are left aside.
        ignore: patterns of names that nbgrader leaves aside, too.

    """
    names = set(wanted)
    notebooks: dict[str, NotebookNode] = {}
    unreadable: dict[str, str] = {}
    files: dict[str, bytes] = {}
    notes: list[str] = []
    total = 0
    if place.folder.is_symlink():
        unreadable = dict.fromkeys(names, f"{place.folder} was not read: it is a link.")
        names = set()
    for path, problem in () if unreadable else _walk(place.folder, tuple(ignore), notes):
        inside = path.relative_to(place.folder)
        is_notebook = path.suffix == ".ipynb"
        name = path.stem if is_notebook and len(inside.parts) == 1 else None
        if is_notebook and name not in names:
            notes.append(f"{path} is no notebook of this assignment and was left aside.")
            continue
        try:
            data = _read(path, MAX_NOTEBOOK_BYTES if name else MAX_FILE_BYTES, problem)
            if name:
                notebooks[name] = read_notebook(data, str(path))
                continue
            total += len(data)
            if total > MAX_TOTAL_BYTES or len(files) >= MAX_FILES:
                raise TooLarge(f"{path} was left aside: the submission's files are too many or too large.")
            files[inside.as_posix()] = data
        except NbcoachError as err:
            if name:
                unreadable[name] = err.message
            else:
                notes.append(err.message)
    return Submission(
        student=place.student,
        assignment=place.assignment,
        notebooks=notebooks,
        unreadable=unreadable,
        files=files,
        timestamp=_timestamp(place, files.get(TIMESTAMP), notes),
        notes=tuple(notes),
    )


def is_text(name: str) -> bool:
    """Return whether the name of a file is UTF-8, as the gradebook and pages need."""
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def _walk(folder: Path, ignore: tuple[str, ...], notes: list[str], depth: int = 0) -> Iterator[tuple[Path, str | None]]:
    """Find files below a folder, with what is wrong with each; no link is followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as err:
        notes.append(f"{folder} cannot be read: {err.strerror}.")
        return
    for entry in entries:
        path = Path(entry.path)
        if any(fnmatch.fnmatchcase(entry.name, pattern) for pattern in ignore):
            continue
        if not is_text(entry.name):
            notes.append(f"{path} was left aside: its name is no UTF-8.")
        elif entry.is_symlink():
            yield path, "it is a link"
        elif entry.is_dir(follow_symlinks=False):
            if depth >= MAX_DEPTH:
                notes.append(f"{path} was left aside: folders in folders in folders …")
            else:
                yield from _walk(path, ignore, notes, depth + 1)
        else:
            yield path, None


def _read(path: Path, limit: int, problem: str | None) -> bytes:
    """Read one regular file.

    Raises:
        _Unreadable: it is none, or may not be read.
        TooLarge: it has more bytes than `limit`.

    """
    if problem:
        raise _Unreadable(f"{path} was not read: {problem}.")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        raise _Unreadable(f"{path} cannot be read: {err.strerror}.") from err
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _Unreadable(f"{path} was not read: it is no regular file.")
        try:
            data = file.read(limit + 1)
        except OSError as err:
            raise _Unreadable(f"{path} cannot be read: {err.strerror}.") from err
    if len(data) > limit:
        raise TooLarge(f"{path} is larger than {limit // 2**20} MiB.", limit=limit)
    return data


def _timestamp(place: Place, data: bytes | None, notes: list[str]) -> datetime.datetime | None:
    """Read when the work was handed in, as nbgrader's `timestamp.txt` says."""
    if data is None:
        return None
    try:
        text = data[:200].decode().strip()
        found: datetime.datetime | None = parse_utc(text) if text else None
    except (ValueError, OverflowError) as err:
        notes.append(f"{place.folder / TIMESTAMP} is no time: {str(err)[:100]}")
        return None
    return found
