"""Faults: malformed test cells of a master, set apart so that its author hears of each while the others are proven.

Only proving does so. Releasing such a master, or grading by it, is refused as a whole: where a hidden region begins or
ends is in doubt, and what was meant to be hidden could go out to learners.
"""

from __future__ import annotations

import copy

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

from nbcoach_exercises.errors import InvalidIdentifier, InvalidNotebook
from nbcoach_exercises.format import Role, grade_id_of, parse_test_cell, role_of


def set_apart(master: NotebookNode) -> tuple[NotebookNode, dict[str, str]]:
    """Return a master without its malformed test cells, and by grade id what is wrong with each.

    Empty cells stand in their places, so that the others keep their numbers.
    """
    rest = copy.deepcopy(master)
    faults: dict[str, str] = {}
    for number, cell in enumerate(rest.cells, 1):
        if cell.cell_type != "code" or role_of(cell) is not Role.TESTS:
            continue
        try:
            parse_test_cell(cell)
        except (InvalidNotebook, InvalidIdentifier) as err:
            faults[grade_id_of(cell) or f"cell {number}"] = f"{err.message} {_consequence(cell)}"
            cell.source = ""
            del cell.metadata["nbgrader"]
    return rest, faults


def _consequence(cell: NotebookNode) -> str:
    """Say who releases a notebook with such a cell."""
    try:
        ClearHiddenTests().preprocess_cell(copy.deepcopy(cell), {}, 0)
    except RuntimeError as err:
        return f"Neither nbgrader nor nbcoach releases the notebook; nbgrader says: {err}."
    return "nbcoach does not release the notebook; nbgrader would, as the cell stands."
