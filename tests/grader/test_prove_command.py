"""`nbcoach prove` and `nbcoach check` as their users call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner
from grader_masters import cell

from nbcoach_exercises.errors import InvalidCourse
from nbcoach_grader.authored import material_at
from nbcoach_grader.commands.check import check
from nbcoach_grader.commands.prove import prove_command
from nbcoach_grader.nbgrader_course.masters import read_loose

ROWS = (
    ("answer", "a", "### BEGIN SOLUTION\ndef f(n):\n    return n + 1\n### END SOLUTION"),
    ("test", "t", "assert f(1) == 2"),
)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "master.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell(*row) for row in ROWS]), path)
    return path


def prove(*arguments: Any) -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(prove_command, [*map(str, arguments), "--json"])
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_a_master_is_proven_with_its_starter_and_mutants(master: Path) -> None:
    status, (line,), _ = prove(master, "--mutants", 5)
    assert (status, line["ok"], line["starter"]) == (0, True, {"score": 0.0})
    assert line["cells"] == [{"id": "t", "verdict": "passed", "mode": "isolated", "why": None}]
    assert line["mutants"] == {"tried": 3, "survived": []}


def test_a_reference_that_fails_says_why(master: Path) -> None:
    nbformat.write(nbformat.v4.new_notebook(cells=[cell(*ROWS[0]), cell("test", "t", "assert f(1) == 3")]), master)
    status, (line,), _ = prove(master)
    assert (status, line["ok"]) == (0, False)
    assert "f(1) is 2" in line["cells"][0]["why"]


def test_what_is_no_master_is_named_and_the_rest_is_proven(master: Path) -> None:
    (master.parent / "broken.ipynb").write_text("{")
    for number, old in enumerate(({}, {"worksheets": 3}, {"worksheets": [{"cells": [3]}]}, {"cells": []})):
        text = json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}} | old)
        (master.parent / f"old{number}.ipynb").write_text(text)
    status, lines, problem = prove(master.parent)
    assert (status, len(lines)) == (2, 1)
    assert "broken.ipynb is no JSON" in problem
    assert all(f"old{number}.ipynb has notebook format 3" in problem for number in range(4))


UNCLOSED = "assert f(0) == 1\n### BEGIN HIDDEN TESTS\nassert f(5) == 6\n### BEGIN HIDDEN TESTS"
DESCRIBED = {"title": "F", "summary": "Add one.", "skills": ["f"], "difficulty": 1, "minutes": 5}
MALFORMED = {
    "nested": (UNCLOSED, "line 4: unbalanced hidden region", "Neither nbgrader nor nbcoach releases"),
    "unclosed": ("### BEGIN HIDDEN TESTS\nassert f(5) == 6", "never closed", "Neither nbgrader nor nbcoach releases"),
    "unopened": ("assert f(0) == 1\n### END HIDDEN TESTS", "line 2: unbalanced hidden region", "nbgrader would"),
    "points": ("### CHECK: all (9 points)\nassert f(0) == 1", "add up to 9", "nbgrader would"),
}


@pytest.mark.parametrize(("source", "fault", "consequence"), MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("of_a_course", [False, True], ids=["loose", "exercise"])
def test_a_malformed_test_cell_is_named_and_the_others_are_proven(
    tmp_path: Path, source: str, fault: str, consequence: str, of_a_course: bool
) -> None:
    notebook = nbformat.v4.new_notebook(cells=[cell(*ROWS[0]), cell("test", "bad", source), cell(*ROWS[1])])
    if of_a_course:
        notebook.metadata["nbcoach"] = DESCRIBED
    path = tmp_path / "exercise.ipynb"
    nbformat.write(notebook, path)
    status, (line,), problem = prove(path, "--mutants", 5)
    assert (status, line["ok"], problem) == (0, False, "")
    bad, good = line["cells"]
    assert (bad["id"], bad["verdict"]) == ("bad", "error")
    assert all(words in bad["why"] for words in ("'bad'", fault, consequence))
    assert good == {"id": "t", "verdict": "passed", "mode": "isolated", "why": None}
    assert line["mutants"]["tried"] == 0
    for refused in (material_at, read_loose):
        with pytest.raises(InvalidCourse, match=r"bad|hidden tests statement"):
            refused(path)


def test_a_master_of_malformed_test_cells_only_is_not_ok(tmp_path: Path) -> None:
    path = tmp_path / "master.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell(*ROWS[0]), cell("test", "bad", UNCLOSED)]), path)
    status, (line,), _ = prove(path)
    assert (status, line["ok"], [found["id"] for found in line["cells"]]) == (0, False, ["bad"])


def test_check_takes_any_master(master: Path, tmp_path: Path) -> None:
    work = tmp_path / "work.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[cell("answer", "a", "def f(n): return n + 1"), cell(*ROWS[1])]), work
    )
    result = CliRunner().invoke(check, [str(work), "--master", str(master), "--cell", "a", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["verdict"]) == (0, "passed")
    result = CliRunner().invoke(check, [str(work), "--master", str(master), "--cell", "zz", "--json"])
    assert result.exit_code == 2


def test_check_tells_of_a_cell_that_cannot_be_read(master: Path, tmp_path: Path) -> None:
    work = tmp_path / "work.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[cell("answer", "a", "def f(n:\n    return n"), cell(*ROWS[1])]), work
    )
    told = [str(work), "--master", str(master), "--cell", "a"]
    text = CliRunner().invoke(check, told).stdout
    assert "The cell itself ended in SyntaxError, line 1" in text
    error = json.loads(CliRunner().invoke(check, [*told, "--json"]).stdout)["error"]
    assert (error["name"], error["line"]) == ("SyntaxError", 1)
