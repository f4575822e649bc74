"""What a learner's cell displays stands in the graded notebook, and is inert for whoever looks at it."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from typing import Any

import nbformat
import pandas as pd
import pytest
from course_folders import CourseFolder, answer, cell, notebook, tests
from live_markup import Seen
from nbconvert.exporters import HTMLExporter

from nbcoach_grader.engine.displays import Display
from nbcoach_grader.engine.plan import CellReport
from nbcoach_grader.nbgrader_course.bundles import bundle, inert
from nbcoach_grader.nbgrader_course.outputs import cell_outputs

CANARY = "XSSCANARY()"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
DRAWING = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{CANARY}"><script>{CANARY}</script></svg>'
HOSTILE = [
    f"<img src=x onerror={CANARY}>",
    f"<script>{CANARY}</script>",
    f"<svg onload={CANARY}><a xlink:href='javascript:{CANARY}'>x</a></svg>",
    f"<table class=dataframe onclick={CANARY}><tr style='position:fixed;inset:0'><td>1</td></tr></table>",
    f"<a href='jav&#x61;script:{CANARY}'>x</a>",
    f"<a href='data:text/html,<script>{CANARY}</script>'>x</a>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={CANARY}>",
    f"<noscript><p title='</noscript><img src=x onerror={CANARY}>'>",
    f"<iframe srcdoc='<script>{CANARY}</script>'></iframe>",
    f"<form action=//evil.example><input autofocus onfocus={CANARY}></form>",
    "<base href=//evil.example><link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<style>*{background:url(//evil.example)}</style>",
    "<div style='background:url(//evil.example)' id=nbgrader class='modal btn-danger'>x</div>",
    "<img src=//evil.example/seen.png>",
    "<img src='/hub/logout'><a href='/hub/logout'>x</a>",
    "<button data-commandlinker-command='terminal:create-new'>x</button>",
    "<td data-commandlinker-command='terminal:create-new'>x</td>",
    f"<!--><script>{CANARY}</script>-->",
    f"<scr<script>ipt>{CANARY}</scr</script>ipt>",
]


class Addresses(HTMLParser):
    """Addresses that a page loads or leads to, and names that it gives."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [f"{name}={value}" for name, value in attributes if name not in ("rel", "alt", "border")]


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_runs_loads_or_leaves_its_place(html: str) -> None:
    made = inert(html)
    assert Seen(made).live == []
    assert set(Addresses(made).found) <= {"class=tex2jax_ignore mathjax_ignore", "class=dataframe"}


@pytest.mark.parametrize("html", HOSTILE[:-2])  # these two are for browsers' parsers, which forgive more than this one
def test_payloads_are_live_without_it(html: str) -> None:
    """The list above would prove nothing if it held nothing."""
    assert Seen(html).live or Addresses(html).found


def test_tables_still_look_like_tables() -> None:
    frame = pd.DataFrame({"town": ["A & B", "<b>C</b>"], "rain": [1.5, None]}, index=["x", "y"])
    made = inert(frame._repr_html_())  # type: ignore[operator]
    for part in (
        '<table border="1" class="dataframe">',
        "<thead>",
        "<th>town</th>",
        "<td>A &amp; B</td>",
        "<td>NaN</td>",
    ):
        assert part in made
    assert "&lt;b&gt;C" in made
    assert ".dataframe" not in made
    wide = frame.groupby("town").agg(["min", "max"]).to_html()
    assert 'colspan="2"' in inert(wide)


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        (
            "<h2>T</h2><p>a <em>b</em><br>c</p><ul><li>d</li></ul>",
            "<h2>T</h2><p>a <em>b</em><br>c</p><ul><li>d</li></ul>",
        ),
        ("<a href='https://example.org/x'>x</a>", '<a href="https://example.org/x" rel="noopener noreferrer">x</a>'),
        (f"<img src='data:image/png;base64,{base64.b64encode(PNG).decode()}'>", base64.b64encode(PNG).decode()),
        ("a < b", "a &lt; b"),
        ("\ud800", "?"),
    ],
)
def test_ordinary_html_stays(html: str, kept: str) -> None:
    assert kept in inert(html)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"text/plain": "\x1b[31mred"}, {"text/plain": "red"}),
        ({"text/html": f"<script>{CANARY}</script>", "text/plain": "chart"}, {"text/plain": "chart"}),
        ({"text/html": "<style>x</style>"}, {}),
        ({"application/javascript": CANARY, "text/plain": "js"}, {"text/plain": "js"}),
        ({"application/vnd.jupyter.widget-view+json": "{}"}, {}),
        ({"image/png": PNG}, {"image/png": base64.b64encode(PNG).decode()}),
        ({"text/latex": "$x^2$"}, {"text/latex": "$x^2$"}),
        ({"text/latex": "$\\href{javascript:alert(1)}{x}$", "text/plain": "x"}, {"text/plain": "x"}),
        ({"text/markdown": "**b** <script>"}, {"text/markdown": "**b** &lt;script>"}),
        ({"text/markdown": "[x](javascript:alert(1))"}, {"text/markdown": "    [x](javascript:alert(1))"}),
    ],
)
def test_bundles(data: dict[str, Any], shown: dict[str, str]) -> None:
    assert bundle(Display(after=0, data=data)) == shown


def test_a_drawing_is_an_image() -> None:
    made = bundle(Display(after=0, data={"image/svg+xml": DRAWING}))
    assert list(made) == ["text/html"]
    assert made["text/html"].startswith('<img alt="drawing" src="data:image/svg+xml;base64,')
    assert CANARY not in made["text/html"]


def test_text_and_displays_keep_their_order_and_bounds() -> None:
    one = Display(after=2, data={"text/plain": "1"})
    two = Display(after=4, data={"text/plain": "2"}, result=True)
    lies = Display(after=10**9, data={"text/plain": "3"})
    report = CellReport(id="a", state="ok", output="a\nb\n" + "x" * 10_000, displays=(two, one, lies), cut=True)
    shown = cell_outputs(report)
    assert [output.output_type for output in shown] == [
        *("stream", "display_data", "stream", "execute_result", "stream", "display_data", "stream"),
    ]
    assert [shown[n].text for n in (0, 2)] == ["a\n", "b\n"]
    assert sum(len(output.text) for output in shown if output.output_type == "stream") < 9000
    assert "truncated" in shown[-1].text


MASTER = notebook(
    cell("import pandas as pd\nimport matplotlib.pyplot as plt\nfrom IPython.display import *", "setup", locked=True),
    cell("### BEGIN SOLUTION\nplt.plot([1, 2])\n### END SOLUTION", "chart", points=3, solution=True),
    answer("table", "### BEGIN SOLUTION\nframe = pd.DataFrame({'a': [1]})\n### END SOLUTION"),
    tests("table-tests", "assert list(frame.columns) == ['a']\n", 2),
)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, float]:
    """Return a learner's graded notebook, its feedback page, and the points."""
    course = CourseFolder(tmp_path_factory.mktemp("displays"))
    course.assign("ps1", "shown", MASTER)
    work = course.released("ps1", "shown")
    own = {cell.metadata.nbgrader.grade_id: cell for cell in work.cells if "nbgrader" in cell.metadata}  # type: ignore[attr-defined]
    own["chart"].source = "print('before')\nplt.plot([1, 2])\nplt.show()\nprint('after')\nplt.plot([2, 1]);"
    hostile = "\n".join(f"display(HTML({html!r}))" for html in HOSTILE)
    hostile += f"\ndisplay(SVG({DRAWING!r}))\ndisplay(Javascript({CANARY!r}))"
    own["table"].source = f"{hostile}\nframe = pd.DataFrame({{'a': [1]}})\nframe"
    course.submit("ada", "ps1", "shown", work)
    done = course.autograde()
    assert done.status == 0, done.errors
    return (
        json.loads((course.root / "autograded/ada/ps1/shown.ipynb").read_text()),
        (course.root / "feedback/ada/ps1/shown.html").read_text(),
        done.scores("ada")["table-tests"] or 0.0,
    )


def test_a_graded_notebook_shows_figures_and_tables(graded: tuple[dict[str, Any], str, float]) -> None:
    nb, page, points = graded
    nbformat.validate(nbformat.from_dict(nb))  # type: ignore[no-untyped-call]
    chart, table = nb["cells"][1], nb["cells"][2]
    told = [(output["output_type"], output.get("text"), sorted(output.get("data", ()))) for output in chart["outputs"]]
    figure = ("display_data", None, ["image/png", "text/plain"])
    assert told == [("stream", "before\n", []), figure, ("stream", "after\n", []), figure]
    pictures = [output["data"]["image/png"] for output in chart["outputs"] if "data" in output]
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert pictures[0] != pictures[1]
    assert all(f"data:image/png;base64,{picture}" in page for picture in pictures)
    assert table["outputs"][-1]["output_type"] == "execute_result"
    assert 'class="dataframe"' in table["outputs"][-1]["data"]["text/html"]
    assert "<td>1</td>" in page
    assert points == 2


def test_nothing_of_it_is_live(graded: tuple[dict[str, Any], str, float]) -> None:
    nb, page, _ = graded
    outputs = [output for cell in nb["cells"] for output in cell.get("outputs", ())]
    assert {kind for output in outputs for kind in output.get("data", ())} == {"image/png", "text/html", "text/plain"}
    assert all(Seen(output["data"].get("text/html", "")).live == [] for output in outputs if "data" in output)
    assert [found for found in Addresses(page).found if "XSSCANARY" in found or "evil.example" in found] == []
    assert [live for live in Seen(page).live if "XSSCANARY" in live] == []


def test_nbgraders_own_page_shows_it_too(graded: tuple[dict[str, Any], str, float]) -> None:
    """The formgrader makes its page from the same notebook, with nbconvert and without cleaning."""
    page, _ = HTMLExporter().from_notebook_node(nbformat.from_dict(graded[0]))  # type: ignore[no-untyped-call]
    assert page.count("data:image/png;base64,") >= 2
    assert [found for found in Addresses(page).found if "XSSCANARY" in found or "evil.example" in found] == []
