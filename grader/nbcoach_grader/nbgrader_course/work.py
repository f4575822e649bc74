"""Work: what of a learner's notebook counts, apart from its outputs and metadata, which are only claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from nbcoach_exercises.format import Role, grade_id_of, role_of
from nbcoach_exercises.wire import CellSource

MAX_ADDED = 200

Text = tuple[str, Any]
"""A text cell: its source and its attachments."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a learner wrote.

    `cells` are his code cells in order, `texts` his answers in text by name, `added` texts of his own by the
    cell that they follow; `repairs` says where he changed nbgrader's metadata.
    """

    cells: tuple[CellSource, ...]
    texts: Mapping[str, Text]
    added: Mapping[str, tuple[Text, ...]]
    repairs: tuple[str, ...]


def work_of(notebook: NotebookNode, released: NotebookNode) -> Work:
    """Return what counts.

    Args:
        notebook: the learner's.
        released: what he was given.

    """
    names = {grade_id_of(cell) for cell in released.cells}
    answers = {grade_id_of(cell) for cell in released.cells if role_of(cell) is Role.MANUAL_ANSWER}
    given = {cell.source.strip() for cell in released.cells if cell.cell_type != "code"}
    cells: list[CellSource] = []
    texts: dict[str, Text] = {}
    added: dict[str, tuple[Text, ...]] = {}
    last = ""
    count = 0
    for number, cell in enumerate(notebook.cells):
        name = grade_id_of(cell)
        if name in names and name is not None:
            last = name
        if cell.cell_type == "code":
            identity = cell.get("id")
            cells.append(
                CellSource(id=identity if isinstance(identity, str) else str(number), grade_id=name, source=cell.source)
            )
        elif name in answers and name is not None and name not in texts:
            texts[name] = (cell.source, cell.get("attachments"))
        elif name not in names and cell.source.strip() and cell.source.strip() not in given and count < MAX_ADDED:
            count += 1
            added[last] = (*added.get(last, ()), (cell.source, cell.get("attachments")))
    return Work(cells=tuple(cells), texts=texts, added=added, repairs=tuple(_changed(notebook, released)))


def _changed(notebook: NotebookNode, released: NotebookNode) -> Iterator[str]:
    """Tell of the author's cells whose metadata is no longer what it was."""
    own = {name: cell for cell in released.cells if (name := grade_id_of(cell)) is not None}
    by_id = {cell.get("id"): name for name, cell in own.items() if isinstance(cell.get("id"), str)}
    for cell in notebook.cells:
        identity = cell.get("id")
        name = grade_id_of(cell) or (by_id.get(identity) if isinstance(identity, str) else None)
        if name in own and _flags(cell) != _flags(own[name]):
            yield f"nbgrader's metadata of the cell {name!r} was changed; the author's was used."


def _flags(cell: NotebookNode) -> list[Any]:
    meta = cell.metadata.get("nbgrader")
    told = meta if isinstance(meta, dict) else {}
    return [told.get(flag) or 0 for flag in ("grade", "solution", "locked", "task", "points")]
