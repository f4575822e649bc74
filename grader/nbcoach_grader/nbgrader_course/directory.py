"""An nbgrader course directory: where things are, as its own configuration says."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_path
from nbgrader.coursedir import CourseDirectory
from traitlets import TraitError
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

from nbcoach_exercises.errors import InvalidCourse

CONFIG_FILE = "nbgrader_config"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder of one learner's work on one assignment."""

    student: str
    assignment: str
    folder: Path


class Directory:
    """A course directory.

    Args:
        root: the folder; it counts even where the configuration names another.

    Raises:
        InvalidCourse: there is no such folder, or its configuration is wrong.

    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not self.root.is_dir():
            why = "is no folder" if self.root.exists() else "does not exist"
            raise InvalidCourse(f"The course directory {root} {why}.")
        self.config = _configuration(self.root)
        self.config.CourseDirectory.root = str(self.root)
        try:
            self.paths = CourseDirectory(config=self.config)
        except TraitError as err:
            raise InvalidCourse(f"{self.root / CONFIG_FILE}.py: {err}") from err
        if not self._folder("source", ".", ".").is_dir():
            shown = self._folder("source", ".", ".")
            raise InvalidCourse(f"{root} is no nbgrader course directory: it has no folder {shown.name!r}.")

    @contextlib.contextmanager
    def alone(self, waiting: Callable[[], None]) -> Iterator[None]:
        """Let one run at a time grade the course; the next waits.

        The lock is on the folder itself and ends with the process, however that ends.

        Args:
            waiting: is called before waiting for another run.

        """
        descriptor = os.open(self.root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):  # not every file system has locks
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    waiting()
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def assignments(self) -> list[str]:
        """Return the names of the assignments that have a folder in `source/`."""
        found = self._matches(self.paths.source_directory, ".", "*")
        return sorted(place.assignment for place in found)

    def submitted(self, assignment: str) -> list[Place]:
        """Return the folders that learners handed in for an assignment, in order of their names."""
        excluded = set(self.paths.student_id_exclude.split(",")) if self.paths.student_id_exclude else set()
        found = self._matches(self.paths.submitted_directory, "*", assignment)
        return sorted((p for p in found if p.student not in excluded), key=lambda place: place.student)

    def source(self, assignment: str) -> Path:
        """Return the author's folder of an assignment."""
        return self._folder("source", ".", assignment)

    def autograded(self, assignment: str, student: str) -> Path:
        """Return where a learner's graded notebooks go."""
        return self._folder("autograded", student, assignment)

    def feedback(self, assignment: str, student: str) -> Path:
        """Return where a learner's feedback pages go."""
        return self._folder("feedback", student, assignment)

    def _folder(self, step: str, student: str, assignment: str) -> Path:
        return Path(self.paths.format_path(getattr(self.paths, f"{step}_directory"), student, assignment))

    def _matches(self, step: str, student: str, assignment: str) -> Iterator[Place]:
        names = {
            "student_id": "(?P<student>[^/]+)" if student == "*" else re.escape(student),
            "assignment_id": "(?P<assignment>[^/]+)" if assignment == "*" else re.escape(assignment),
        }
        wanted = re.compile(
            self.paths.format_path(re.escape(step), names["student_id"], names["assignment_id"], escape=True)
        )
        escaped = [name if name == "*" else glob.escape(name) for name in (step, student, assignment)]
        for path in glob.iglob(self.paths.format_path(*escaped)):  # noqa: PTH207 - the pattern may be absolute
            match = wanted.fullmatch(path)
            if match and Path(path).is_dir():
                told = match.groupdict()
                yield Place(
                    student=told.get("student", student),
                    assignment=told.get("assignment", assignment),
                    folder=Path(path),
                )


def _configuration(root: Path) -> Config:
    """Return nbgrader's configuration: Jupyter's folders first, the course's own file last."""
    config = Config()
    for folder in [*reversed(jupyter_config_path()), str(root)]:
        for loader in (PyFileConfigLoader, JSONFileConfigLoader):
            suffix = "py" if loader is PyFileConfigLoader else "json"
            try:
                config.merge(loader(f"{CONFIG_FILE}.{suffix}", path=folder).load_config())
            except ConfigFileNotFound:
                continue
            except Exception as err:  # whatever the author's own file raises
                raise InvalidCourse(f"{folder}/{CONFIG_FILE}.{suffix}: {type(err).__name__}: {err}") from err
    return config


def option(config: Config, section: str, name: str, default: Any) -> Any:
    """Return one option of a configuration."""
    return config[section].get(name, default) if section in config else default
