"""Course folders: read whole, or refused with the file and the place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from master_notebooks import ANSWER, COURSE, DESCRIBED, answer, cell, judged, notebook, write_course

from nbcoach_exercises.catalogue import Catalogue, data_files, read_course, read_exercise, read_master, test_cells
from nbcoach_exercises.errors import InvalidCourse, UnknownCourse, UnknownExercise
from nbcoach_exercises.model import Limits

test_cells.__test__ = False  # type: ignore[attr-defined]


def changed(path: str, value: Any, base: dict[str, Any] = COURSE) -> dict[str, Any]:
    """Return a description with one place set, named as `skills/0/id`."""
    body = copy.deepcopy(base)
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place: Any = body
    for step in way:
        place = place[step]
    place[last] = value
    return body


def test_a_course_is_read(tmp_path: Path) -> None:
    course = read_course(write_course(tmp_path))
    assert (course.id, course.title, course.summary, course.imports) == ("python-1", "Python", "", ())
    assert [(skill.id, skill.requires) for skill in course.skills] == [("variables", ()), ("loops", ("variables",))]
    exercise = course.exercise("sum-up")
    assert (exercise.course, exercise.unit, exercise.title) == ("python-1", "first", "Sum up")
    assert (exercise.points, exercise.difficulty, exercise.minutes) == (3, 2, 10)
    assert exercise.limits == Limits()
    assert exercise.question_of("sum") == exercise.question_of("sum-tests") == exercise.questions[0]
    assert exercise.question_of("other") is None
    with pytest.raises(UnknownExercise):
        course.exercise("other")
    assert list(test_cells(read_master(exercise.folder))) == ["sum-tests"]


def test_the_outline_is_json_and_tells_no_secret(tmp_path: Path) -> None:
    outline = read_course(write_course(tmp_path)).outline()
    text = json.dumps(outline)
    assert "SECRET" not in text
    assert str(tmp_path) not in text
    assert set(outline["exercises"][0]) == {
        "id", "unit", "title", "summary", "skills", "difficulty", "minutes", "version", "points", "due"
    }  # fmt: skip
    assert outline["units"] == [{"id": "first", "title": "First steps", "exercises": ["sum-up"]}]


def test_a_course_preloads_what_its_notebooks_import(tmp_path: Path) -> None:
    source = "%matplotlib inline\nimport json, pandas as pd\nfrom numpy.linalg import norm\nfrom . import x\nimport no_such\nx = = 1"
    master = notebook(cell(source), answer(), judged())
    course = read_course(write_course(tmp_path, {**COURSE, "imports": ["yaml"]}, {"sum-up": master}))
    assert course.imports == ("yaml", "numpy", "pandas")


def test_an_exercise_overrides_the_courses_limits_one_by_one(tmp_path: Path) -> None:
    own = {**DESCRIBED, "limits": {"memory_mb": 256}}
    described = {**COURSE, "limits": {"seconds": 3, "memory_mb": 2048, "processes": 10}}
    course = read_course(write_course(tmp_path, described, {"sum-up": notebook(answer(), judged(), described=own)}))
    assert course.exercise("sum-up").limits == Limits(seconds=3, memory_mb=256, processes=10)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"seconds": 0}, "limits/seconds"),
        ({"memory_mb": 1.5}, "limits/memory_mb"),
        ({"processes": 0}, "limits/processes"),
        ({"minutes": 1}, "limits"),
        ([], "limits"),
    ],
)
def test_wrong_limits_of_a_course_are_refused_with_their_place(tmp_path: Path, limits: Any, said: str) -> None:
    with pytest.raises(InvalidCourse, match=f"course.yaml: {said}:"):
        read_course(write_course(tmp_path, {**COURSE, "limits": limits}))


def test_work_is_due_at_a_time_with_a_zone(tmp_path: Path) -> None:
    folder = write_course(tmp_path)
    assert read_course(folder).exercise("sum-up").due is None
    version = read_course(folder).exercise("sum-up").version
    with (folder / "course.yaml").open("a") as file:
        file.write("\ndue:\n  sum-up: 2026-12-01T18:00:00+01:00\n")
    course = read_course(folder)
    assert course.exercise("sum-up").due == datetime(2026, 12, 1, 17, tzinfo=UTC)
    assert course.exercise("sum-up").version == version
    assert course.outline()["exercises"][0]["due"] == "2026-12-01T18:00:00+01:00"


@pytest.mark.parametrize(
    ("due", "said"),
    [
        ({"sum-up": "2026-12-01"}, "needs a time zone"),
        ({"sum-up": "tomorrow"}, "no time of ISO 8601"),
        ({"sum-up": 7}, "due/sum-up"),
        ({"other": "2026-12-01T18:00:00+01:00"}, "no exercise of the course"),
    ],
)
def test_odd_times_are_refused_with_their_place(tmp_path: Path, due: Any, said: str) -> None:
    with pytest.raises(InvalidCourse, match=said):
        read_course(write_course(tmp_path, {**COURSE, "due": due}))


def test_a_catalogue_holds_the_courses_of_a_folder(tmp_path: Path) -> None:
    write_course(tmp_path, name="b")
    write_course(tmp_path, name="a")
    (tmp_path / "no-course").mkdir()
    catalogue = Catalogue.read(tmp_path)
    assert [course.id for course in catalogue] == ["a", "b"]
    assert catalogue.course("a").id == "a"
    with pytest.raises(UnknownCourse):
        catalogue.course("c")
    with pytest.raises(InvalidCourse, match="does not exist"):
        Catalogue.read(tmp_path / "nowhere")


COURSE_DEFECTS: list[tuple[str, Any, list[str]]] = [
    ("no YAML", "title: [", ["is no YAML"]),
    ("two documents", "a: 1\n---\nb: 2\n", ["is no YAML"]),
    ("a Python object", "title: !!python/object/apply:os.system [true]", ["is no YAML"]),
    ("empty", "", ["the file"]),
    ("no title", {k: v for k, v in COURSE.items() if k != "title"}, ["title"]),
    ("unknown key", changed("extra", 1), ["extra"]),
    ("title of the wrong type", changed("skills/0/title", 3), ["skills/0/title"]),
    ("no skills", changed("skills", []), ["skills"]),
    ("bad skill id", changed("skills/0/id", "Upper Case"), ["Upper Case", "skill"]),
    ("bad unit id", changed("units/0/id", "../up"), ["../up", "unit"]),
    ("bad exercise id", changed("units/0/exercises", ["../sum-up"]), ["../sum-up", "exercise"]),
    ("bad import", changed("imports", ["os; exit()"]), ["imports/0"]),
    ("two skills with one id", changed("skills/0/id", "loops"), ["same id"]),
    ("an unknown prerequisite", changed("skills/1/requires", ["magic"]), ["'loops'", "'magic'"]),
    ("a circle", changed("skills/0/requires", ["loops"]), ["circle", "loops", "variables"]),
    ("a circle of one", changed("skills/0/requires", ["variables"]), ["circle", "variables"]),
    ("one exercise twice", changed("units/0/exercises", ["sum-up", "sum-up"]), ["'sum-up'", "two places"]),
]


@pytest.mark.parametrize(("course", "said"), [case[1:] for case in COURSE_DEFECTS], ids=[c[0] for c in COURSE_DEFECTS])
def test_a_wrong_course_is_refused_with_the_place(tmp_path: Path, course: Any, said: list[str]) -> None:
    folder = write_course(tmp_path, course)
    with pytest.raises(InvalidCourse) as refused:
        read_course(folder)
    for word in [str(folder / "course.yaml"), *said]:
        assert word in refused.value.message


@pytest.mark.parametrize("name", ["Python", "a b", "-a"])
def test_the_folders_name_is_the_courses_id(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidCourse, match="course id"):
        read_course(write_course(tmp_path, name=name))


def test_an_unreadable_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCourse, match=r"course\.yaml cannot be read"):
        read_course(tmp_path)
    folder = write_course(tmp_path)
    (folder / "course.yaml").write_bytes(b"title: \xff")
    with pytest.raises(InvalidCourse, match="is no YAML"):
        read_course(folder)


MASTER_DEFECTS: list[tuple[str, Any, list[str]]] = [
    ("missing", None, ["cannot be read"]),
    ("no JSON", "{", ["is no JSON"]),
    ("another format", notebook(nbformat=3), ["format 3"]),
    ("not described", notebook(answer(), judged(), described=None), ["required property"]),
    ("unknown skill", notebook(answer(), judged(), described=changed("skills", ["magic"], DESCRIBED)), ["'magic'"]),
    ("difficulty 6", notebook(described=changed("difficulty", 6, DESCRIBED)), ["difficulty"]),
    ("no minutes", notebook(described={k: v for k, v in DESCRIBED.items() if k != "minutes"}), ["minutes"]),
    ("odd limits", notebook(described=changed("limits", {"seconds": 0}, DESCRIBED)), ["limits/seconds"]),
    ("two cells with one id", notebook(answer(), answer(), judged()), ["'sum'"]),
    ("bad cell id", notebook(answer(grade_id="a b"), judged()), ["'a b'"]),
    ("open hidden region", notebook(answer(), judged("### BEGIN HIDDEN TESTS\nassert 1")), ["'sum-tests'"]),
    ("too many points", notebook(answer(), judged("### CHECK: a (9 points)\nassert 1")), ["'sum-tests'", "9"]),
]


@pytest.mark.parametrize(("master", "said"), [case[1:] for case in MASTER_DEFECTS], ids=[c[0] for c in MASTER_DEFECTS])
def test_a_wrong_master_is_refused_with_the_place(tmp_path: Path, master: Any, said: list[str]) -> None:
    folder = write_course(tmp_path, masters={"sum-up": master})
    with pytest.raises(InvalidCourse) as refused:
        read_course(folder)
    for word in [str(folder / "sum-up" / "exercise.ipynb"), *said]:
        assert word in refused.value.message


def version(folder: Path) -> str:
    return read_exercise(folder / "sum-up", "python-1", "first").version


@pytest.mark.parametrize(
    ("change", "new"),
    [
        (lambda body: body["cells"][0].update(source=ANSWER + "# more"), True),
        (lambda body: body["cells"][1]["metadata"]["nbgrader"].update(locked=False), True),
        (lambda body: body["metadata"]["nbcoach"].update(minutes=11), True),
        (lambda body: body["cells"].reverse(), True),
        (lambda body: body["cells"][0].update(execution_count=7), False),
        (
            lambda body: body["cells"][0]["outputs"].append({"output_type": "stream", "name": "stdout", "text": "x"}),
            False,
        ),
        (lambda body: body["metadata"].update(language_info={"name": "python"}), False),
    ],
)
def test_the_version_changes_with_what_matters(tmp_path: Path, change: Callable[[Any], None], new: bool) -> None:
    body = notebook(answer(), judged())
    before = version(write_course(tmp_path / "before", masters={"sum-up": body}))
    body = copy.deepcopy(body)
    change(body)
    assert (version(write_course(tmp_path / "after", masters={"sum-up": body})) != before) is new


def test_data_files_are_listed_and_count_for_the_version(tmp_path: Path) -> None:
    folder = write_course(tmp_path)
    before = version(folder)
    data = folder / "sum-up" / "data"
    (data / "deep").mkdir(parents=True)
    (data / "deep" / "b.csv").write_bytes(b"1")
    (data / "a.csv").write_bytes(b"2")
    assert [(file.path, file.content) for file in data_files(data.parent)] == [("a.csv", b"2"), ("deep/b.csv", b"1")]
    with_files = version(folder)
    (data / "a.csv").write_bytes(b"3")
    assert len({before, with_files, version(folder)}) == 3


def test_links_and_too_much_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_course(tmp_path)
    data = folder / "sum-up" / "data"
    data.mkdir()
    (data / "link").symlink_to("/etc/passwd")
    with pytest.raises(InvalidCourse, match="is a link"):
        read_course(folder)
    (data / "link").unlink()
    (data / "large").write_bytes(b"x" * 17 * 2**20)
    with pytest.raises(InvalidCourse, match="exceed 16 MiB"):
        read_course(folder)


def test_a_data_folder_that_is_itself_a_link_is_refused(tmp_path: Path) -> None:
    folder = write_course(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.txt").write_text("secret")
    (folder / "sum-up" / "data").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(InvalidCourse, match="is a link"):
        read_course(folder)


def test_a_huge_master_is_the_courses_defect(tmp_path: Path) -> None:
    folder = write_course(tmp_path, masters={"sum-up": " " * (9 * 2**20)})
    with pytest.raises(InvalidCourse, match="8 MiB"):
        read_course(folder)
