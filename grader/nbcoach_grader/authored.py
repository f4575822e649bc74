"""Author's notebooks, wherever they stand: an exercise of a course, or any master of nbgrader's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from nbcoach_exercises.catalogue import MASTER, exercise_of, read_exercise, read_master
from nbcoach_exercises.errors import InvalidInput
from nbcoach_exercises.format import own_metadata

from .faults import set_apart
from .material import Material, exercise_material, load_material
from .nbgrader_course.marking import material_from
from .nbgrader_course.masters import read_loose, read_sound

_NOT_MASTERS = frozenset({".ipynb_checkpoints", "release", "submitted", "autograded", "feedback"})


def material_at(path: Path) -> Material:
    """Return what judging an author's notebook needs.

    Raises:
        InvalidCourse: it cannot be used; the message names file and cell.

    """
    if _of_a_course(path):
        return load_material(read_exercise(path.resolve().parent, "course", "unit"))
    return material_from(read_loose(path))


def sound_material_at(path: Path) -> tuple[Material, dict[str, str]]:
    """Return what proving an author's notebook needs, its malformed test cells set apart.

    Returns:
        the material without them, and by grade id what is wrong with each.

    Raises:
        InvalidCourse: it cannot be used; the message names file and cell.

    """
    if _of_a_course(path):
        folder = path.resolve().parent
        master, faults = set_apart(read_master(folder))
        return exercise_material(exercise_of(master, folder, "course", "unit"), master), faults
    loose, faults = read_sound(path)
    return material_from(loose), faults


def _of_a_course(path: Path) -> bool:
    return path.name == MASTER and bool(own_metadata(read_master(path.parent)))


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
