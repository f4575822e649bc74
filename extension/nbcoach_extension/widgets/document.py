"""The exercise that a kernel's notebook is, as it was saved last."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbcoach_exercises.identifiers import new_id
from nbcoach_exercises.wire import CellSource, CheckRequest

from .errors import WidgetError


class Document:
    """A saved exercise notebook.

    Args:
        path: the file; by default the notebook of this kernel.

    Raises:
        WidgetError: there is no such file, or it is no exercise.

    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _own_path()
        try:
            notebook = json.loads(self.path.read_text("utf-8"))
            own = notebook["metadata"]["nbcoach"]
            self.course, self.exercise, self.version = (str(own[key]) for key in ("course", "exercise", "version"))
            self.cells: list[dict[str, Any]] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        except (OSError, ValueError, KeyError, TypeError) as err:
            raise WidgetError(f"{self.path.name} cannot be read as an exercise: save the notebook first.") from err

    def answer(self, cell: str) -> dict[str, Any]:
        """Return an answer cell by grade id.

        Raises:
            WidgetError: the exercise has none of that id.

        """
        for found in self.cells:
            if grade_id_of(found) == cell and found["metadata"]["nbgrader"].get("solution"):
                return found
        known = ", ".join(
            name for found in self.cells if (name := grade_id_of(found)) and "nbcoach" in found["metadata"]
        )
        raise WidgetError(f"This exercise has no answer cell {cell!r}. It has: {known}.")

    def request(self, cell: str, written: Mapping[str, str]) -> CheckRequest:
        """Return the request that has a question judged; `written` are answers that the file does not have yet."""
        self.answer(cell)
        seen: set[str] = set()
        cells = []
        for number, found in enumerate(self.cells):
            name = grade_id_of(found)
            first = name is not None and name not in seen
            seen.add(name or "")
            source = written.get(name or "", text_of(found)) if first else text_of(found)
            cells.append(CellSource(id=str(found.get("id", number)), grade_id=name if first else None, source=source))
        return CheckRequest(
            request=new_id(),
            course=self.course,
            exercise=self.exercise,
            version=self.version,
            cell=cell,
            cells=tuple(cells),
        )


def grade_id_of(cell: Mapping[str, Any]) -> str | None:
    """Return nbgrader's id of a cell."""
    meta = cell.get("metadata", {}).get("nbgrader")
    name = meta.get("grade_id") if isinstance(meta, dict) else None
    return name if isinstance(name, str) and name else None


def text_of(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell."""
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def _own_path() -> Path:
    """Return the notebook of this kernel: where Jupyter names it, else the only exercise of the folder."""
    named = Path(os.environ.get("JPY_SESSION_NAME", ""))
    if named.suffix == ".ipynb":
        for place in (named, Path.cwd() / named.name):
            if place.is_file():
                return place
    found = [path for path in sorted(Path.cwd().glob("*.ipynb")) if "-before-" not in path.stem]
    if len(found) != 1:
        raise WidgetError("Which notebook is this? Name it: check(..., notebook='exercise.ipynb').")
    return found[0]
