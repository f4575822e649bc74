"""Masters written as rows of (role, id, source), for tests of whole notebooks."""

from __future__ import annotations

import copy

import nbformat
from nbformat import NotebookNode

from nbcoach_exercises.model import Limits
from nbcoach_exercises.wire import CellSource
from nbcoach_grader.material import Material, material_of

FLAGS = {
    "locked": {"locked": True},
    "answer": {"solution": True},
    "test": {"grade": True, "locked": True, "points": 2},
}
HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


def cell(role: str, name: str, source: str) -> NotebookNode:
    """Return a code cell; one of role `free` has no metadata of nbgrader's."""
    meta = {"solution": False, "grade": False, "locked": False, "task": False, "schema_version": 3, "points": 0}
    metadata = {} if role == "free" else {"nbgrader": meta | {"grade_id": name} | FLAGS[role]}
    made: NotebookNode = nbformat.v4.new_code_cell(source, metadata=metadata)
    made["id"] = name
    return made


def material(*rows: tuple[str, str, str], seconds: float = 2.0) -> Material:
    """Return the material of a master; the starter of every answer is `pass`."""
    master = nbformat.v4.new_notebook(cells=[cell(*row) for row in rows])
    released = copy.deepcopy(master)
    for (role, _, source), given in zip(rows, released.cells, strict=True):
        if role == "answer":
            given.source = "pass"
        elif "BEGIN HIDDEN" in source:
            given.source = source.partition("### BEGIN HIDDEN")[0]
    return material_of(master, released, name="course/book", limits=Limits(seconds=seconds, memory_mb=512))


def sent(material: Material, **answers: str) -> list[CellSource]:
    """Return a learner's notebook: the reference solution, with some cells in another way."""
    return [
        CellSource(id=place.name, grade_id=None if place.cell_id else place.name, source=source)
        for place in material.layout.places
        for source in [answers.get(place.name, place.released if place.test else place.source)]
    ]
