"""A learner's text cannot run in the page of whoever grades it."""

from __future__ import annotations

import base64

import pytest
from live_markup import Seen
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_markdown_cell, new_notebook

from nbcoach_grader.nbgrader_course.markup import harmless, is_risky

PICTURE = base64.b64encode(b"\x89PNG").decode()
LIVE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<b onclick=alert(1)>x</b>",
    "</p><iframe src=//evil></iframe>",
    "<style>*{display:none}</style>",
    "<a href='jav&#x61;script:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVa&#x0A;ScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript\\:alert(1))",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](data:text/html;base64,PHNjcmlwdD4=)",
    "```mermaid\n<img src=x onerror=alert(1)>\n```",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\style{position:fixed}{x}$",
    "<!--><script>alert(1)</script>-->",
    "`a` <scr<script>ipt>alert(1)</script>",
    "![x](attachment:gone.png)",
    "    <script>alert(1)</script>\n<script>alert(2)</script>",
]
PLAIN = {
    "**bold** and *italic*": "<strong>bold</strong>",
    "a <b>bold</b> word": "<b>bold</b>",
    "if a < b and c > d": "a &lt; b",
    "x <= 3": "x &lt;= 3",
    "[docs](https://example.org)": 'href="https://example.org"',
    "| a | b |\n|---|---|\n| 1 | 2 |": "<td>1</td>",
}


def rendered(text: str, attachments: object = None) -> str:
    source, images = harmless(text, attachments)
    cell = new_markdown_cell(source)
    if images:
        cell.attachments = images
    return str(HTMLExporter().markdown2html({"cell": cell, "resources": {}}, cell.source))


@pytest.mark.parametrize("text", LIVE)
def test_live_parts_are_text(text: str) -> None:
    assert Seen(rendered(text)).live == []


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_stays(text: str) -> None:
    assert PLAIN[text] in rendered(text)


@pytest.mark.parametrize(
    "formula",
    [
        r"x\style{position:fixed}{y}",
        r"\alpha\href{https://example.org}{y}",
        "\\style %\n{position:fixed}{y}",
        "\\hr\0ef{https://example.org}{y}",
        r"\def\a{\href}\def\b#1{\a{java#1}}\b{script:alert(1)}{y}",
        r"\let\h\href \h{https://example.org}{y}",
        r"\bbox[position:fixed]{y}",
        r"\mmlToken{mi}[style='position:fixed']{y}",
        r"x&#92;class{y}{z}",
    ],
)
def test_formulas_that_could_leave_their_place_are_shown_as_typed(formula: str) -> None:
    assert is_risky(f"${formula}$")
    assert "<pre>" in rendered(f"${formula}$")


@pytest.mark.parametrize("formula", [r"\left(x\right)", r"\newcommand{\R}{\mathbb{R}} \R", r"\textstyle\sum_i x_i"])
def test_ordinary_formulas_stay(formula: str) -> None:
    assert harmless(f"A ${formula}$ b")[0] == f"A ${formula}$ b"


@pytest.mark.timeout(20)
def test_formulas_without_end_keep_nobody_waiting() -> None:
    assert "<pre>" in rendered("\\begin{a}" * 20_000)


def test_attached_images_stay_and_nothing_else() -> None:
    attachments = {
        "a.png": {"image/png": PICTURE},
        "b.svg": {"image/svg+xml": "<svg onload=alert(1)>"},
        "c.png": {"image/png": "no base64 <script>"},
    }
    assert harmless("![a](attachment:a.png)", attachments)[1] == {"a.png": {"image/png": PICTURE}}
    assert f"data:image/png;base64,{PICTURE}" in rendered("![a](attachment:a.png)", attachments)
    for name in ("b.svg", "c.png"):
        assert harmless(f"![x](attachment:{name})", attachments)[1] == {}
        assert Seen(rendered(f"![x](attachment:{name})", attachments)).live == []


def test_half_characters_are_replaced() -> None:
    assert harmless("\ud800 text")[0] == "? text"


def test_payloads_are_live_without_it() -> None:
    """The list above would prove nothing if the renderer were harmless by itself."""
    exporter = HTMLExporter()
    cells = [new_markdown_cell(text) for text in LIVE[:8]]
    assert new_notebook(cells=cells).cells
    assert all(Seen(str(exporter.markdown2html({"cell": c, "resources": {}}, c.source))).live for c in cells)
