"""The notebook for `autograded/`: the author's structure, the learner's answers, and what came of them.

A test cell stands there as learners know it. Its hidden checks are told by name and verdict only, so that a
feedback page that is made of this notebook, by us or later by `nbgrader generate_feedback`, hides them too.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from nbcoach_exercises.format import Role

from .markup import harmless
from .masters import Master
from .outputs import cell_outputs, test_outputs
from .results import GradedNotebook


def autograded(master: Master, graded: GradedNotebook) -> NotebookNode:
    """Return a learner's graded notebook; whatever is as it was given is shared with the master.

    Args:
        master: what was judged by.
        graded: what came of it.

    """
    sources, added = _by_anchor(graded, frozenset(name for name, _, _ in master.cells))
    scored = {cell.id: cell for cell in graded.cells}
    cells = [*added.get("", ())]
    for name, role, given in master.cells:
        own: dict[str, Any] = {}
        if given.cell_type == "code" and role is Role.TESTS:
            own["outputs"] = test_outputs(scored[name]) if name in scored else []
        elif given.cell_type == "code":
            own |= {"source": sources.get(name, given.source), "outputs": cell_outputs(graded.reports.get(name))}
        elif role is Role.MANUAL_ANSWER and name in graded.work.texts:
            own["source"], images = harmless(*graded.work.texts[name])
            own |= {"attachments": images} if images else {}
        cells += [NotebookNode(given, **own), *added.get(name, ())]  # type: ignore[no-untyped-call]
    for number, cell in enumerate(cells):
        if cell.get("id") is None:
            cell["id"] = f"cell-{number}"
    return NotebookNode(master.released, nbformat=4, nbformat_minor=5, cells=cells)  # type: ignore[no-untyped-call]


def _by_anchor(graded: GradedNotebook, names: frozenset[str]) -> tuple[dict[str, str], dict[str, list[NotebookNode]]]:
    """Return the learner's sources of the author's cells, and the cells that he added by the one that they follow."""
    sources: dict[str, str] = {}
    added: dict[str, list[NotebookNode]] = {}
    last = ""
    for name, source in graded.sources:
        if name in names:
            sources[name] = _text(source)
            last = name
        else:
            outputs = cell_outputs(graded.reports.get(name))
            cell = new_code_cell(_text(source), outputs=outputs)  # type: ignore[no-untyped-call]
            added.setdefault(last, []).append(cell)
    for anchor, texts in graded.work.added.items():
        for text in texts:
            shown, images = harmless(*text)
            cell = new_markdown_cell(shown)  # type: ignore[no-untyped-call]
            if images:
                cell.attachments = images
            added.setdefault(anchor, []).append(cell)
    return sources, added


def _text(source: str) -> str:
    """Return a source that can be written as UTF-8, whatever half characters a learner's file held."""
    return source.encode("utf-8", "replace").decode()
