"""Measure *Check* beside `nbgrader validate`, on the same notebook, in one run. Not a test: it states figures.

Prints one JSON object: `{"p50_ms", "p99_ms", "rival_ms", "ratio", "n", "load"}`.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from nbcoach_exercises.catalogue import Catalogue, read_master
from nbcoach_exercises.format import Role, grade_id_of, role_of
from nbcoach_exercises.wire import CellSource
from nbcoach_grader.grading import Grading
from nbcoach_grader.material import load_material

COURSE = Catalogue.read(Path(__file__).parents[2] / "exercises/courses").course("python-foundations")
EXERCISE = COURSE.exercises["noisy-sensor"]
ROUNDS = 100
RIVAL_ROUNDS = 5


async def ours() -> list[float]:
    """Return the milliseconds of checks of the last question, each after an edit of its answer."""
    material = load_material(EXERCISE)
    question = EXERCISE.questions[-1]
    engine = Engine()
    await engine.start()
    grading = Grading(Catalogue([COURSE]), engine)
    found = []
    try:
        for number in range(ROUNDS + 3):
            cells = [
                CellSource(
                    id=str(place),
                    grade_id=grade_id_of(cell),
                    source=cell.source + (f"\n# edit {number}" if grade_id_of(cell) in question.answers else ""),
                )
                for place, cell in enumerate(material.master.cells)
                if cell.cell_type == "code" and role_of(cell) is not Role.TESTS
            ]
            start = time.perf_counter()
            judged, _ = await grading.judge("bench", COURSE, EXERCISE, question, cells)
            found.append(1000 * (time.perf_counter() - start))
            if judged.verdict != "passed":
                raise SystemExit(f"The reference solution came to {judged.verdict}.")
    finally:
        await engine.stop()
    return found[3:]


def rival() -> list[float]:
    """Return the milliseconds of `nbgrader validate` on the same notebook with its solutions."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notebook.ipynb"
        nbformat.write(read_master(EXERCISE.folder), path)
        for file in load_material(EXERCISE).files:
            (Path(folder) / file.path).write_bytes(file.content)
        for _ in range(RIVAL_ROUNDS):
            start = time.perf_counter()
            command = [sys.executable, "-m", "nbgrader", "validate", str(path)]
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
            found.append(1000 * (time.perf_counter() - start))
    return found


def main() -> None:
    """Print the figures."""
    mine, theirs = asyncio.run(ours()), rival()
    p50 = statistics.median(mine)
    body = {
        "p50_ms": round(p50, 1),
        "p99_ms": round(statistics.quantiles(mine, n=100)[98], 1),
        "rival_ms": round(statistics.median(theirs), 1),
        "ratio": round(statistics.median(theirs) / p50, 1),
        "n": len(mine),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(body))


if __name__ == "__main__":
    main()
