"""What counts of a learner's notebook, apart from what he was given."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

from nbcoach_grader.nbgrader_course.work import MAX_ADDED, Work, given_by, work_of

ANSWER = {"grade_id": "essay", "solution": True, "grade": True, "locked": False, "task": False, "points": 2}


def text(source: str, **metadata: Any) -> Any:
    return nbformat.v4.new_markdown_cell(source, metadata=metadata)  # type: ignore[no-untyped-call]


def notebook(*cells: Any) -> Any:
    return nbformat.v4.new_notebook(cells=list(cells))  # type: ignore[no-untyped-call]


GIVEN = (text("# Title"), text("Write here.", nbgrader=ANSWER))


def work(*cells: Any) -> Work:
    return work_of(notebook(*cells), given_by(notebook(*GIVEN)))


@pytest.mark.parametrize(
    ("cells", "added"),
    [
        (GIVEN, {}),
        ((*GIVEN, text("  ")), {}),
        ((*GIVEN, text("# Title ")), {}),
        ((text("Mine"), *GIVEN), {"": (("Mine", None),)}),
        ((*GIVEN, text("One"), text("Two")), {"essay": (("One", None), ("Two", None))}),
        ((text("# My title"), GIVEN[1]), {"": (("# My title", None),)}),
    ],
)
def test_texts_of_his_own_are_kept_where_they_stand(cells: Any, added: Any) -> None:
    assert work(*cells).added == added


def test_only_so_many_texts_are_kept() -> None:
    found = work(*(text(f"Note {number}") for number in range(MAX_ADDED + 5)))
    assert len(found.added[""]) == MAX_ADDED


def test_an_answer_in_text_is_found_by_its_name() -> None:
    found = work(GIVEN[0], text("My essay", nbgrader=ANSWER))
    assert (found.texts, found.added, found.repairs) == ({"essay": ("My essay", None)}, {}, ())


def test_changed_metadata_is_told() -> None:
    found = work(text("Mine", nbgrader=ANSWER | {"points": 99}))
    assert found.repairs == ("nbgrader's metadata of the cell 'essay' was changed; the author's was used.",)
