"""Feedback pages, by nbgrader's own template.

What `nbgrader generate_feedback` makes, without its two dear parts: the page is not parsed again for
attributes that this template has no use for, and what is the same on many learners' pages is rendered once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Template, pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback

import nbgrader

from .colouring import Coloured, remembered
from .directory import Directory
from .gradebook import Told

_FRAMES = 64
"""How many pages are remembered without their cells; most of each is the same style sheet."""
_PLACE = "\0cells\0"
_FRAME = "{%- extends original -%}{%- block body_loop -%}" + _PLACE + "{%- endblock -%}"
_CELL = """
{%- extends original -%}
{%- block header -%}{%- endblock -%}
{%- block body -%}{{ self.body_loop() }}{%- endblock -%}
{%- block footer -%}{%- endblock -%}
"""
_STAND_IN = "nbcoach_stand_in"


class _Exporter(HTMLExporter):
    """nbconvert's exporter, which remembers what it has rendered."""

    def __init__(self, style: CSSHTMLHeaderPreprocessor, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._style = style
        self._known: dict[str, tuple[dict[str, Any], Coloured, _Parts | None]] = {}
        self._text = remembered(lambda source: str(HTMLExporter.markdown2html(self, {}, source)))
        plain = WidgetsDataTypeFilter(notebook_metadata={}, parent=self)
        self.register_filter("filter_data_type", plain)  # type: ignore[no-untyped-call]

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render a text cell; one without images looks the same wherever it stands."""
        attached = context.get("cell", {}).get("attachments")
        return str(super().markdown2html(context, source)) if attached else self._text(source)

    def page(self, notebook: NotebookNode, resources: dict[str, Any]) -> bytes:
        """Render a notebook, as `from_notebook_node` does but without two deep copies of it."""
        told = notebook.metadata.get("language_info", {})
        lexer = str(told.get("pygments_lexer", told.get("name", "ipython3")))
        if lexer not in self._known:
            empty = NotebookNode(notebook, cells=[])  # type: ignore[no-untyped-call]
            coloured = Coloured(Highlight2HTML(pygments_lexer=lexer, parent=self))
            self.register_filter("highlight_code", coloured)  # type: ignore[no-untyped-call]
            own = self._init_resources(dict(resources))  # type: ignore[no-untyped-call]
            _, known = TemplateExporter.from_notebook_node(self, empty, own)
            _, known = self._style.preprocess(empty, known)
            parts = _Parts(self.template, coloured, known) if _is_nbgraders(self.template) else None
            self._known[lexer] = known, coloured, parts
        known, coloured, parts = self._known[lexer]
        self.register_filter("highlight_code", coloured)  # type: ignore[no-untyped-call]
        if parts is not None:
            return parts.page(notebook, resources)
        return _encoded(self.template.render(nb=notebook, resources={**known, **resources}).lstrip())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _is_nbgraders(template: Template) -> bool:
    """Return whether a template asks for nothing but what `_Parts` goes by; an author's may ask for anything."""
    return Path(template.filename or "").is_relative_to(Path(nbgrader.__file__).parent)


class _Parts:
    """Pages of nbgrader's template, from parts: what stands around the cells, each cell, and the source of code.

    A part is rendered from the JSON that it is remembered by, and what stands around a source from a stand-in,
    so nothing of one learner's comes to another's page.

    Args:
        template: nbgrader's.
        coloured: the filter by which it shows source.
        resources: of all pages.

    """

    def __init__(self, template: Template, coloured: Coloured, resources: Mapping[str, Any]) -> None:
        template.environment.auto_reload = False
        self._template = template
        self._resources = resources
        self._coloured = coloured
        self._frame = lru_cache(maxsize=_FRAMES)(self._around(_PLACE, _FRAME))
        self._cell = remembered(self._around(coloured(_STAND_IN), _CELL))

    def page(self, notebook: NotebookNode, resources: Mapping[str, Any]) -> bytes:
        """Render a notebook."""
        heads = [{"cell_type": cell.cell_type, "metadata": cell.metadata} for cell in notebook.cells]
        before, _, after = self._frame(json.dumps([{"metadata": notebook.metadata, "cells": heads}, resources]))
        return b"".join([before, *(self._shown(cell) for cell in notebook.cells), after]).lstrip()

    def _shown(self, cell: NotebookNode) -> bytes:
        known = {**cell, "source": _STAND_IN} if cell["cell_type"] == "code" else cell
        before, place, after = self._cell(json.dumps([{"cells": [known]}, {}]))
        return b"".join([before, _encoded(self._coloured(cell["source"])), after]) if place else before

    def _around(self, place: str, part: str) -> Callable[[str], tuple[bytes, bytes, bytes]]:
        """Return what renders a part of pages from a notebook and resources as JSON, and splits it at a place."""
        template = self._template.environment.from_string(part, globals={"original": self._template})

        def render(told: str) -> tuple[bytes, bytes, bytes]:
            notebook, resources = json.loads(told)
            node = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
            shown = template.render(nb=node, resources={**self._resources, **resources})
            return _encoded(shown).partition(_encoded(place))

        return render


class Pages:
    """Make feedback pages.

    Args:
        directory: the course, whose configuration may name another template.

    """

    def __init__(self, directory: Directory) -> None:
        converter = GenerateFeedback(coursedir=directory.paths, config=directory.config)
        style = CSSHTMLHeaderPreprocessor(parent=converter, enabled=True)
        self._exporter = _Exporter(style, parent=converter, config=converter.config)

    def page(self, name: str, notebook: NotebookNode, told: Told) -> bytes:
        """Return the page on a graded notebook, in UTF-8.

        Args:
            name: of the notebook.
            notebook: as it stands in `autograded/`; its cells get metadata with scores and comments.
            told: what the gradebook says of it.

        """
        for cell in notebook.cells:
            name_of_cell = cell.metadata.get("nbgrader", {}).get("grade_id")
            known: dict[str, Any] = {}
            if name_of_cell in told.scores:
                known["score"], known["points"] = told.scores[name_of_cell]
            if name_of_cell in told.comments:
                known["comment"] = told.comments[name_of_cell]
            if known:
                own = NotebookNode(cell.metadata.nbgrader, **known)  # type: ignore[no-untyped-call]
                cell.metadata = NotebookNode(cell.metadata, nbgrader=own)  # type: ignore[no-untyped-call]
        resources: dict[str, Any] = {
            "unique_key": name,
            "nbgrader": {
                "notebook": name,
                "score": sum(score for score, _ in told.scores.values()) - told.late_penalty,
                "max_score": sum(points for _, points in told.scores.values()),
                "late_penalty": told.late_penalty,
            },
        }
        return self._exporter.page(notebook, resources)
