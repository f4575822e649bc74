"""Masters: the author's notebooks of an assignment, and what nbgrader's own preprocessors make of them.

The chain is the one that `nbgrader generate_assignment` is configured with. Two states of it are kept
beside the last: before solutions are cleared (the master) and where the cells are recorded in the gradebook.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.nbgraderformat.common import SchemaMismatchError
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions, SaveCells
from nbgrader.utils import find_all_files

from nbcoach_exercises.catalogue import MAX_DATA_BYTES
from nbcoach_exercises.errors import InvalidCourse, InvalidNotebook, NbcoachError, TooLarge
from nbcoach_exercises.format import (
    HIDDEN_BEGIN,
    HIDDEN_END,
    Role,
    grade_id_of,
    parse_test_cell,
    read_notebook,
    role_of,
)
from nbcoach_exercises.identifiers import grade_id
from nbcoach_exercises.model import DataFile

from ..faults import set_apart
from .directory import Directory
from .work import Given, given_by


@dataclass(frozen=True, kw_only=True)
class Master:
    """One notebook of an assignment: the author's, the one to be recorded, and the one that learners get."""

    assignment: str
    name: str
    notebook: NotebookNode
    recorded: NotebookNode
    released: NotebookNode
    files: tuple[DataFile, ...]

    @cached_property
    def given(self) -> Given:
        """What learners' work is compared with."""
        return given_by(self.released)

    @cached_property
    def cells(self) -> tuple[tuple[str, Role, NotebookNode], ...]:
        """Return the cells that learners get, each by its name and what it is for."""
        return tuple(
            (grade_id_of(cell) or f"cell {number}", role_of(cell), cell)
            for number, cell in enumerate(self.released.cells, 1)
        )


def read_masters(directory: Directory, assignment: str) -> dict[str, Master]:
    """Read all notebooks of an assignment, by name.

    Raises:
        InvalidCourse: there is none, or one cannot be used; the message names file and cell.

    """
    folder = directory.source(assignment)
    paths = [path for path in sorted(folder.glob("*.ipynb")) if path.is_file()]
    if not paths:
        raise InvalidCourse(f"{folder} has no notebooks.", assignment=assignment)
    files = _files(directory.paths.ignore, folder)
    converter = GenerateAssignment(coursedir=directory.paths, config=directory.config)
    return {path.stem: _master(_upgraded(path), path, assignment, files, converter) for path in paths}


def read_loose(path: Path) -> Master:
    """Read a master that stands in no course directory, with nbgrader's usual delimiters.

    Raises:
        InvalidCourse: it cannot be used; the message names file and cell.

    """
    return _loose(_upgraded(path), path)


def read_sound(path: Path) -> tuple[Master, dict[str, str]]:
    """Read a master as `read_loose` does, its malformed test cells set apart: for its author, never to be released.

    Returns:
        the master without them, and by grade id what is wrong with each.

    Raises:
        InvalidCourse: it cannot be used; the message names file and cell.

    """
    notebook, faults = set_apart(_upgraded(path))
    return _loose(notebook, path), faults


def _loose(notebook: NotebookNode, path: Path) -> Master:
    paths = CourseDirectory()
    files = _files(paths.ignore, path.parent)
    return _master(notebook, path, path.parent.resolve().name, files, GenerateAssignment(coursedir=paths))


def _master(
    notebook: NotebookNode, path: Path, assignment: str, files: tuple[DataFile, ...], converter: GenerateAssignment
) -> Master:
    try:
        master, recorded, released = _released(notebook, path, assignment, converter)
        _standard_regions(master, converter)
        for cell in master.cells:
            if grade_id_of(cell) is not None:
                grade_id(cell.metadata.nbgrader.grade_id)
            if cell.cell_type == "code" and role_of(cell) is Role.TESTS:
                parse_test_cell(cell)
    except NbcoachError as err:
        raise InvalidCourse(err.message if str(path) in err.message else f"{path}: {err.message}") from err
    return Master(
        assignment=assignment,
        name=path.stem,
        notebook=master,
        recorded=recorded,
        released=released,
        files=files,
    )


def _upgraded(path: Path) -> NotebookNode:
    """Read a notebook of any format, with nbgrader's metadata of any schema up to its own."""
    try:
        data = path.read_bytes()
        raw = json.loads(data)
        if isinstance(raw, dict) and raw.get("nbformat") in (2, 3):
            converted = nbformat.convert(nbformat.reads(data.decode(), as_version=raw["nbformat"]), 4)  # type: ignore[no-untyped-call]
            data = nbformat.writes(converted).encode()  # type: ignore[no-untyped-call]
    except OSError as err:
        raise InvalidCourse(f"{path} cannot be read: {err.strerror}.") from err
    except Exception:  # noqa: S110 - of any kind, as nbformat converts; the reader of notebooks says what is wrong
        pass
    try:
        notebook = read_notebook(data, str(path))
    except (InvalidNotebook, TooLarge) as err:
        raise InvalidCourse(err.message) from err
    validator = MetadataValidator()
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        try:
            validator.upgrade_cell_metadata(cell)
            validator.validate_cell(cell)
        except SchemaMismatchError as err:
            raise InvalidCourse(f"{path}, cell {number + 1}: {err}") from err
        except Exception as err:  # a KeyError, a ValidationError …: whatever the metadata lacks
            reason = getattr(err, "message", None) or f"{type(err).__name__}: {err}"
            raise InvalidCourse(f"{path}, cell {number + 1}: nbgrader's metadata is wrong: {reason}") from err
        name = grade_id_of(cell)
        if name in seen and role_of(cell) is not Role.FREE:
            raise InvalidCourse(f"{path}, cell {number + 1}: a second cell with the id {name!r}.")
        seen |= {name} if name and role_of(cell) is not Role.FREE else set()
    return notebook


def _released(
    notebook: NotebookNode, path: Path, assignment: str, converter: GenerateAssignment
) -> tuple[NotebookNode, NotebookNode, NotebookNode]:
    """Run the chain of `generate_assignment`."""
    resources: dict[str, Any] = {
        "nbgrader": {"student": ".", "assignment": assignment, "notebook": path.stem, "db_url": ""},
        "metadata": {"path": str(path.parent), "name": path.stem},
    }
    master = recorded = None
    try:
        for kind in converter.preprocessors:
            if kind is SaveCells:
                recorded = copy.deepcopy(notebook)
                continue
            if kind is ClearSolutions:
                master = copy.deepcopy(notebook)
            notebook, resources = kind(parent=converter).preprocess(notebook, resources)
    except InvalidCourse:
        raise
    except Exception as err:
        raise InvalidCourse(f"{path}: {type(err).__name__}: {str(err)[:500]}") from err
    return master or notebook, recorded or notebook, notebook


def _standard_regions(master: NotebookNode, converter: GenerateAssignment) -> None:
    """Write the delimiters that the course configures as the ones that checks are parsed by."""
    chosen = ClearHiddenTests(parent=converter)
    own = ((chosen.begin_test_delimeter, HIDDEN_BEGIN), (chosen.end_test_delimeter, HIDDEN_END))
    for cell in master.cells:
        if role_of(cell) is Role.TESTS:
            for configured, standard in own:
                cell.source = cell.source.replace(configured, standard)


def _files(ignored: Sequence[str], folder: Path) -> tuple[DataFile, ...]:
    """Return the files beside the notebooks; they are the author's, so links are followed as nbgrader does."""
    found: list[DataFile] = []
    size = 0
    for name in sorted(find_all_files(str(folder), [*ignored, "*.ipynb"])):
        try:
            content = Path(name).read_bytes()
        except OSError as err:
            raise InvalidCourse(f"{name} cannot be read: {err.strerror}.") from err
        size += len(content)
        if size > MAX_DATA_BYTES:
            raise InvalidCourse(f"The files of {folder} exceed {MAX_DATA_BYTES // 2**20} MiB.")
        found.append(DataFile(os.path.relpath(name, folder).replace(os.sep, "/"), content))
    return tuple(found)
