"""*Check* beside `nbgrader validate`.

The last answer of a notebook of twenty code cells with numpy and pandas is edited and checked, again and again,
through the service's own path: catalogue, rebuilding, engine, judge and attempt log. Between an answer and the next
check passes half a second, as nobody edits faster. nbgrader validates the same notebook with the same answers.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

import yaml

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.format import Role, grade_id_of, role_of
from nbcoach_exercises.model import Exercise
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CellSource, CheckRequest
from nbcoach_hub.storage import open_store

from ..engine.engine import Engine
from ..errors import GraderFailed
from ..grading import Grading
from ..material import load_material
from .assignment import NOTEBOOK, master
from .figures import Figures, figures
from .rival import nbgrader

_WARM = 3
_EDITING = 0.5
_COURSE = {
    "title": "Bench",
    "imports": ["numpy", "pandas"],
    "skills": [{"id": "tables", "title": "Tables"}],
    "units": [{"id": "all", "title": "All", "exercises": [NOTEBOOK]}],
}
_DESCRIBED = {"title": "Readings", "summary": "Read.", "skills": ["tables"], "difficulty": 2, "minutes": 20}


def measure(rounds: int, rival_rounds: int) -> Figures:
    """Measure both, in one run.

    Args:
        rounds: checks of ours, each after an edit.
        rival_rounds: runs of the rival.

    Raises:
        GraderFailed: the reference solution does not pass.
        Unavailable: nbgrader failed.

    """
    with tempfile.TemporaryDirectory() as folder:
        courses = Path(folder)
        notebook = _write(courses)
        ours = asyncio.run(_ours(courses, rounds))
        rival = [1000 * nbgrader(notebook.parent, "validate", str(notebook)) for _ in range(rival_rounds)]
    return figures(ours, statistics.median(rival), n=len(ours))


async def _ours(courses: Path, rounds: int) -> list[float]:
    catalogue = Catalogue.read(courses)
    exercise = catalogue.course("bench").exercises[NOTEBOOK]
    found = []
    store = open_store(f"sqlite:///{courses / 'bench.db'}")
    engine = Engine()
    await store.start()
    await engine.start()
    grading = Grading(catalogue, engine, store)
    try:
        for number in range(rounds + _WARM):
            request = _request(exercise, number)
            start = time.perf_counter()
            feedback = await grading.check("bench", request)
            found.append(1000 * (time.perf_counter() - start))
            await asyncio.sleep(_EDITING)
            if feedback.verdict is not Verdict.PASSED:
                raise GraderFailed(f"The reference solution came to {feedback.verdict}.")
    finally:
        await engine.stop()
        await grading.close()
        await store.close()
    return found[_WARM:]


def _request(exercise: Exercise, number: int) -> CheckRequest:
    """Return a check of the last answer, which was just edited."""
    (edited,) = exercise.questions[-1].answers
    cells = tuple(
        CellSource(
            id=str(place),
            grade_id=grade_id_of(cell),
            source=cell.source + (f"\n# edit {number}" if grade_id_of(cell) == edited else ""),
        )
        for place, cell in enumerate(load_material(exercise, ("numpy", "pandas")).master.cells)
        if cell.cell_type == "code" and role_of(cell) is not Role.TESTS
    )
    return CheckRequest(
        request=f"bench-{number}",
        course=exercise.course,
        exercise=exercise.id,
        version=exercise.version,
        cell=edited,
        cells=cells,
    )


def _write(courses: Path) -> Path:
    folder = courses / "bench" / NOTEBOOK
    folder.mkdir(parents=True)
    (folder.parent / "course.yaml").write_text(yaml.safe_dump(_COURSE), "utf-8")
    notebook = master()
    notebook["metadata"]["nbcoach"] = _DESCRIBED
    path = folder / "exercise.ipynb"
    path.write_text(json.dumps(notebook), "utf-8")
    return path
