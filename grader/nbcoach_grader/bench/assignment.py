"""A realistic assignment for measurements: twenty code cells with numpy and pandas, five of them tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ASSIGNMENT = "ps1"
NOTEBOOK = "readings"
KINDS = ("right", "partly", "wrong", "not attempted")

_READINGS = """rng = np.random.default_rng(7)
readings = pd.DataFrame(
    {
        "station": rng.choice(["north", "south", "west"], 400),
        "day": rng.integers(0, 60, 400),
        "celsius": rng.normal(15, 6, 400).round(2),
    }
)
readings.loc[::37, "celsius"] = np.nan"""

_FREE = (
    "import numpy as np\nimport pandas as pd",
    _READINGS,
    "readings.head()",
    "readings.describe()",
    "grouped = readings.groupby('station')['celsius']\ngrouped.mean()",
    "matrix = np.arange(64.0).reshape(8, 8)\nmatrix @ matrix.T",
    "readings['station'].value_counts()",
    "wide = readings.pivot_table(index='day', columns='station', values='celsius')\nwide.shape",
    "np.linalg.norm(matrix)",
    "print('done', len(readings))",
)
_MASTER = (
    (
        "clean",
        "def clean(frame):",
        "return frame.dropna().reset_index(drop=True)",
        "return frame",
        "assert len(clean(readings)) == readings['celsius'].notna().sum()",
        "assert list(clean(readings).index[:3]) == [0, 1, 2]",
    ),
    (
        "warmest",
        "def warmest(frame):",
        "return frame.groupby('station')['celsius'].mean().idxmax()",
        "return frame['station'].iloc[0] + '?'",
        "assert warmest(readings) in {'north', 'south', 'west'}",
        "assert warmest(pd.DataFrame({'station': ['a', 'b'], 'celsius': [1.0, 2.0]})) == 'b'",
    ),
    (
        "scale",
        "def scale(values):",
        "return (values - values.min()) / (values.max() - values.min())",
        "return values / values.max()",
        "assert np.allclose(scale(np.array([2.0, 4.0, 6.0])), [0, 0.5, 1])",
        "assert scale(np.array([1.0, 5.0])).max() == 1.0",
    ),
    (
        "rolling",
        "def rolling(values, width):",
        "return np.convolve(values, np.ones(width) / width, mode='valid')",
        "return np.asarray(values)",
        "assert np.allclose(rolling(np.array([1.0, 2.0, 3.0, 4.0]), 2), [1.5, 2.5, 3.5])",
        "assert rolling(np.arange(10.0), 5).shape == (6,)",
    ),
    (
        "share",
        "def share(frame, station):",
        "return float((frame['station'] == station).mean())",
        "return 0.0",
        "assert 0 < share(readings, 'north') < 1",
        "assert share(pd.DataFrame({'station': ['a', 'a', 'b', 'c']}), 'a') == 0.5",
    ),
)


def master() -> dict[str, Any]:
    """Return the author's notebook: ten plain cells, five answers, five test cells with hidden tests."""
    cells = [_markdown("# Readings"), *(_code(source, f"given-{n}", locked=n < 2) for n, source in enumerate(_FREE))]
    for name, head, right, _, seen, hidden in _MASTER:
        cells.append(_markdown(f"## {name}\n\nWrite the function `{name}`."))
        source = f"{head}\n    ### BEGIN SOLUTION\n    {right}\n    ### END SOLUTION"
        cells.append(_code(source, name, solution=True))
        tests = f"{seen}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        cells.append(_code(tests, f"{name}-tests", points=2))
    return _notebook(cells)


def submission(released: dict[str, Any], kind: str, number: int, *, distinct: bool = False) -> dict[str, Any]:
    """Return a learner's notebook.

    Args:
        released: the learner version.
        kind: one of `KINDS`; who is partly right has the first three functions right.
        number: makes the sources of this learner his own.
        distinct: whether he has at least left his mark where he has attempted nothing.

    """
    notebook: dict[str, Any] = json.loads(json.dumps(released))
    wanted = {"right": 5, "partly": 3, "wrong": 0}.get(kind)
    answers = {name: (place, head, right, wrong) for place, (name, head, right, wrong, *_) in enumerate(_MASTER)}
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if wanted is not None and name in answers:
            place, head, right, wrong = answers[name]
            cell["source"] = f"{head}\n    # learner {number}\n    {right if place < wanted else wrong}"
        elif distinct and name == _MASTER[-1][0]:
            cell["source"] += f"\n# learner {number}"
    return notebook


def write_course(folder: Path) -> None:
    """Write a course directory with the assignment in `source/`."""
    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    (source / f"{NOTEBOOK}.ipynb").write_text(json.dumps(master()), "utf-8")
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n", "utf-8")


def write_submissions(folder: Path, count: int, *, distinct: bool = False) -> None:
    """Write submissions of each kind in turn, made from what was released; `distinct` ones all differ."""
    released = json.loads((folder / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text("utf-8"))
    for number in range(count):
        place = folder / "submitted" / f"learner{number:03}" / ASSIGNMENT
        place.mkdir(parents=True)
        notebook = submission(released, KINDS[number % len(KINDS)], number, distinct=distinct)
        (place / f"{NOTEBOOK}.ipynb").write_text(json.dumps(notebook), "utf-8")


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": f"text-{abs(hash(source)) % 10**8}", "metadata": {}, "source": source}


def _code(
    source: str, name: str, *, solution: bool = False, points: int | None = None, locked: bool = False
) -> dict[str, Any]:
    """Return a code cell; one with points is a test cell, and one that is nothing at all is free."""
    meta: dict[str, Any] = {}
    if solution or locked or points is not None:
        own = {"grade_id": name, "solution": solution, "grade": points is not None, "task": False, "schema_version": 3}
        own |= {"locked": not solution} | ({} if points is None else {"points": points})
        meta["nbgrader"] = own
    return {
        "cell_type": "code",
        "id": name,
        "metadata": meta,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
