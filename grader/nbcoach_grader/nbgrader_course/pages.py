"""Feedback pages, by nbgrader's own template.

What `nbgrader generate_feedback` makes, without its two dear parts: the page is not parsed again for
attributes that this template has no use for, and what is the same on every learner's page is coloured once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback

from .directory import Directory
from .gradebook import Told

_KEPT = 4096


class _Exporter(HTMLExporter):
    """nbconvert's exporter, which remembers what it has rendered."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._coloured: dict[str, Any] = {}
        self._text = lru_cache(maxsize=_KEPT)(lambda source: HTMLExporter.markdown2html(self, {}, source))
        self.register_filter("filter_data_type", WidgetsDataTypeFilter(notebook_metadata={}, parent=self))

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Render a text cell; one without images looks the same wherever it stands."""
        attached = context.get("cell", {}).get("attachments")
        return str(super().markdown2html(context, source) if attached else self._text(source))

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Render a notebook."""
        told = nb.metadata.get("language_info", {})
        lexer = str(told.get("pygments_lexer", told.get("name", "ipython3")))
        if lexer not in self._coloured:
            self._coloured[lexer] = _Coloured(Highlight2HTML(pygments_lexer=lexer, parent=self))
        self.register_filter("highlight_code", self._coloured[lexer])
        page, told = TemplateExporter.from_notebook_node(self, nb, self._init_resources(resources), **kw)
        return page, told


class _Coloured:
    """Coloured source, remembered."""

    def __init__(self, colour: Highlight2HTML) -> None:
        self._colour = lru_cache(maxsize=_KEPT)(colour)

    def __call__(self, source: str, language: str | None = None, metadata: Any = None) -> str:
        return str(self._colour(source, language))


class Pages:
    """Make feedback pages.

    Args:
        directory: the course, whose configuration may name another template.

    """

    def __init__(self, directory: Directory) -> None:
        converter = GenerateFeedback(coursedir=directory.paths, config=directory.config)
        self._exporter = _Exporter(parent=converter, config=converter.config)
        self._style: CSSHTMLHeaderPreprocessor = CSSHTMLHeaderPreprocessor(parent=converter, enabled=True)
        self._inlining: dict[str, Any] | None = None

    def page(self, name: str, notebook: NotebookNode, told: Told) -> str:
        """Return the page on a graded notebook.

        Args:
            name: of the notebook.
            notebook: as it stands in `autograded/`; scores and comments are put into its metadata.
            told: what the gradebook says of it.

        """
        for cell in notebook.cells:
            own = cell.metadata.get("nbgrader", {})
            if own.get("grade_id") in told.scores:
                own["score"], own["points"] = told.scores[own["grade_id"]]
            if own.get("grade_id") in told.comments:
                own["comment"] = told.comments[own["grade_id"]]
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
            _, styled = self._style.preprocess(notebook, self._exporter._init_resources(resources))
            self._inlining = styled["inlining"]
        page, _ = self._exporter.from_notebook_node(notebook, {**resources, "inlining": self._inlining})
        return page
