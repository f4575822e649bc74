"""Questions that are answered in a form: choice, number, ordering.

The definition stands in an answer cell's `metadata.nbcoach.question` (schema `question.v1`). The answer is
a literal that the cell assigns to a variable: an option, a list of options, or a number, and None before
there is one. So the source is all that a judge has to see, and a form is only a way to write it.
"""

from __future__ import annotations

import ast
import json
import keyword
from collections.abc import Sequence
from typing import Any

from nbformat import NotebookNode

from .errors import InvalidNotebook
from .format import Role, grade_id_of, own_metadata, role_of
from .schemas import compiled

Value = str | float | int | Sequence[str] | None

_ALLOWED = {
    "choice": {"options", "multiple"},
    "order": {"options"},
    "number": {"unit", "minimum", "maximum"},
}
_COMMON = {"kind", "variable", "prompt"}


def form_of(cell: NotebookNode) -> dict[str, Any] | None:
    """Return the definition of the form that an answer cell has, or None.

    Raises:
        InvalidNotebook: the definition is wrong, or does not stand in an answer cell.

    """
    form = own_metadata(cell).get("question")
    if form is None:
        return None
    where = f"Cell {grade_id_of(cell) or cell.get('id', '?')!r}: metadata.nbcoach.question"
    if cell.cell_type != "code" or role_of(cell) is not Role.ANSWER:
        raise InvalidNotebook(f"{where} belongs into an autograded answer cell.", cell=grade_id_of(cell))
    problem = _problem(form)
    if problem is not None:
        raise InvalidNotebook(f"{where}: {problem}", cell=grade_id_of(cell))
    return dict(form)


def source_of(form: dict[str, Any], value: Value = None) -> str:
    """Return the source of a cell with an answer; None is the starter."""
    literal = "None" if value is None else json.dumps(value, ensure_ascii=False)
    return f"{form['variable']} = {literal}"


def value_of(form: dict[str, Any], source: str) -> Value:
    """Return the answer that a cell's source gives, None where there is none or it is code of another kind."""
    try:
        (statement,) = ast.parse(source).body
        assigned = isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets]
        if assigned != [form["variable"]]:
            return None
        value: Value = ast.literal_eval(statement.value)  # type: ignore[attr-defined]
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return value if _fits(form, value) else None


def _fits(form: dict[str, Any], value: Any) -> bool:
    options = form.get("options", [])
    if form["kind"] == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if form["kind"] == "order":
        return isinstance(value, list) and all(isinstance(v, str) for v in value) and sorted(value) == sorted(options)
    if form.get("multiple"):
        return isinstance(value, list) and all(item in options for item in value) and len(set(value)) == len(value)
    return isinstance(value, str) and value in options


def _problem(form: Any) -> str | None:
    error = next(compiled("question.v1").errors(form), None)
    if error is not None:
        place = "/".join(map(str, error.absolute_path))
        return f"{place}: {error.message[:200]}" if place else error.message[:200]
    kind = form["kind"]
    foreign = set(form) - _COMMON - _ALLOWED[kind]
    if foreign:
        return f"a question of kind {kind!r} has no {sorted(foreign)[0]!r}."
    if kind != "number" and "options" not in form:
        return f"a question of kind {kind!r} needs 'options'."
    if keyword.iskeyword(form["variable"]):
        return f"{form['variable']!r} cannot be a variable."
    if form.get("minimum", float("-inf")) > form.get("maximum", float("inf")):
        return "'minimum' is greater than 'maximum'."
    return None
