"""Sample solutions: read whole, or refused with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbcoach_exercises.errors import InvalidCourse
from nbcoach_exercises.solutions import KINDS, Expected, read_solution
from nbcoach_exercises.verdicts import Verdict

GOOD = """#@ expect: sum-tests failed 1.5
#@ expect: more-tests passed 2
A line before any cell is a remark.
# %% sum
def total(n):
    return n

# %% more

x = 1
"""


def written(tmp_path: Path, text: str, kind: str = "wrong") -> Path:
    path = tmp_path / f"{kind}.py"
    path.write_text(text, "utf-8")
    return path


def test_sources_and_expectations_are_read(tmp_path: Path) -> None:
    found = read_solution(written(tmp_path, GOOD))
    assert found.kind == "wrong"
    assert found.kind in KINDS
    assert found.sources == {"sum": "def total(n):\n    return n", "more": "x = 1"}
    assert found.expected == {
        "sum-tests": Expected(Verdict.FAILED, 1.5),
        "more-tests": Expected(Verdict.PASSED, 2.0),
    }


def test_an_empty_answer_is_an_answer(tmp_path: Path) -> None:
    assert read_solution(written(tmp_path, "#@ expect: t not-attempted 0\n# %% sum\n")).sources == {"sum": ""}


@pytest.mark.parametrize(
    "line",
    [
        "#@ expect: sum-tests great 1",
        "#@ expect: sum-tests passed",
        "#@ expect: sum-tests passed one",
        "#@ expect: sum-tests passed -1",
        "#@ expect sum-tests passed 1",
        "#@expect: sum-tests passed 1",
        "#@ expect: sum tests passed 1",
    ],
)
def test_a_malformed_expectation_is_refused_with_the_line(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, f"#@ expect: a passed 1\n{line}\n# %% sum\nx = 1\n")
    with pytest.raises(InvalidCourse, match="line 2") as refused:
        read_solution(path)
    assert str(path) in refused.value.message


@pytest.mark.parametrize("text", ["", "# %% sum\nx = 1\n", "#@ expect: a passed 1\nx = 1\n"])
def test_a_solution_needs_both(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidCourse, match="needs at least one"):
        read_solution(written(tmp_path, text))


def test_an_unreadable_solution_is_the_courses_defect(tmp_path: Path) -> None:
    with pytest.raises(InvalidCourse):
        read_solution(tmp_path / "correct.py")
    (tmp_path / "wrong.py").write_bytes(b"\xff")
    with pytest.raises(InvalidCourse):
        read_solution(tmp_path / "wrong.py")
