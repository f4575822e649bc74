"""The writer: scores, graded notebooks and feedback pages of some submissions at a time.

It works in a process of its own beside the engine. Files first, whole folders at a time, then the scores in one
transaction: a run that is killed leaves no half notebook and no half scores, and the next run writes the
same again.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from nbgrader.converters import Autograde, BaseConverter, GenerateFeedback

from nbcoach_exercises.errors import NbcoachError
from nbgrader import api

from ..errors import GraderFailed
from .autograded import autograded
from .directory import Directory
from .gradebook import Scores, Told, newest_version
from .masters import Master
from .pages import Pages
from .results import Finished

log = logging.getLogger(__name__)

_HALF = ".nbcoach-half"
_OLD = ".nbcoach-old"


class WritingFailed(GraderFailed):
    """Results could not be written."""


class Writer:
    """Write results.

    Args:
        root: the course directory.
        masters: what was judged by, by assignment and notebook.

    """

    def __init__(self, root: Path, masters: Mapping[str, Mapping[str, Master]]) -> None:
        self._directory = Directory(root)
        self._masters = masters
        self._scores = Scores(self._directory)
        parts = {"coursedir": self._directory.paths, "config": self._directory.config}
        self._autograde, self._feedback = Autograde(**parts), GenerateFeedback(**parts)
        self._pages = Pages(self._directory)
        for notebooks in masters.values():
            self._scores.record(notebooks)

    def write(self, finished: Sequence[Finished]) -> None:
        """Write some submissions, and make their scores last together.

        Raises:
            WritingFailed: a file cannot be written.
            GradebookFailed: the gradebook refuses.

        """
        try:
            for submission, told in zip(finished, self._scores.save(finished), strict=True):
                self._write(submission, told)
        except BaseException:
            self._scores.rollback()
            raise
        self._scores.commit()

    def _write(self, finished: Finished, told: Mapping[str, Told]) -> None:
        masters = self._masters[finished.assignment]
        excluded = set(self._autograde.exclude_overwriting.get(finished.assignment, ()))
        files = {f.path: f.content for m in masters.values() for f in m.files if f.path not in excluded}
        pages: dict[str, bytes] = {}
        for notebook in finished.notebooks:
            node = autograded(masters[notebook.notebook], notebook)
            files[f"{notebook.notebook}.ipynb"] = json.dumps(node, ensure_ascii=False).encode()
            pages[f"{notebook.notebook}.html"] = self._pages.page(notebook.notebook, node, told[notebook.notebook])
        place = finished.assignment, finished.student
        try:
            kept = [f"{name}.ipynb" for name in finished.unreadable]
            _replace(self._directory.autograded(*place), files, finished.files, kept, self._autograde)
            kept = [f"{name}.html" for name in finished.unreadable]
            _replace(self._directory.feedback(*place), pages, {}, kept, self._feedback)
        except OSError as err:
            raise WritingFailed(f"The results of {finished.student!r} could not be written: {err}") from err

    def close(self) -> None:
        """Close the gradebook."""
        self._scores.close()


def _replace(
    folder: Path, files: Mapping[str, bytes], foreign: Mapping[str, bytes], kept: Iterable[str], like: BaseConverter
) -> None:
    """Put a new folder in the place of an old one.

    Args:
        folder: the place.
        files: what it shall hold.
        foreign: a learner's files; one that is in the way of others is left out.
        kept: names of files of the old folder that stay.
        like: the converter of nbgrader that would write it, for the permissions.

    """
    half, old = folder.with_name(f".{folder.name}{_HALF}"), folder.with_name(f".{folder.name}{_OLD}")
    for left in (half, old):
        shutil.rmtree(left, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    half.mkdir()
    mode = int(str(like.permissions), 8)
    for name in kept:
        if (folder / name).is_file():
            shutil.copy2(folder / name, half / name)
    for name, content in files.items():
        _write(half, name, content, mode)
    for name, content in foreign.items():
        with contextlib.suppress(OSError):
            if name not in files:
                _write(half, name, content, mode)
    if like.coursedir.groupshared:
        for path in (half, *(path for path in half.rglob("*") if path.is_dir())):
            path.chmod(path.stat().st_mode | 0o2770)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(old)
    half.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _write(folder: Path, name: str, content: bytes, mode: int) -> None:
    path = folder / name
    if "/" in name:
        path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)


class WriterProcess:
    """A writer in another process, which ends with this one.

    It is to be made before there are threads. It holds a copy of what is open then, which goes with it when this
    process ends.

    Args:
        root: the course directory.
        masters: what was judged by, by assignment and notebook.

    """

    def __init__(self, root: Path, masters: Mapping[str, Mapping[str, Master]]) -> None:
        # A fork has loaded already what takes most of a second to load; nothing else runs here yet.
        context = multiprocessing.get_context("fork")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._line, root, masters), daemon=True)
        gc.freeze()  # what is loaded stays: no need to look through it again, nor to take it apart at the end
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Wait until the gradebook is open and knows the assignments.

        Raises:
            InvalidCourse: the gradebook knows other cells than `source/`.
            GraderFailed: it cannot be opened.

        """
        self._answer()

    def write(self, finished: Sequence[Finished]) -> None:
        """Write some submissions; one call at a time.

        Raises:
            GraderFailed: they could not be written.

        """
        try:
            self._line.send(finished)
        except OSError as err:
            raise WritingFailed("The process that writes results has ended.") from err
        self._answer()

    def close(self) -> None:
        """End the process."""
        self._line.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _answer(self) -> None:
        try:
            problem = self._line.recv()
        except (EOFError, OSError) as err:
            raise WritingFailed("The process that writes results has ended.") from err
        if problem is not None:
            raise problem


def _serve(line: Connection, other: Connection, root: Path, masters: Mapping[str, Mapping[str, Master]]) -> None:
    """Write what comes in until the other side, of which a fork holds a copy, is gone."""
    other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other side decides when to stop
    api.get_alembic_version = newest_version
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    try:
        writer = Writer(root, masters)
    except NbcoachError as err:
        line.send(err)
        return
    line.send(None)
    with contextlib.suppress(OSError):  # nobody is there any more
        while True:
            try:
                finished = line.recv()
            except EOFError:
                break
            try:
                writer.write(finished)
            except NbcoachError as err:
                line.send(err)
            except Exception as err:
                log.exception("A submission could not be written")
                line.send(WritingFailed(f"Results could not be written: {err!r}"))
            else:
                line.send(None)
    writer.close()
