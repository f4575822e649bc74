"""Style notes: what ruff sees in a learner's cells, in words of ours, and never at anybody's cost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nbcoach_exercises.wire import CellSource, StyleNote
from nbcoach_grader import ruff_server
from nbcoach_grader.ruff_server import ruff
from nbcoach_grader.style import MAX_NOTES, Style, within
from nbcoach_grader.style_rules import RULES

Run = Callable[..., Any]

SHOWN = {
    "F632": "def f(x):\n    return x is 5",
    "B006": "def f(x=[]):\n    return x",
    "E722": "try:\n    f()\nexcept:\n    raise SystemExit",
    "B023": "def f():\n    for x in range(3):\n        yield lambda: x",
    "B008": "def f(x=g()):\n    return x",
    "B015": "x = 1\nx == 2\nx = 3",
    "B018": "x = 1\n[x]\nx = 3",
    "F811": "def f():\n    return 1\n\ndef f():\n    return 2",
    "F841": "def f():\n    x = 1",
    "F541": "x = f'a'",
    "F601": "x = {'a': 1, 'a': 2}",
    "W605": "x = '\\d'",
    "E711": "if x == None:\n    y = 1",
    "E712": "if x == True:\n    y = 1",
    "E713": "if not x in y:\n    z = 1",
    "E714": "if not x is y:\n    z = 1",
    "E721": "if type(x) == int:\n    z = 1",
    "E741": "l = 1",
    "A001": "list = 1",
    "A002": "def f(sum):\n    return sum",
    "PLW0603": "x = 0\ndef f():\n    global x\n    x = 1",
    "PLW2901": "for x in y:\n    x = 1",
    "SIM103": "def f(x):\n    if x > 1:\n        return True\n    else:\n        return False",
    "SIM118": "y = 'a' in x.keys()",
    "SIM102": "if x:\n    if y:\n        z = 1",
    "RET505": "def f(x):\n    if x:\n        return 1\n    else:\n        return 2",
    "PLR1714": "y = x == 1 or x == 2",
    "PLR5501": "if x:\n    y = 1\nelse:\n    if z:\n        y = 2",
    "SIM108": "if x:\n    y = 1\nelse:\n    y = 2",
    "SIM110": "def f(y):\n    for x in y:\n        if x:\n            return True\n    return False",
    "B007": "for x in y:\n    z = 1",
    "SIM113": "n = 0\nfor x in y:\n    print(n, x)\n    n += 1",
    "C400": "x = list(n + 1 for n in y)",
    "C401": "x = set(n + 1 for n in y)",
    "C403": "x = set([n + 1 for n in y])",
    "C404": "x = dict([(n, 1) for n in y])",
    "C408": "x = dict()",
    "C416": "x = [n for n in y]",
    "C419": "x = any([n > 1 for n in y])",
    "UP031": "x = 'a %s' % y",
    "UP032": "x = 'a {}'.format(y)",
    "F401": "import os",
    "N802": "def readFile():\n    return 1",
    "N806": "def f():\n    Total = 1\n    return Total",
    "N801": "class water_jar:\n    pass",
    "E701": "if x: y = 1",
    "E702": "x = 1; y = 2",
    "E703": "x = 1;\ny = 2",
}


def cell(source: str, grade_id: str | None = "q", number: int = 1) -> CellSource:
    return CellSource(id=str(number), grade_id=grade_id, source=source)


@contextlib.asynccontextmanager
async def closing() -> AsyncIterator[Style]:
    style = Style()
    try:
        yield style
    finally:
        await style.close()


def read(run: Run, *cells: CellSource, starter: str = "", answers: tuple[str, ...] = ("q",)) -> tuple[StyleNote, ...]:
    async def told() -> tuple[StyleNote, ...]:
        async with closing() as style:
            return await style.notes(cells, answers, {"q": starter})

    found: tuple[StyleNote, ...] = run(told())
    return found


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_finds_what_it_is_for(run: Run, rule: str) -> None:
    found = {note.rule: note for note in read(run, cell(SHOWN[rule]))}
    assert rule in found
    note = found[rule]
    assert note.text == SHOWN[rule].splitlines()[note.line - 1].strip()
    assert "{name}" not in note.what
    assert note.url is not None
    assert re.fullmatch(r"https://docs\.astral\.sh/ruff/rules/[a-z0-9-]+", note.url)


def test_clean_code_has_no_notes(run: Run) -> None:
    assert read(run, cell("def area(radius):\n    return 3.14 * radius**2\n\narea(2)")) == ()


def test_magics_are_known_and_lines_are_the_cells_own(run: Run) -> None:
    (note,) = read(
        run, cell("!ls", None), cell("%matplotlib inline\nimport math\n\n!echo hi\nif math.pi == None:\n    x = 1")
    )
    assert (note.cell, note.rule, note.line) == ("q", "E711", 5)


def test_what_another_cell_uses_is_used(run: Run) -> None:
    assert read(run, cell("import os"), cell("os.getcwd()", None, 2)) == ()


def test_only_the_answers_that_were_asked_about(run: Run) -> None:
    cells = (cell("l = 1", None), cell("I = 1", "r"), cell("O = 1"))
    assert [note.text for note in read(run, *cells)] == ["O = 1"]
    assert {note.cell for note in read(run, *cells, answers=("q", "r"))} == {"q", "r"}


def test_the_authors_lines_are_not_the_learners(run: Run) -> None:
    source = "def readFile(l=[]):\n    # your code\n    if l == None:\n        return 1"
    assert {note.line for note in read(run, cell(source), starter="def readFile(l=[]):\n    ...")} == {3}


def test_notes_are_few_and_the_useful_ones_come_first(run: Run) -> None:
    source = "\n".join(
        f"def f{n}():\n{indented}"
        for n, indented in enumerate("    " + s.replace("\n", "\n    ") for s in SHOWN.values())
    )
    found = [note.rule for note in read(run, cell(source))]
    assert len(found) == len(set(found)) == MAX_NOTES
    assert found == sorted(found, key=list(RULES).index)


def test_another_cell_that_cannot_be_read_does_not_matter(run: Run) -> None:
    broken = cell("if 1\n", None, 2)
    assert [note.rule for note in read(run, cell("l = 1\nimport os"), broken)] == ["E741"]
    assert read(run, cell("l = 1\nif 1"), cell("l = 1", None, 2)) == ()


@pytest.mark.parametrize(
    "source", ["(" * 90_000, "not " * 40_000, "\x00\ud800", "[" * 2000, "x = 1\n" * 60_000, "", "%%bash\nls"]
)
def test_odd_sources_have_no_notes(run: Run, source: str) -> None:
    assert read(run, cell(source)) == ()


def test_a_learner_cannot_configure_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ruff.toml").write_text("lint.ignore = ['E741']\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUFF_CONFIG", str(tmp_path / "ruff.toml"))
    assert [note.rule for note in read(run, cell("l = 1"))] == ["E741"]


@pytest.mark.parametrize(
    "script",
    [
        None,
        "exit 3",
        "echo nonsense",
        "echo '[{}]'",
        "head -c 100 /dev/zero",
        "kill -9 $$",
        r"printf 'Content-Length: 2\r\n\r\n[]'",
        r"printf 'Content-Length: 99999999\r\n\r\n'; cat",
        r"printf 'Content-Length: x\r\n\r\n'; cat",
        r"""printf 'Content-Length: 8\r\n\r\n{"id":0}'""",
    ],
    ids=[
        "missing", "fails", "nonsense", "json", "zeros", "killed", "no object", "too long", "no length", "dies later"
    ],
)  # fmt: skip
def test_without_ruff_there_are_no_notes_and_one_complaint(
    run: Run, script: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "ruff"
    if script is not None:
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setattr(ruff_server, "ruff", lambda: str(path))

    async def told() -> None:
        async with closing() as style:
            for _ in range(2):
                assert await style.notes([cell("l = 1")], ["q"], {}) == ()

    with caplog.at_level(logging.WARNING):
        run(told())
    assert len(caplog.records) == 1


def test_who_is_late_is_not_waited_for(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ruff"
    path.write_text("#!/bin/sh\nexec sleep 60\n")
    path.chmod(0o755)
    monkeypatch.setattr(ruff_server, "ruff", lambda: str(path))

    async def late() -> tuple[StyleNote, ...]:
        async with closing() as style:
            return await within(asyncio.create_task(style.notes([cell("l = 1")], ["q"], {})), 0.1)

    assert run(late()) == ()


def test_words_are_within_the_frames_bounds() -> None:
    for what, why in RULES.values():
        assert len(what) <= 200
        assert len(why) <= 600


def test_all_rules_are_stable_ones() -> None:
    said = subprocess.run(
        [ruff(), "linter", "--output-format", "json"], capture_output=True, text=True, check=True
    ).stdout
    assert "Pyflakes" in said
    asked = subprocess.run(
        [ruff(), "check", "--isolated", "--no-cache", "--select", ",".join(RULES), "-"],
        input="x = 1\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "preview" not in asked.stderr
