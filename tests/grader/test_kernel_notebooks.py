"""Whole notebooks in bash, from the author's master to a learner's points."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import nbformat
import pytest
import yaml

from nbcoach_exercises.catalogue import read_course
from nbcoach_exercises.model import Question
from nbcoach_exercises.wire import CellSource
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import Mode
from nbcoach_grader.judging import Judging
from nbcoach_grader.kernels.engine import KernelEngine
from nbcoach_grader.material import Material, load_material
from nbcoach_grader.runner import Runner

SOLUTION = "### BEGIN SOLUTION\ngreet() { echo hello ${1:-you}; }\n### END SOLUTION"
TESTS = """### CHECK: greets ada (1 point)
[ "$(greet ada)" = "hello ada" ]
### BEGIN HIDDEN TESTS
### CHECK: greets nobody (2 points)
[ "$(greet)" = "hello you" ]
### END HIDDEN TESTS"""
COURSE = {
    "title": "Shell",
    "skills": [{"id": "functions", "title": "Functions"}],
    "units": [{"id": "first", "title": "First steps", "exercises": ["greet"]}],
}
DESCRIBED = {"title": "Greet", "summary": "Say hello.", "skills": ["functions"], "difficulty": 1, "minutes": 5}


def cell(source: str, grade_id: str, **meta: Any) -> Any:
    """Return a cell with nbgrader's metadata."""
    usual = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": {**usual, "grade_id": grade_id, **meta}})


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    root = tmp_path_factory.mktemp("course") / "shell"
    (root / "greet").mkdir(parents=True)
    (root / "course.yaml").write_text(yaml.safe_dump(COURSE))
    master = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "bash", "language": "bash", "display_name": "Bash"}, "nbcoach": DESCRIBED}
    )
    tests = cell(TESTS, "greet-tests", grade=True, locked=True, points=3)
    master.cells = [cell(SOLUTION, "greet", solution=True), tests]
    nbformat.write(master, root / "greet/exercise.ipynb")
    course = read_course(root)
    return load_material(course.exercise("greet"), course.imports)


@pytest.fixture(scope="module")
def judging(run: Any, nothing_left: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judging]:
    if find_spec("bash_kernel") is None:
        pytest.skip("bash_kernel is not installed: pip install 'nbcoach[kernels]'")
    specs = tmp_path_factory.mktemp("specs")
    (specs / "bash").mkdir()
    argv = [sys.executable, "-m", "bash_kernel", "-f", "{connection_file}"]
    described = {"argv": argv, "display_name": "Bash", "language": "bash", "env": {"PS1": "$"}}
    (specs / "bash/kernel.json").write_text(json.dumps(described))
    runner = Runner(Engine(), KernelEngine(kernel_folders=[str(specs)]))
    run(runner.start())
    yield Judging(runner)
    run(runner.stop())


def answered(source: str) -> list[CellSource]:
    """Return what a learner sends."""
    return [CellSource(id="a", grade_id="greet", source=source)]


def question(material: Material) -> Question:
    """Return the only question."""
    (only,) = material.questions()
    return only


def test_the_learners_version_holds_no_solution(material: Material) -> None:
    answer, tests = material.released.cells
    assert answer.source == "# YOUR CODE HERE"
    assert "nobody" not in tests.source
    assert material.kernel == "bash"


@pytest.mark.parametrize(
    ("source", "verdicts", "points"),
    [
        ("greet() { echo hello ${1:-you}; }", ["passed", "passed"], 3.0),
        ("greet() { echo hello $1; }", ["passed", "failed"], 1.0),
        ("greet() { echo bye; }", ["failed", "failed"], 0.0),
        ("# YOUR CODE HERE", ["not-attempted", "not-attempted"], 0.0),
    ],
)
def test_a_question_is_judged(
    judging: Judging, run: Any, material: Material, source: str, verdicts: list[str], points: float
) -> None:
    judged, _ = run(judging.judge("ada", material, question(material), answered(source)))
    assert [str(check.verdict) for check in judged.checks] == verdicts
    assert judged.points == points


def test_a_notebook_is_graded(judging: Judging, run: Any, material: Material) -> None:
    graded = run(judging.grade("ada", material, answered("greet() { echo hello $1; }")))
    (test,) = graded.tests
    assert (test.id, test.score, test.max_score, test.mode) == ("greet-tests", 1.0, 3.0, Mode.SHARED)


def test_the_reference_solution_is_proved(judging: Judging, run: Any, material: Material) -> None:
    assert run(judging.proof(material)).ok
