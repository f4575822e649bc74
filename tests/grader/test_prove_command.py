"""`nbcoach prove` and `nbcoach check` as their users call them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner
from grader_masters import cell

from nbcoach_grader.commands.check import check
from nbcoach_grader.commands.prove import prove_command

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
    status, lines, problem = prove(master.parent)
    assert (status, len(lines)) == (2, 1)
    assert "broken.ipynb is no JSON" in problem


def test_check_takes_any_master(master: Path, tmp_path: Path) -> None:
    work = tmp_path / "work.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=[cell("answer", "a", "def f(n): return n + 1"), cell(*ROWS[1])]), work
    )
    result = CliRunner().invoke(check, [str(work), "--master", str(master), "--cell", "a", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["verdict"]) == (0, "passed")
    result = CliRunner().invoke(check, [str(work), "--master", str(master), "--cell", "zz", "--json"])
    assert result.exit_code == 2
