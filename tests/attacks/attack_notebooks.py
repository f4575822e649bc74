"""Operations on a released notebook, as the corpus's notebook cases describe them, and the product's own intake."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from nbcoach_exercises.format import grade_id_of, read_notebook
from nbcoach_exercises.wire import CellSource

FILES = frozenset({"file", "bigfile"})
"""Operations that put files beside the notebook."""


def apply(released: dict[str, Any], operations: list[dict[str, Any]]) -> bytes:
    """Return the bytes of a notebook after some operations."""
    notebook = copy.deepcopy(released)
    raw: bytes | None = None
    for operation in operations:
        kind = operation["op"]
        if kind == "raw":
            raw = operation["value"].encode()
        elif kind in ("raw_replace", "bytes_append"):
            text = json.dumps(notebook) if raw is None else raw.decode("utf-8", "surrogateescape")
            text = text.replace(operation["old"], operation["new"]) if kind == "raw_replace" else text
            raw = text.encode() + base64.b64decode(operation.get("b64", ""))
        elif kind not in FILES:
            _change(notebook, operation)
    return json.dumps(notebook).encode() if raw is None else raw


def _change(notebook: dict[str, Any], operation: dict[str, Any]) -> None:
    cells: list[dict[str, Any]] = notebook["cells"]
    names = operation.get("grade_ids") or [operation["grade_id"]] if "grade_id" in str(sorted(operation)) else []
    named = [cell for cell in cells if _grade_id(cell) in names]
    match operation["op"]:
        case "source":
            for cell in named:
                cell["source"] = operation["value"]
        case "delete_cell":
            notebook["cells"] = [cell for cell in cells if cell not in named]
        case "set":
            for cell in named:
                _set(cell, operation["path"], operation["value"])
        case "set_nb":
            _set(notebook, operation["path"], operation["value"])
        case "type":
            for cell in named:
                cell["cell_type"] = operation["value"]
        case "dup":
            for cell in named:
                place = cells.index(cell) + bool(operation["after"])
                cells.insert(place, {**copy.deepcopy(cell), "id": f"{cell['id']}x", "source": operation["value"]})
        case "insert":
            place = len(cells) if operation["index"] < 0 else operation["index"]
            cells.insert(place, {"id": f"extra-{len(cells)}", **operation["cell"]})
        case "repeat_cell":
            cells += [{"id": f"r{number}", **operation["cell"]} for number in range(operation["times"])]
        case "pad":
            notebook["metadata"]["pad"] = "x" * operation["bytes"]
        case other:
            raise ValueError(f"Unknown operation {other!r}.")


def _grade_id(cell: dict[str, Any]) -> Any:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def _set(node: Any, path: list[str], value: Any) -> None:
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value


def taken_in(data: bytes) -> list[CellSource]:
    """Read a notebook that may come from anybody, and take of it what a request carries.

    Raises:
        InvalidNotebook: it is none; `TooLarge` likewise.

    """
    notebook = read_notebook(data, "submission.ipynb")
    return [
        CellSource(id=str(cell.get("id", number)), grade_id=grade_id_of(cell), source=cell.source)
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    ]
