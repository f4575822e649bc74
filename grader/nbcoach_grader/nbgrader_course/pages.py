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
from nbformat.v4 import new_notebook
from nbgrader.converters import GenerateFeedback

from .directory import Directory
from .gradebook import Told

_KEPT = 4096


class _Exporter(HTMLExporter):
    """nbconvert's exporter, which remembers what it has rendered."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._coloured: dict[str, tuple[dict[str, Any], _Coloured]] = {}
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
        if lexer not in self._coloured:
            empty = new_notebook(metadata=notebook.metadata)  # type: ignore[no-untyped-call]
            coloured = _Coloured(Highlight2HTML(pygments_lexer=lexer, parent=self))
            self.register_filter("highlight_code", coloured)  # type: ignore[no-untyped-call]
            own = self._init_resources(dict(resources))  # type: ignore[no-untyped-call]
            _, known = TemplateExporter.from_notebook_node(self, empty, own)
            self._coloured[lexer] = known, coloured
        known, coloured = self._coloured[lexer]
        self.register_filter("highlight_code", coloured)  # type: ignore[no-untyped-call]
        return str(self.template.render(nb=notebook, resources={**known, **resources})).lstrip()


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
        self._style = CSSHTMLHeaderPreprocessor(parent=converter, enabled=True)
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
            known = self._exporter._init_resources(resources)  # type: ignore[no-untyped-call]
            _, styled = self._style.preprocess(notebook, known)
            self._inlining = styled["inlining"]
        return self._exporter.page(notebook, {**resources, "inlining": self._inlining})
