"""Feedback pages are what nbgrader's template makes of the whole notebook, though they are put together from parts."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from course_folders import CourseFolder, answer, cell, notebook, tests
from hypothesis import example, given
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback

from nbcoach_grader.nbgrader_course.colouring import Coloured
from nbcoach_grader.nbgrader_course.directory import Directory
from nbcoach_grader.nbgrader_course.gradebook import Told
from nbcoach_grader.nbgrader_course.pages import Pages

WORDS = "%% != !! ?? := -> \"\"\" ''' .5 1.5e3 .* time sx ls def class import from lazy match _ if print( .len f' r' b'' [a,b] {x!r:%d}"
PIECES = [*"%!?=\n\r\t x'#\\(){}:@é\ufeff", *WORDS.split(), "html\n<b>", "def f():", "  ", "from ", "case x:"]
STAND_IN = "nbcoach_stand_in"
OUTPUTS: list[dict[str, Any]] = [
    {"output_type": "stream", "name": "stdout", "text": "<b>&\n"},
    {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["E: \x1b[31mred\x1b[0m"]},
    {"output_type": "execute_result", "execution_count": 3, "metadata": {}, "data": {"text/plain": "0.5"}},
    {"output_type": "display_data", "metadata": {}, "data": {"image/png": "aGk=", "text/plain": "hi"}},
    {"output_type": "display_data", "metadata": {}, "data": {"text/html": f"<i>{STAND_IN}</i>"}},
]
OWN = """
{%- extends 'nbconvert/templates/classic/index.html.j2' -%}
{%- block footer -%}{%- for cell in nb.cells -%}<pre>{{ cell.source }}</pre>{%- endfor -%}{%- endblock -%}
"""
COLOURED = Coloured(Highlight2HTML(pygments_lexer="ipython3"))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("%time x")
@example("!ls\n")
@example("x?")
@example("x % y != z")
@example("%%html\n<b>x</b>")
@example("x = [1.5, .5]\n  '''text'''\n  match x:\n")
@example("")
def test_source_is_coloured_as_nbconvert_does(source: str) -> None:
    theirs = Highlight2HTML(pygments_lexer="ipython3")
    assert COLOURED(source) == theirs(source)


@pytest.mark.parametrize("language", ["python3", "r"])
def test_other_languages_are_coloured_as_nbconvert_does(language: str) -> None:
    theirs = Highlight2HTML(pygments_lexer=language)
    assert Coloured(theirs)("x <- 1  # %time ?") == theirs("x <- 1  # %time ?")
    assert Coloured(theirs)("x = 1", "python") == theirs("x = 1", "python")


def graded(source: str, text: str, outputs: list[dict[str, Any]]) -> NotebookNode:
    """Return a graded notebook with a cell of each kind."""
    told = notebook(
        cell("# Title", kind="markdown"),
        cell("import numpy as np", "setup", locked=True),
        answer("double", source),
        tests("double-tests", "assert double(2) == 4", 4),
        cell(source),
        cell(text, "essay", kind="markdown", points=3, solution=True),
        cell("Do it.", "work", kind="markdown", points=2, task=True),
        cell("raw <b>", kind="raw"),
    )
    told["cells"] = [own | {"id": f"id-{number}"} for number, own in enumerate(told["cells"])]
    told["cells"][6]["metadata"]["nbgrader"]["grade"] = False
    told["cells"][5]["attachments"] = {"a.png": {"image/png": "aGk="}}
    for number in (2, 3, 4):
        told["cells"][number]["outputs"] = outputs
    node: NotebookNode = nbformat.from_dict(told)  # type: ignore[no-untyped-call]
    return node


LEARNERS = [
    (graded("def double(n):\n    return n", "one", []), 0.0, None, 0.0),
    (graded(STAND_IN, "two ![x](attachment:a.png)", OUTPUTS), 0.0, "No response.", 0.0),
    (graded("%time x?", "two <i>& \ud800é", OUTPUTS[:2]), 3.5, "**good**", 1.5),
    (graded("", "", OUTPUTS[2:]), 3.5, "**good**", 1.5),
    (graded("# long\n" * 3000, "long " * 5000, OUTPUTS[2:]), 3.5, "**good**", 1.5),
]


def scores(points: float, comment: str | None, penalty: float) -> Told:
    return Told(
        scores={"double-tests": (points, 4.0), "essay": (points, 3.0), "work": (1.0, 2.0)},
        comments={"double": comment, "essay": comment, "work": comment},
        late_penalty=penalty,
    )


class Whole:
    """Pages by nbconvert, each rendered as a whole."""

    def __init__(self, directory: Directory) -> None:
        converter = GenerateFeedback(coursedir=directory.paths, config=directory.config)
        self._exporter = HTMLExporter(parent=converter, config=converter.config)  # type: ignore[no-untyped-call]
        self._exporter.register_preprocessor(CSSHTMLHeaderPreprocessor(parent=converter), enabled=True)  # type: ignore[no-untyped-call]

    def page(self, name: str, node: NotebookNode, told: Told) -> bytes:
        for found in node.cells:
            own = found.metadata.get("nbgrader", {})
            if own.get("grade_id") in told.scores:
                own.score, own.points = told.scores[own.grade_id]
            if own.get("grade_id") in told.comments:
                own.comment = told.comments[own.grade_id]
        resources = self._exporter._init_resources(  # type: ignore[no-untyped-call]
            {
                "unique_key": name,
                "nbgrader": {
                    "notebook": name,
                    "score": sum(score for score, _ in told.scores.values()) - told.late_penalty,
                    "max_score": sum(points for _, points in told.scores.values()),
                    "late_penalty": told.late_penalty,
                },
            }
        )
        self._exporter.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3"))  # type: ignore[no-untyped-call]
        page, _ = TemplateExporter.from_notebook_node(self._exporter, node, resources)
        return page.lstrip().encode("utf-8", "replace")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return Directory(CourseFolder(tmp_path_factory.mktemp("pages")).root)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("source", ["'" + r"\N{" * 100_000 + "<b>", "x = 1\n" * 20_000 + "<b>"])
def test_source_that_would_take_long_is_shown_without_colours(source: str) -> None:
    page = COLOURED(source)
    assert page.startswith('<div class=" highlight hl-ipython3"><pre>')
    assert "&lt;b&gt;" in page
    assert 'class="n"' not in page


def test_pages_are_those_of_nbgraders_template(directory: Directory) -> None:
    ours, whole = Pages(directory), Whole(directory)
    for node, *said in LEARNERS + LEARNERS:
        for name in ("first", "second"):
            told = scores(*said)
            assert ours.page(name, copy.deepcopy(node), told) == whole.page(name, copy.deepcopy(node), told)


def test_each_page_holds_its_learners_source_alone(directory: Directory) -> None:
    pages = Pages(directory)
    shown = [pages.page("small", graded(f"mine_{n}", f"text_{n}", []), scores(0, None, 0)).decode() for n in range(3)]
    for number, page in enumerate(shown):
        assert [f"mine_{n}" in page and f"text_{n}" in page for n in range(3)] == [n == number for n in range(3)]
        assert STAND_IN not in page


def test_an_authors_template_of_the_same_name_gets_whole_notebooks(tmp_path: Path) -> None:
    folder = tmp_path / "templates" / "feedback"
    folder.mkdir(parents=True)
    (folder / "conf.json").write_text('{"base_template": "classic", "mimetypes": {"text/html": true}}')
    (folder / "index.html.j2").write_text(OWN)
    config = f"c.HTMLExporter.extra_template_basedirs = [{str(folder.parent)!r}]\n"
    pages = Pages(Directory(CourseFolder(tmp_path / "course", config).root))
    for source in ("mine = 1", "yours = 2"):
        page = pages.page("small", graded(source, "text", []), scores(0, None, 0)).decode()
        assert page.count(f"<pre>{source}</pre>") == 2
