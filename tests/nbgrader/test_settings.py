"""What a course configures of `nbgrader autograde` is honoured, or its author is told that it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from course_folders import RIGHT, SMALL, CourseFolder, answer, answered, cell, notebook, tests

from nbcoach_exercises.errors import InvalidCourse
from nbcoach_exercises.model import Limits
from nbcoach_grader.nbgrader_course.directory import Directory
from nbcoach_grader.nbgrader_course.settings import Settings

HOOKS = """
import json
def note(step):
    def hook(assignment, student, notebooks):
        with open(f"{step}.jsonl", "a") as file:
            file.write(json.dumps([assignment, student, notebooks]) + "\\n")
        print("from the hook")
    return hook
c.Autograde.pre_convert_hook = note("before")
c.Autograde.post_convert_hook = note("after")
"""


def settings(root: Path, config: str) -> Settings:
    return Settings(Directory(CourseFolder(root, config).root))


def small(root: Path, config: str = "") -> CourseFolder:
    course = CourseFolder(root, config)
    course.assign("ps1", "small", SMALL)
    for student in ("ada", "bob"):
        course.submit(student, "ps1", "small", answered(course.released("ps1", "small"), RIGHT))
    return course


def test_hooks_are_called_for_each_submission(tmp_path: Path) -> None:
    course = small(tmp_path / "course", HOOKS)
    run = course.autograde()
    assert (run.status, len(run.lines)) == (0, 2)
    assert run.errors.count("from the hook") == 4
    expected = [
        ["ps1", student, [str(course.root / f"submitted/{student}/ps1/small.ipynb")]] for student in ("ada", "bob")
    ]
    for step in ("before", "after"):
        told = [json.loads(line) for line in (course.root / f"{step}.jsonl").read_text().splitlines()]
        assert sorted(told) == expected


def test_a_hook_may_mend_a_submission_and_look_at_what_was_written(tmp_path: Path) -> None:
    config = """
from pathlib import Path
def mend(assignment, student, notebooks):
    path = Path(notebooks[0])
    path.write_text(path.read_text().replace("def dubble", "def double"))
def look(assignment, student, notebooks):
    assert Path(f"autograded/{student}/{assignment}/small.ipynb").exists()
    assert Path(f"feedback/{student}/{assignment}/small.html").exists()
    Path(f"seen-{student}").touch()
c.BaseConverter.pre_convert_hook = mend
c.Autograde.post_convert_hook = look
"""
    course = small(tmp_path / "course", config)
    work = answered(course.released("ps1", "small"), RIGHT | {"double": "def dubble(n):\n    return 2 * n"})
    course.submit("ada", "ps1", "small", work)
    run = course.autograde("--student", "ada")
    assert (run.status, run.of("ada")["score"]) == (0, 8)
    assert (course.root / "seen-ada").exists()


def test_a_hook_that_fails_is_named_and_all_is_graded(tmp_path: Path) -> None:
    course = small(tmp_path / "course", "c.Autograde.pre_convert_hook = lambda **_: 1 / 0\n")
    run = course.autograde()
    assert (run.status, [row["score"] for row in run.lines]) == (0, [8, 8])
    assert "pre_convert_hook failed" in run.errors
    assert "ZeroDivisionError" in run.errors


def test_a_hook_that_is_none_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidCourse, match=r"nbgrader_config\.py"):
        settings(tmp_path, "c.Autograde.pre_convert_hook = 'no_such_module.hook'\n")


HELPED = notebook(
    cell("import helper\nprint(helper.WHOSE)", "setup", locked=True),
    answer("use", "### BEGIN SOLUTION\nfound = helper.WHOSE\n### END SOLUTION"),
    tests("use-tests", "assert found == 'learner'", 2),
    tests("judge-tests", "assert helper.WHOSE == 'author'", 1),
)


@pytest.mark.parametrize(
    ("config", "found"), [("", "author"), ("c.Autograde.exclude_overwriting = {'ps1': ['helper.py']}\n", "learner")]
)
def test_named_files_are_the_learners_for_his_cells_and_never_for_the_judge(
    tmp_path: Path, config: str, found: str
) -> None:
    course = CourseFolder(tmp_path / "course", config)
    course.assign("ps1", "helped", HELPED, {"helper.py": "WHOSE = 'author'\n"})
    folder = course.submit(
        "ada", "ps1", "helped", answered(course.released("ps1", "helped"), {"use": "found = helper.WHOSE"})
    ).parent
    (folder / "helper.py").write_text("WHOSE = 'learner'\n")
    (folder / "other.py").write_text("")
    run = course.autograde()
    assert run.scores("ada") == {"use-tests": 2 if found == "learner" else 0, "judge-tests": 1}
    graded = json.loads((course.root / "autograded/ada/ps1/helped.ipynb").read_text())
    assert graded["cells"][0]["outputs"][0]["text"] == f"{found}\n"
    assert found in (course.root / "autograded/ada/ps1/helper.py").read_text()


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ("", Limits().seconds),
        ("c.Execute.timeout = 60\n", 60),
        ("c.ExecutePreprocessor.timeout = 90\n", 90),
        ("c.Execute.timeout = None\n", 3600),
        ("c.Execute.timeout = -1\n", 3600),
        ("c.Execute.timeout = 0\n", 1),
    ],
)
def test_the_time_limit_of_a_course(tmp_path: Path, config: str, seconds: float) -> None:
    assert settings(tmp_path, config).limits.seconds == seconds


def test_the_time_limit_holds(tmp_path: Path) -> None:
    course = small(tmp_path / "course", "c.Execute.timeout = 1\n")
    slow = RIGHT | {"double": "import time\ntime.sleep(3)\ndef double(n):\n    return 2 * n"}
    course.submit("ada", "ps1", "small", answered(course.released("ps1", "small"), slow))
    run = course.autograde("--student", "ada")
    assert run.scores("ada") == {"double-tests": 0, "squares-tests": 4}


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", []),
        ("from nbgrader.preprocessors import *\nc.Autograde.autograde_preprocessors = [Execute, SaveAutoGrades]\n", []),
        ("c.Autograde.autograde_preprocessors = ['nbgrader.preprocessors.Execute', 'nbcoach_grader.nbgrader_course.execute.Execute']\n", []),
        ("c.Autograde.autograde_preprocessors = ['own.Step']\n", ["Autograde.autograde_preprocessors: own.Step is not run"]),
        ("from nbconvert.preprocessors import TagRemovePreprocessor\nc.Autograde.sanitize_preprocessors = [TagRemovePreprocessor]\n",
         ["Autograde.sanitize_preprocessors: TagRemovePreprocessor is not run"]),
        ("c.GenerateFeedback.post_convert_hook = print\n", ["GenerateFeedback.post_convert_hook is called by"]),
        ("c.BaseConverter.post_convert_hook = print\n", []),
        ("c.ExecutePreprocessor.extra_arguments = ['--x']\n", ["ExecutePreprocessor.extra_arguments has no effect"]),
        ("c.IgnorePattern.enabled = True\nc.LimitOutput.max_lines = 5\n", ["IgnorePattern.enabled has no", "LimitOutput.max_lines has no"]),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_named(tmp_path: Path, config: str, words: list[str]) -> None:
    found = list(settings(tmp_path, config).warnings())
    assert len(found) == len(words)
    assert all(told.startswith(word) for told, word in zip(found, words, strict=True))


def test_the_author_is_told(tmp_path: Path) -> None:
    run = small(tmp_path / "course", "c.LimitOutput.max_lines = 5\n").autograde("--student", "bob")
    assert run.status == 0
    assert "warning for the author: LimitOutput.max_lines has no effect here." in run.errors


@pytest.mark.parametrize("punished", [True, False])
def test_lateness_costs_nothing_where_the_step_is_left_out(tmp_path: Path, punished: bool) -> None:
    config = "c.AssignLatePenalties.plugin_class = 'nbgrader.plugins.LateSubmissionPlugin'\n"
    config += "c.LateSubmissionPlugin.penalty_method = 'zero'\n"
    if not punished:
        config += (
            "from nbgrader.preprocessors import *\nc.Autograde.autograde_preprocessors = [Execute, SaveAutoGrades]\n"
        )
    course = small(tmp_path / "course", config)
    (course.root / "submitted/ada/ps1/timestamp.txt").write_text("2026-02-02 00:00:00 UTC")
    course.autograde("--student", "ada")
    with course.gradebook() as book:
        book.update_or_create_assignment("ps1", duedate="2026-02-01 00:00:00 UTC")
    assert course.autograde("--student", "ada").status == 0
    with course.gradebook() as book:
        penalty = book.find_submission_notebook("small", "ps1", "ada").late_submission_penalty
    assert penalty == (8 if punished else None)
