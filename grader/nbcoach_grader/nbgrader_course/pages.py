"""Feedback pages, by nbgrader's own template.

What `nbgrader generate_feedback` makes, without its two dear parts: the page is not parsed again for
attributes that this template has no use for, and what is the same on every learner's page is coloured once.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from html import escape
from typing import Any, cast

from ipython_pygments_lexers import IPython3Lexer
from jinja2 import Template, pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from .directory import Directory
from .gradebook import Told

_KEPT = 4096
_LONGEST = 16_384
"""Characters of source or cell that are worth remembering; most of what is longer is one learner's own."""
_REMEMBERING = """
{%- extends original -%}
{%- block header -%}{{ once(resources.nbgrader.notebook, super) }}{%- endblock -%}
{%- block any_cell -%}{{ once(cell, super) }}{%- endblock -%}
"""


class _Exporter(HTMLExporter):
    """nbconvert's exporter, which remembers what it has rendered."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._known: dict[str, tuple[dict[str, Any], _Coloured, Template]] = {}
        self._text = lru_cache(maxsize=_KEPT)(lambda source: HTMLExporter.markdown2html(self, {}, source))
        plain = WidgetsDataTypeFilter(notebook_metadata={}, parent=self)
        self.register_filter("filter_data_type", plain)  # type: ignore[no-untyped-call]

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render a text cell; one without images looks the same wherever it stands."""
        attached = context.get("cell", {}).get("attachments")
        return str(super().markdown2html(context, source) if attached else self._text(source))

    def page(self, notebook: NotebookNode, resources: dict[str, Any]) -> str:
        """Render a notebook, as `from_notebook_node` does but without two deep copies of it."""
        told = notebook.metadata.get("language_info", {})
        lexer = str(told.get("pygments_lexer", told.get("name", "ipython3")))
        if lexer not in self._known:
            empty = NotebookNode(notebook, cells=[])  # type: ignore[no-untyped-call]
            coloured = _Coloured(Highlight2HTML(pygments_lexer=lexer, parent=self))
            self.register_filter("highlight_code", coloured)  # type: ignore[no-untyped-call]
            own = self._init_resources(dict(resources))  # type: ignore[no-untyped-call]
            _, known = TemplateExporter.from_notebook_node(self, empty, own)
            self._known[lexer] = known, coloured, self._remembering()
        known, coloured, template = self._known[lexer]
        self.register_filter("highlight_code", coloured)  # type: ignore[no-untyped-call]
        return str(template.render(nb=notebook, resources={**known, **resources})).lstrip()

    def _remembering(self) -> Template:
        """Return the template, which renders a cell once if it is nbgrader's: an author's may ask for anything."""
        if self.template_name != "feedback":
            return cast("Template", self.template)
        self.environment.auto_reload = False
        own = {"original": self.template, "once": _Once()}
        return cast("Template", self.environment.from_string(_REMEMBERING, globals=own))


class _Once:
    """Parts of pages, remembered by all that they are made of."""

    def __init__(self) -> None:
        self._parts: OrderedDict[str, str] = OrderedDict()

    def __call__(self, content: Any, render: Callable[[], str]) -> str:
        key = json.dumps(content)
        part = self._parts.get(key)
        if part is None:
            part = render()
            if len(key) <= _LONGEST:
                self._parts[key] = part
                if len(self._parts) > _KEPT:
                    self._parts.popitem(last=False)
        return part


class _Coloured:
    """Coloured source, as nbconvert's filter colours it, but with one formatter for all cells."""

    def __init__(self, colour: Highlight2HTML) -> None:
        self._colour = colour
        language = colour.pygments_lexer
        style = escape(f" highlight hl-{language}")
        self._formatter = HtmlFormatter(cssclass=style, **colour.extra_formatter_options)
        try:
            self._lexer = IPython3Lexer() if language == "ipython3" else get_lexer_by_name(language)
        except ClassNotFound:
            self._lexer = None
        self._kept = lru_cache(maxsize=_KEPT)(self._coloured)

    def __call__(self, source: str, language: str | None = None, metadata: Any = None) -> str:
        if self._lexer is None or language:
            return str(self._colour(source, language))
        return self._kept(source) if len(source) <= _LONGEST else self._coloured(source)

    def _coloured(self, source: str) -> str:
        return str(highlight(source or " ", self._lexer, self._formatter))


class Pages:
    """Make feedback pages.

    Args:
        directory: the course, whose configuration may name another template.

    """

    def __init__(self, directory: Directory) -> None:
        converter = GenerateFeedback(coursedir=directory.paths, config=directory.config)
        self._exporter = _Exporter(parent=converter, config=converter.config)
        self._style = CSSHTMLHeaderPreprocessor(parent=converter, enabled=True)
        self._inlining: dict[str, Any] | None = None

    def page(self, name: str, notebook: NotebookNode, told: Told) -> str:
        """Return the page on a graded notebook.

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
        if self._inlining is None:
            known = self._exporter._init_resources(resources)  # type: ignore[no-untyped-call]
            _, styled = self._style.preprocess(notebook, known)
            self._inlining = styled["inlining"]
        return self._exporter.page(notebook, {**resources, "inlining": self._inlining})
