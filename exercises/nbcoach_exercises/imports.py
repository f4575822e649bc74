"""What the notebooks of a course import, so that the grader can load it once for all learners."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.util import find_spec

from nbformat import NotebookNode

MAX_MODULES = 16


def imported_modules(notebooks: Iterable[NotebookNode]) -> tuple[str, ...]:
    """Return the installed packages that notebooks import, at most 16, the most used first; none of Python's own."""
    used = Counter(name for notebook in notebooks for name in set(_names(notebook)))
    found = [name for name, _ in sorted(used.items(), key=lambda item: (-item[1], item[0])) if _installed(name)]
    return tuple(found[:MAX_MODULES])


def _names(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for line in cell.source.splitlines():  # line by line, as magics and unfinished starters do not parse
            try:
                statements = ast.parse(line.strip()).body
            except (SyntaxError, ValueError):
                continue
            for node in statements:
                if isinstance(node, ast.Import):
                    yield from (alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.split(".")[0]


def _installed(name: str) -> bool:
    if name in sys.stdlib_module_names or name.startswith("nbcoach"):
        return False
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
