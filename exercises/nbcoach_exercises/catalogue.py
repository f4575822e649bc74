"""The catalogue: course folders read into values, and refused with the place named when they contradict themselves.

<course>/course.yaml            title, skills with prerequisites, units in the author's order
<course>/<exercise>/exercise.ipynb   the master: solutions, hidden tests and `metadata.nbcoach`
<course>/<exercise>/data/            files that stand beside the notebook, for learner and grader
<course>/<exercise>/solutions/       sample solutions that CI grades (see `solutions`)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode

from .errors import InvalidCourse, InvalidIdentifier, InvalidNotebook, TooLarge, UnknownCourse
from .format import Role, grade_id_of, own_metadata, parse_test_cell, questions, read_notebook, role_of
from .forms import form_of
from .identifiers import grade_id, slug
from .imports import imported_modules
from .model import Course, DataFile, Exercise, Limits, Skill, TestCell, Unit
from .schemas import compiled

MASTER = "exercise.ipynb"
MAX_DATA_BYTES = 16 * 1024 * 1024


class Catalogue:
    """All courses of a folder, by id.

    Args:
        courses: the courses, already read.

    """

    def __init__(self, courses: Iterable[Course]) -> None:
        self._courses = {course.id: course for course in courses}

    @classmethod
    def read(cls, folder: Path) -> Catalogue:
        """Read every course folder below `folder`.

        Raises:
            InvalidCourse: a course is wrong; the message names file and place.

        """
        if not folder.is_dir():
            raise InvalidCourse(f"The course folder {folder} does not exist.")
        return cls(read_course(path.parent) for path in sorted(folder.glob("*/course.yaml")))

    def __iter__(self) -> Iterator[Course]:
        return iter(self._courses.values())

    def course(self, course: str) -> Course:
        """Return a course by id.

        Raises:
            UnknownCourse: there is none.

        """
        try:
            return self._courses[course]
        except KeyError:
            raise UnknownCourse(course) from None


def read_course(folder: Path) -> Course:
    """Read one course folder.

    Raises:
        InvalidCourse: the description or one of the exercises is wrong.

    """
    where = folder / "course.yaml"
    described = _described(where)
    try:
        course = slug(folder.name, "course")
        skills = tuple(
            Skill(id=slug(s["id"], "skill"), title=s["title"], requires=tuple(s.get("requires", ())))
            for s in described["skills"]
        )
        units = tuple(
            Unit(
                id=slug(u["id"], "unit"), title=u["title"], exercises=tuple(slug(e, "exercise") for e in u["exercises"])
            )
            for u in described["units"]
        )
    except InvalidIdentifier as err:
        raise InvalidCourse(f"{where}: {err.message}") from err
    _check_skills(skills, where)
    known = {skill.id for skill in skills}
    due = _due(described, where)
    exercises: dict[str, Exercise] = {}
    for unit in units:
        for name in unit.exercises:
            if name in exercises:
                raise InvalidCourse(f"{where}: exercise {name!r} stands in two places.")
            exercises[name] = read_exercise(folder / name, course, unit.id, described.get("limits"))
            exercises[name] = replace(exercises[name], due=due.pop(name, None))
            unknown = set(exercises[name].skills) - known
            if unknown:
                raise InvalidCourse(f"{folder / name / MASTER}: unknown skill {sorted(unknown)[0]!r}.")
    if due:
        raise InvalidCourse(f"{where}: due names {next(iter(due))!r}, which is no exercise of the course.")
    return Course(
        id=course,
        title=described["title"],
        summary=described.get("summary", ""),
        skills=skills,
        units=units,
        exercises=exercises,
        imports=tuple(dict.fromkeys((*described.get("imports", ()), *_imports(exercises.values())))),
    )


def read_exercise(folder: Path, course: str, unit: str, limits: Mapping[str, Any] | None = None) -> Exercise:
    """Read one exercise folder.

    Args:
        folder: the folder.
        course: the id of its course.
        unit: the id of its unit.
        limits: the course's limits, which those of the exercise override one by one.

    Raises:
        InvalidCourse: the master is missing, is no notebook, or lacks a description.

    """
    return exercise_of(read_master(folder), folder, course, unit, limits)


def exercise_of(
    notebook: NotebookNode, folder: Path, course: str, unit: str, limits: Mapping[str, Any] | None = None
) -> Exercise:
    """Return the exercise that a master describes (see `read_exercise`).

    Raises:
        InvalidCourse: the master lacks a description, or a cell is malformed.

    """
    where = folder / MASTER
    described = own_metadata(notebook)
    errors = sorted(compiled("exercise.v1").errors(described), key=str)
    if errors:
        place = "/".join(map(str, errors[0].absolute_path)) or "metadata.nbcoach"
        raise InvalidCourse(f"{where}: {place}: {errors[0].message[:200]}")
    try:
        asked = questions(notebook)
        test_cells(notebook)
        _check_grade_ids(notebook)
        for cell in notebook.cells:
            form_of(cell)
    except (InvalidNotebook, InvalidIdentifier) as err:
        raise InvalidCourse(f"{where}: {err.message}") from err
    return Exercise(
        id=folder.name,
        course=course,
        unit=unit,
        title=described["title"],
        summary=described["summary"],
        skills=tuple(described["skills"]),
        difficulty=described["difficulty"],
        minutes=described["minutes"],
        version=_version(notebook, data_files(folder)),
        points=sum(question.points for question in asked),
        questions=asked,
        limits=Limits(**{**(limits or {}), **described.get("limits", {})}),
        folder=folder,
    )


def read_master(folder: Path) -> NotebookNode:
    """Read the master notebook of an exercise folder.

    Raises:
        InvalidCourse: it is missing or no notebook.

    """
    where = folder / MASTER
    try:
        return read_notebook(where.read_bytes(), str(where))
    except OSError as err:
        raise InvalidCourse(f"{where} cannot be read: {err.strerror}.") from err
    except (InvalidNotebook, TooLarge) as err:
        raise InvalidCourse(err.message) from err


def test_cells(notebook: NotebookNode) -> Mapping[str, TestCell]:
    """Return the autograder test cells of a master, taken apart, by grade id in order."""
    parsed = (parse_test_cell(c) for c in notebook.cells if c.cell_type == "code" and role_of(c) is Role.TESTS)
    return {cell.grade_id: cell for cell in parsed}


test_cells.__test__ = False  # type: ignore[attr-defined]  # not a pytest function


def data_files(folder: Path) -> tuple[DataFile, ...]:
    """Return the files that stand beside an exercise's notebook, in order of their paths.

    Raises:
        InvalidCourse: they exceed 16 MiB together, or one is a link.

    """
    root = folder / "data"
    files: list[DataFile] = []
    if root.is_symlink():
        raise InvalidCourse(f"{root} is a link; data must stand in the exercise's own folder.")
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if path.is_symlink():
            raise InvalidCourse(f"{path} is a link; data files must be regular files.")
        if path.is_file():
            files.append(DataFile(path.relative_to(root).as_posix(), path.read_bytes()))
    if sum(len(file.content) for file in files) > MAX_DATA_BYTES:
        raise InvalidCourse(f"The files of {root} exceed {MAX_DATA_BYTES // 2**20} MiB.")
    return tuple(files)


def _imports(exercises: Iterable[Exercise]) -> tuple[str, ...]:
    return imported_modules(read_master(exercise.folder) for exercise in exercises)


def _described(where: Path) -> dict[str, Any]:
    try:
        described = yaml.load(where.read_text("utf-8"), _PlainLoader)  # noqa: S506 - a safe loader
    except OSError as err:
        raise InvalidCourse(f"{where} cannot be read: {err.strerror}.") from err
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise InvalidCourse(f"{where} is no YAML: {str(err)[:300]}") from err
    errors = sorted(compiled("course.v1").errors(described), key=str)
    if errors:
        place = "/".join(map(str, errors[0].absolute_path)) or "the file"
        raise InvalidCourse(f"{where}: {place}: {errors[0].message[:200]}")
    found: dict[str, Any] = described
    return found


def _due(described: Mapping[str, Any], where: Path) -> dict[str, datetime]:
    """Return when exercises are due, by exercise id."""
    found: dict[str, datetime] = {}
    for name, text in described.get("due", {}).items():
        try:
            found[name] = datetime.fromisoformat(text)
        except ValueError as err:
            raise InvalidCourse(f"{where}: due/{name}: {text!r} is no time of ISO 8601.") from err
        if found[name].tzinfo is None:
            raise InvalidCourse(f"{where}: due/{name}: {text!r} needs a time zone, as in 2026-12-01T18:00:00+01:00.")
    return found


class _PlainLoader(yaml.SafeLoader):
    """Leaves times as they are written: YAML's own reading of them would lose the zone."""


_PlainLoader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _check_skills(skills: tuple[Skill, ...], where: Path) -> None:
    known = {skill.id for skill in skills}
    if len(known) != len(skills):
        raise InvalidCourse(f"{where}: two skills have the same id.")
    for skill in skills:
        for required in skill.requires:
            if required not in known:
                raise InvalidCourse(f"{where}: skill {skill.id!r} requires {required!r}, which is not a skill.")
    try:
        TopologicalSorter({skill.id: skill.requires for skill in skills}).prepare()
    except CycleError as err:
        raise InvalidCourse(f"{where}: prerequisites run in a circle: {' → '.join(err.args[1])}.") from err


def _check_grade_ids(notebook: NotebookNode) -> None:
    seen: set[str] = set()
    for cell in notebook.cells:
        name = grade_id_of(cell)
        if name is None:
            continue
        grade_id(name)
        if name in seen:
            raise InvalidNotebook(f"Two cells have the id {name!r}.", cell=name)
        seen.add(name)


def _version(notebook: NotebookNode, files: tuple[DataFile, ...]) -> str:
    """Hash what a learner or a verdict can depend on; outputs and execution counts do not count."""
    digest = hashlib.sha256()
    for cell in notebook.cells:
        part = [cell.cell_type, cell.source, cell.metadata.get("nbgrader"), cell.metadata.get("nbcoach")]
        digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    digest.update(json.dumps(own_metadata(notebook), sort_keys=True).encode())
    for file in files:
        digest.update(f"{file.path}\0{len(file.content)}\0".encode() + file.content)
    return digest.hexdigest()[:12]
