"""Work: what of a learner's notebook counts, apart from its outputs and metadata, which are only claims."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class Given:
    """What work is compared with: of the notebook that learners get, found once for all of them.

    `names` are all grade ids, `answers` those of answers in text, `starters` the sources of all answers by name, and
    `texts` what stands in its text cells, and nothing. `flags` is nbgrader's metadata by name, `by_id` names by the id
    of the cell.
    """

    names: frozenset[str]
    answers: frozenset[str]
    starters: Mapping[str, str]
    texts: frozenset[str]
    flags: Mapping[str, list[Any]]
    by_id: Mapping[str, str]


def given_by(released: NotebookNode) -> Given:
    """Return what a notebook gives to learners."""
    named = {name: cell for cell in released.cells if (name := grade_id_of(cell)) is not None}
    roles = {name: role_of(cell) for name, cell in named.items()}
    answered = (Role.ANSWER, Role.MANUAL_ANSWER)
    return Given(
        names=frozenset(named),
        answers=frozenset(name for name, role in roles.items() if role is Role.MANUAL_ANSWER),
        starters={name: cell.source for name, cell in named.items() if roles[name] in answered},
        texts=frozenset({"", *(cell.source.strip() for cell in released.cells if cell.cell_type != "code")}),
        flags={name: _flags(cell) for name, cell in named.items()},
        by_id={cell["id"]: name for name, cell in named.items() if isinstance(cell.get("id"), str)},
    )


def work_of(notebook: NotebookNode, given: Given) -> Work:
    """Return what counts.

    Args:
        notebook: the learner's.
        given: what he was given.

    """
    cells: list[CellSource] = []
    texts: dict[str, Text] = {}
    added: dict[str, tuple[Text, ...]] = {}
    repairs: list[str] = []
    last = ""
    count = 0
    for number, cell in enumerate(notebook.cells):
        name, identity = grade_id_of(cell), cell.get("id")
        if name in given.names and name is not None:
            last = name
        if cell.cell_type == "code":
            cells.append(
                CellSource(id=identity if isinstance(identity, str) else str(number), grade_id=name, source=cell.source)
            )
        elif name in given.answers and name is not None and name not in texts:
            texts[name] = (cell.source, cell.get("attachments"))
        elif (
            name not in given.names and (text := cell.source.strip()) and text not in given.texts and count < MAX_ADDED
        ):
            count += 1
            added[last] = (*added.get(last, ()), (cell.source, cell.get("attachments")))
        known = name or (given.by_id.get(identity) if isinstance(identity, str) else None)
        if known is not None and known in given.flags and _flags(cell) != given.flags[known]:
            repairs.append(f"nbgrader's metadata of the cell {known!r} was changed; the author's was used.")
    return Work(cells=tuple(cells), texts=texts, added=added, repairs=tuple(repairs))


def _flags(cell: NotebookNode) -> list[Any]:
    meta = cell.metadata.get("nbgrader")
    told = meta if isinstance(meta, dict) else {}
    return [told.get(flag) or 0 for flag in ("grade", "solution", "locked", "task", "points")]
