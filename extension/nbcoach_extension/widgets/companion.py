"""The companion of a notebook: shows forms and checks under answer cells, and writes answers into them."""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as ipw
from IPython.core.getipython import get_ipython
from IPython.display import display

from nbcoach_exercises.forms import Value, source_of

from .connection import Server, judged
from .document import Document, text_of
from .errors import WidgetError
from .views import form_view, outcome

_written: dict[str, str] = {}
"""Answers given in forms, by grade id, that may not stand in the notebook yet."""
_tasks: set[asyncio.Task[None]] = set()


def check(cell: str, notebook: str | Path | None = None) -> ipw.Widget:
    """Return a button that has the question of an answer cell judged, and shows what came of it.

    Args:
        cell: the answer cell's grade id.
        notebook: the notebook's file; by default that of this kernel.

    Raises:
        WidgetError: the notebook is no exercise, or has no such cell.

    """
    path = Path(notebook) if notebook is not None else None
    Document(path).answer(cell)
    button = ipw.Button(description="Check", tooltip=f"Check {cell}; save the notebook first")
    shown = ipw.HTML()

    async def ask() -> None:
        button.disabled = True
        shown.value = "Checking…"
        waits = "The grader cannot be reached. The check is kept and sent as soon as it is back."
        try:
            request = Document(path).request(cell, _written)
            feedback = await judged(Server.own(), request, lambda: setattr(shown, "value", waits))
            shown.value = outcome(feedback)
        except WidgetError as err:
            shown.value = escape(str(err))
        finally:
            button.disabled = False

    button.on_click(lambda _: _begin(ask()))
    return ipw.VBox([button, shown])


def question(cell: str, notebook: str | Path | None = None) -> ipw.Widget:
    """Return the form of a question; arguments and errors are those of `check`."""
    found = Document(Path(notebook) if notebook is not None else None).answer(cell)
    form = found["metadata"].get("nbcoach", {}).get("question")
    if not isinstance(form, dict):
        raise WidgetError(f"The cell {cell!r} has no form; answer it by code.")
    said = ipw.HTML()

    def answered(value: Value) -> None:
        _written[cell] = source_of(form, value)
        shell = get_ipython()
        if shell is not None:
            shell.user_ns[form["variable"]] = value
        said.value = f"<code>{escape(_written[cell])}</code><br>Run the answer cell to write this into it."

    return ipw.VBox([form_view(form, _written.get(cell, text_of(found)), answered), said])


class Companion:
    """Follows the cells of a kernel that are run."""

    _loaded: Companion | None = None

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    @classmethod
    def load(cls, shell: Any) -> None:
        """Begin to follow; once for each kernel."""
        if cls._loaded is None:
            cls._loaded = cls(shell)
            shell.events.register("post_run_cell", cls._loaded.after)

    @classmethod
    def unload(cls, shell: Any) -> None:
        """Follow no more."""
        if cls._loaded is not None:
            shell.events.unregister("post_run_cell", cls._loaded.after)
            cls._loaded = None

    def after(self, result: Any) -> None:
        """Show form and check under an answer cell that was run, and write the form's answer into it."""
        source = result.info.raw_cell if result.info is not None else ""
        try:
            cell = self._answer_cell(Document(), source, getattr(result.info, "cell_id", None))
        except WidgetError:
            return  # this notebook is no exercise
        if cell is None:
            return
        name = cell["metadata"]["nbgrader"]["grade_id"]
        form = cell["metadata"]["nbcoach"].get("question")
        written = _written.get(name)
        if form is not None and written is not None and written != source:
            self._shell.set_next_input(written, replace=True)
            self._shell.run_cell(written, silent=True)
        if form is not None:
            display(question(name))  # type: ignore[no-untyped-call]
        display(check(name))  # type: ignore[no-untyped-call]

    def _answer_cell(self, document: Document, source: str, cell_id: str | None) -> dict[str, Any] | None:
        """Return the answer cell that was run: by its id where the front end tells it, else by what it says."""
        answers = [cell for cell in document.cells if "points" in (cell["metadata"].get("nbcoach") or {})]
        for cell in answers:
            if cell_id is not None and cell.get("id") == cell_id:
                return cell
        for cell in answers:
            form = cell["metadata"]["nbcoach"].get("question")
            if form is not None and source.strip().startswith(f"{form['variable']} ="):
                return cell
            if text_of(cell).strip() == source.strip():
                return cell
        return None


def _begin(work: Any) -> None:
    task: asyncio.Task[None] = asyncio.ensure_future(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
