"""What a cell displays is taken where somebody looks at it, within bounds, and believed only as far as it is well formed."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Any

import pytest
from grader_plans import plan, verdicts

from nbcoach_exercises.model import Limits
from nbcoach_grader.engine.displays import (
    MAX_CELL_BYTES,
    MAX_DISPLAYS,
    MAX_NOTEBOOK_BYTES,
    MAX_TEXT,
    Display,
    pixels,
    read_displays,
    room_for,
)
from nbcoach_grader.engine.plan import CellReport

PLT = "import matplotlib.pyplot as plt\n"
SHOW = "from IPython.display import *\n"
ROOMY = Limits(seconds=20.0, memory_mb=1024)


def png(width: int = 1, height: int = 1) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\0"


def reports(engine: Any, run: Any, *cells: str, once: bool = True, learner: str = "looked at") -> list[CellReport]:
    return list(run(engine.run(replace(plan(*cells, learner=learner, limits=ROOMY), once=once))).cells)


def kinds(report: CellReport) -> list[list[str]]:
    return [sorted(display.data) for display in report.displays]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (PLT + "plt.plot([1, 2]);", [["image/png", "text/plain"]]),
        ("%matplotlib inline\n" + PLT + "plt.plot([1, 2])\nplt.show()", [["image/png", "text/plain"]]),
        (PLT + "for n in range(3):\n    plt.plot([n])\n    plt.show()", [["image/png", "text/plain"]] * 3),
        (PLT + "plt.figure(); plt.figure()", [["text/plain"]]),  # empty ones are not drawn
        (PLT + "fig, ax = plt.subplots()\nplt.close(fig)\nfig", [["image/png", "text/plain"]]),
        ("import pandas as pd\npd.DataFrame({'a': [1]})", [["text/html", "text/plain"]]),
        (SHOW + "display(1, 2)\ndisplay(3)\n4", [["text/plain"]] * 4),
        (SHOW + "display(HTML('<b>x</b>'), Math('x'), Markdown('*x*'))",
         [["text/html", "text/plain"], ["text/latex", "text/plain"], ["text/markdown", "text/plain"]]),
        (SHOW + "display(Javascript('alert(1)'), JSON({}))", [["text/plain"]] * 2),
        (SHOW + "display({'application/javascript': 'alert(1)', 'application/x': 'y'}, raw=True)", []),
        (SHOW + f"Image({png()!r})", [["image/png", "text/plain"]]),
        ("4;", []),
        ("x = 4", []),
    ],
)  # fmt: skip
def test_what_is_taken(engine: Any, run: Any, source: str, expected: list[list[str]]) -> None:
    (report,) = reports(engine, run, source)
    assert (report.state, kinds(report), report.cut) == ("ok", expected, False)


def test_the_order_of_text_and_displays(engine: Any, run: Any) -> None:
    source = SHOW + "print('a')\ndisplay(1)\nprint('b')\n2"
    (report,) = reports(engine, run, source)
    assert report.output == "a\nb\n"
    assert [(d.after, d.result, d.data["text/plain"]) for d in report.displays] == [(2, False, "1"), (4, True, "2")]


def test_updates_replace_and_clearing_forgets(engine: Any, run: Any) -> None:
    source = SHOW + "print('old')\ndisplay('old')\nclear_output(wait=True)\nbar = display(0, display_id='bar')\n"
    source += "for n in range(100):\n    bar.update(n)\n"
    (first, other) = reports(engine, run, source, SHOW + "update_display('late', display_id='bar')")
    assert (first.output, [d.data["text/plain"] for d in first.displays]) == ("", ["99"])
    assert other.displays == ()


def test_a_check_takes_and_draws_nothing(engine: Any, run: Any) -> None:
    drawn = PLT + "fig, ax = plt.subplots()\nax.figure.savefig = None\nax.figure.draw = None\nprint('x')"
    (report,) = reports(engine, run, drawn, once=False)
    assert (report.state, report.output, report.displays) == ("ok", "x\n", ())
    (report,) = reports(engine, run, SHOW + "display(1)\n2", once=False)
    assert "1" in report.output
    assert report.displays == ()


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize(
    ("cells", "test"),
    [
        ((PLT + "plt.plot([1])\nplt.title('T')",), "assert plt.gca().get_title() == 'T'"),
        ((PLT + "plt.plot([1])\nplt.title('T')\nplt.show()", "x = 1"), "assert plt.gca().get_title() == 'T'"),
        ((PLT + "plt.plot([1])", "plt.plot([2])"), "assert len(plt.gca().lines) == 1"),
        ((PLT + "plt.plot([1])\nplt.show()\nplt.plot([2])",), "assert len(plt.gca().lines) == 1"),
    ],
)
def test_figures_are_as_in_a_notebook_and_tests_see_them(
    engine: Any, run: Any, cells: tuple[str, ...], test: str, once: bool
) -> None:
    asked = plan(*cells, tests=PLT + test, learner=f"figures {once}", limits=ROOMY)
    assert verdicts(run(engine.run(replace(asked, once=once)))) == ["passed"]


def test_bounds_of_a_cell(engine: Any, run: Any) -> None:
    many, long, image, huge, drawing = reports(
        engine,
        run,
        SHOW + "for n in range(100): display(n)",
        SHOW + f"display({{'text/plain': 'x' * {MAX_TEXT + 1}, 'text/html': 'x' * {MAX_TEXT + 1}}}, raw=True)",
        SHOW + f"display({{'image/png': {png()!r} + b'x' * {MAX_CELL_BYTES}, 'text/plain': 'x'}}, raw=True)",
        PLT + "plt.figure(figsize=(400, 400))\nplt.plot([1]);",
        PLT + "fig, ax = plt.subplots()\nax.plot([1])\nax.text(400, 1, 'x')\nfig.savefig = 1;",
    )
    assert (len(many.displays), many.cut) == (MAX_DISPLAYS, True)
    assert (kinds(long), long.cut) == ([["text/plain"]], True)
    assert (kinds(image), image.cut) == ([["text/plain"]], True)
    (shown,) = huge.displays
    assert isinstance(shown.data["image/png"], bytes)
    assert 0 < pixels("image/png", shown.data["image/png"]) < 5_000_000
    assert (drawing.state, drawing.displays) == ("ok", ())  # one that cannot be drawn is no error of the cell's


def test_bounds_of_a_notebook(engine: Any, run: Any) -> None:
    big = SHOW + f"import os\nfor _ in range(4): display({{'image/png': {png()!r} + os.urandom(100_000)}}, raw=True)"
    found = reports(engine, run, *[big] * 5)
    assert sum(display.size for report in found for display in report.displays) <= MAX_NOTEBOOK_BYTES
    assert [len(report.displays) for report in found] == [4, 4, 2, 0, 0]
    assert [report.cut for report in found] == [False, False, True, True, True]


def test_a_drawing_without_end_is_left_out(engine: Any, run: Any) -> None:
    source = PLT + "fig, ax = plt.subplots()\nax.plot([1])\ndef draw(*a, **k):\n    while True: pass\nax.draw = draw;"
    first, second = reports(engine, run, source, "x = 1")
    assert (first.state, kinds(first), first.cut) == ("ok", [], True)
    assert second.state == "ok"


@pytest.mark.parametrize(
    ("claim", "kept"),
    [
        ([[0, False, {"text/plain": "x"}]], ["x"]),
        (None, []),
        ("text", []),
        ({"text/plain": "x"}, []),
        ([["0", False, {"text/plain": "x"}], [-1, False, {"text/plain": "x"}], [0, 1, {"text/plain": "x"}]], []),
        ([[0, False, {"text/plain": b"x"}], [0, False, {"text/plain": ["x"]}], [0, False, {1: 2}]], []),
        ([[0, False, {"text/plain": "x" * (MAX_TEXT + 1)}]], []),
        ([[0, False, {"application/javascript": "x", "text/plain": "y"}]], ["y"]),
        ([[0, False, {"image/png": b"<script>"}]], []),
        ([[0, False, {"image/png": png(100_000, 100_000)}]], []),
        ([[0, False, {"image/png": png(0, 0)}]], []),
        ([[0, False, {"image/png": png()[:17]}]], []),
        ([[0, False, {"image/jpeg": b"\xff\xd8\xff"}]], []),
        ([[0, False, {"image/jpeg": jpeg(65_000, 65_000)}]], []),
        ([[0, False, {"image/jpeg": png()}]], []),
        ([[0, False, {"text/plain": "x"}]] * 100, ["x"] * MAX_DISPLAYS),
    ],
)
def test_malformed_claims_are_left_out(claim: object, kept: list[str]) -> None:
    assert [display.data["text/plain"] for display in read_displays(claim, MAX_CELL_BYTES)] == kept


def test_images_tell_their_size() -> None:
    assert pixels("image/png", png(30, 20)) == pixels("image/jpeg", jpeg(30, 20)) == 600


def test_room() -> None:
    half = (Display(after=0, data={"text/plain": "x" * (MAX_NOTEBOOK_BYTES // 2)}),)
    assert [room_for([half] * times) for times in (0, 1, 2, 3)] == [MAX_CELL_BYTES, MAX_CELL_BYTES, 0, 0]
    assert read_displays([[0, False, {"text/plain": "xx"}]], 1) == ()
