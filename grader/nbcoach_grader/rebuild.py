"""Rebuild a learner's notebook from the master: structure and tests are the author's, only answers the learner's.

Of what the learner sends, the source text of answer cells is taken by grade id, and of cells
that the author left free or the learner added. Everything else is the master's. Each
repair is named, so that nobody wonders why an edited test made no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from nbcoach_exercises.format import Role, grade_id_of, role_of
from nbcoach_exercises.model import Question
from nbcoach_exercises.wire import CellSource

from .engine.plan import PlannedCell

_OWN = (Role.ANSWER, Role.MANUAL_ANSWER)
MAX_EXTRA_CELLS = 200


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A notebook ready to run: the learner's cells, the author's locked ones, and what was repaired."""

    cells: tuple[PlannedCell, ...]
    locked: tuple[str, ...]
    answers: dict[str, str]
    repairs: tuple[str, ...]


def rebuild(master: NotebookNode, released: NotebookNode, question: Question, sent: Sequence[CellSource]) -> Rebuilt:
    """Put a learner's sources into the master, up to the tests of one question.

    Args:
        master: the author's notebook.
        released: the learner version of it, for what an untouched cell holds.
        question: the question to be judged.
        sent: the learner's code cells in order.

    """
    repairs: list[str] = []
    answers, extras = _sort(master, released, sent, repairs)
    cells: list[PlannedCell] = [PlannedCell(id=cell.id, source=cell.source) for cell in extras.get("", ())]
    locked: list[str] = []
    for number, (cell, released_cell) in enumerate(zip(master.cells, released.cells, strict=True)):
        if cell.cell_type != "code":
            continue
        name = _key(cell, number)
        role = role_of(cell)
        if role in _OWN or role is Role.FREE:
            cells.append(PlannedCell(id=name, source=answers.get(name, released_cell.source)))
        elif role is Role.READ_ONLY:
            cells.append(PlannedCell(id=name, source=cell.source))
            locked.append(cell.source)
        cells += [PlannedCell(id=extra.id, source=extra.source) for extra in extras.get(name, ())]
        if name == question.tests[-1]:
            break
    given = {name: answers.get(name, "") for name in question.answers}
    return Rebuilt(cells=tuple(cells), locked=tuple(locked), answers=given, repairs=tuple(repairs))


def untouched(released: NotebookNode, answers: dict[str, str]) -> bool:
    """Tell whether every answer is still the starter, or empty."""
    starters = {grade_id_of(cell): cell.source for cell in released.cells}
    return all(source.strip() in ("", starters.get(name, "").strip()) for name, source in answers.items())


def _sort(
    master: NotebookNode, released: NotebookNode, sent: Sequence[CellSource], repairs: list[str]
) -> tuple[dict[str, str], dict[str, list[CellSource]]]:
    """Tell the learner's answers from cells that were added, by the author's cell that they follow."""
    roles: dict[str, Role] = {}
    expected: dict[str, str] = {}
    by_cell_id: dict[str, str] = {}
    for number, (cell, released_cell) in enumerate(zip(master.cells, released.cells, strict=True)):
        if cell.cell_type == "code":
            name = _key(cell, number)
            roles[name], expected[name] = role_of(cell), released_cell.source
            if grade_id_of(cell) is None and isinstance(cell.get("id"), str):
                by_cell_id[cell["id"]] = name
    answers: dict[str, str] = {}
    extras: dict[str, list[CellSource]] = {}
    seen: set[str] = set()
    last = ""
    count = 0
    for cell in sent:
        name = cell.grade_id if cell.grade_id is not None else by_cell_id.get(cell.id, "")
        if name not in roles or name in seen:
            if name in seen:
                repairs.append(f"The cell {name!r} stands there twice; the first one counts.")
            elif count < MAX_EXTRA_CELLS:
                count += 1
                extras.setdefault(last, []).append(cell)
            continue
        seen.add(name)
        last = name
        if roles[name] in _OWN or roles[name] is Role.FREE:
            answers[name] = cell.source
        elif cell.source.strip() != expected[name].strip():
            repairs.append(f"The cell {name!r} was changed; the author's version was used.")
    missing = [name for name, role in roles.items() if name not in seen and role is not Role.FREE]
    repairs += [f"The cell {name!r} was missing; the author's version was used." for name in missing]
    return answers, extras


def _key(cell: NotebookNode, number: int) -> str:
    """Return the name of an author's code cell: its grade id, or its place."""
    return grade_id_of(cell) or f"cell {number + 1}"
