"""Author's notebooks, wherever they stand: an exercise of a course, or any master of nbgrader's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nbcoach_exercises.catalogue import MASTER, read_exercise, read_master
from nbcoach_exercises.errors import InvalidInput
from nbcoach_exercises.format import own_metadata

from .material import Material, load_material
from .nbgrader_course.marking import material_from
from .nbgrader_course.masters import read_loose

_NOT_MASTERS = frozenset({".ipynb_checkpoints", "release", "submitted", "autograded", "feedback"})


def material_at(path: Path) -> Material:
    """Return what judging an author's notebook needs.

    Raises:
        InvalidCourse: it cannot be used; the message names file and cell.

    """
    if path.name == MASTER and own_metadata(read_master(path.parent)):
        folder = path.resolve().parent
        return load_material(read_exercise(folder, "course", "unit"))
    return material_from(read_loose(path))


def notebooks_at(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the masters that some paths name; of a folder, all below it.

    Raises:
        InvalidInput: a path names none.

    """
    for path in paths:
        if path.is_file():
            yield path
            continue
        found = [
            file
            for file in sorted(path.rglob("*.ipynb"))
            if file.is_file() and not _NOT_MASTERS.intersection(file.relative_to(path).parts)
        ]
        if not found:
            raise InvalidInput(f"{path} holds no notebooks.")
        yield from found
