"""What judging an exercise needs: its layout, its sources, the files beside it. The master never leaves the grader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from nbformat import NotebookNode

from nbcoach_exercises.catalogue import data_files, read_exercise, read_master
from nbcoach_exercises.format import own_metadata, role_of
from nbcoach_exercises.model import DataFile, Exercise, Limits, Question, TestCell
from nbcoach_exercises.release import learner_version

from .engine.plan import Mode, Plan
from .layout import Layout, layout
from .rebuild import Rebuilt

PYTHON = frozenset({"", "python"})


@dataclass(frozen=True, kw_only=True)
class Material:
    """A version of an exercise.

    `name` tells it from all others and `version` from its other versions; `sources` is all of the author's
    code; `chosen` says in which mode test cells run where the author has said so; `kernel` is
    the Jupyter kernel of a notebook in another language than Python.
    """

    name: str
    version: str
    master: NotebookNode = field(repr=False)
    released: NotebookNode = field(repr=False)
    layout: Layout = field(repr=False)
    sources: tuple[str, ...] = field(repr=False)
    answers: frozenset[str]
    files: tuple[DataFile, ...] = field(repr=False)
    limits: Limits
    imports: tuple[str, ...]
    chosen: Mapping[str, Mode]
    kernel: str

    @property
    def tests(self) -> dict[str, TestCell]:
        """Return the test cells by grade id, in order."""
        return self.layout.tests

    def questions(self) -> list[Question]:
        """Return all test cells with the answers that they judge; tests that come before any answer have none."""
        found: list[Question] = []
        answers: list[str] = []
        tests: list[str] = []
        for place in self.layout.places:
            if place.answered and tests:
                found.append(self._question(answers, tests))
                answers, tests = [], []
            if place.answered:
                answers.append(place.name)
            elif place.test is not None:
                tests.append(place.name)
        return [*found, self._question(answers, tests)] if tests else found

    def _question(self, answers: Sequence[str], tests: Sequence[str]) -> Question:
        return Question(
            answers=tuple(answers), tests=tuple(tests), points=sum(self.tests[name].points for name in tests)
        )


def material_of(
    master: NotebookNode,
    released: NotebookNode,
    *,
    name: str,
    version: str = "",
    files: Sequence[DataFile] = (),
    limits: Limits = Limits(),  # noqa: B008 - immutable
    imports: Sequence[str] = (),
) -> Material:
    """Return what judging a notebook needs.

    Args:
        master: with solutions and hidden tests.
        released: the learner version of it, cell by cell.
        name: what tells it from all other notebooks.
        version: what tells it from its other versions; by default a hash of master and files.
        files: what stands beside it.
        limits: what a learner's code may use.
        imports: modules to have loaded beforehand.

    Raises:
        InvalidNotebook: a test cell is malformed.

    """
    found = layout(master, released)
    specification = master.metadata.get("kernelspec")
    specification = specification if isinstance(specification, dict) else {}
    language = str(specification.get("language") or "").lower()
    kernel = str(specification.get("name") or "")
    if language in PYTHON and (language or kernel.startswith("python") or not kernel):
        kernel = ""
    return Material(
        name=name,
        version=version or _version(master, files),
        master=master,
        released=released,
        layout=found,
        sources=tuple(place.source for place in found.places),
        answers=found.names,
        files=tuple(files),
        limits=limits,
        imports=tuple(imports),
        chosen=_chosen(master),
        kernel=kernel,
    )


def plan_of(
    material: Material,
    learner: str,
    rebuilt: Rebuilt,
    *,
    shared: frozenset[str] = frozenset(),
    once: bool = False,
) -> Plan:
    """Return the plan for a rebuilt notebook (see `Plan`)."""
    head = len(material.layout.head)
    return Plan(
        learner=learner,
        exercise=material.name,
        version=material.version,
        imports=material.imports,
        cells=rebuilt.cells,
        stops=rebuilt.stops,
        sources=material.sources,
        answers=material.answers,
        limits=material.limits,
        files=material.files,
        shared=shared,
        once=once,
        kernel=material.kernel,
        head=head if rebuilt.cells[:head] == material.layout.head else 0,
    )


def load_material(exercise: Exercise, imports: Sequence[str] = ()) -> Material:
    """Return what an exercise of a course consists of, read once for each version."""
    return _load(exercise.folder, exercise.version, exercise.course, tuple(imports), exercise.limits)


@lru_cache(maxsize=512)
def _load(folder: Path, version: str, course: str, imports: tuple[str, ...], limits: Limits) -> Material:
    """Read an exercise; `version` is part of the key, as a new version is other material."""
    exercise = replace(read_exercise(folder, course, ""), version=version, limits=limits)
    return exercise_material(exercise, read_master(folder), imports)


def exercise_material(exercise: Exercise, master: NotebookNode, imports: Sequence[str] = ()) -> Material:
    """Return what an exercise with a given master consists of."""
    return material_of(
        master,
        learner_version(master, exercise),
        name=f"{exercise.course}/{exercise.id}",
        version=exercise.version,
        files=data_files(exercise.folder),
        limits=exercise.limits,
        imports=imports,
    )


def _chosen(master: NotebookNode) -> dict[str, Mode]:
    modes = {cell.metadata.get("nbgrader", {}).get("grade_id"): own_metadata(cell).get("mode") for cell in master.cells}
    return {name: Mode(mode) for name, mode in modes.items() if name and mode in set(Mode)}


def _version(master: NotebookNode, files: Sequence[DataFile]) -> str:
    digest = hashlib.sha256()
    for cell in master.cells:
        digest.update(json.dumps([cell.cell_type, cell.source, str(role_of(cell))]).encode())
        digest.update(json.dumps(cell.metadata.get("nbgrader"), sort_keys=True, default=str).encode())
    for file in files:
        digest.update(f"{file.path}\0{len(file.content)}\0".encode() + file.content)
    return digest.hexdigest()[:12]
