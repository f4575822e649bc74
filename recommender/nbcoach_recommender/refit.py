"""Fit the model of a course anew, in a process of its own, while the old model serves.

Theory of operation: `refit` writes the course and its journal into a file and starts
`python -m nbcoach_recommender.refit FILE MODEL`, at the lowest priority and with a time limit. The
worker reads the file and removes it, fits, and writes the model file, which is complete or not
there. Then the service loads it and hands it to the course's coach. Whatever goes wrong is logged,
and the old model goes on serving. The worker ends with the service, even after `kill -9`, so two
never write one file.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from nbcoach_hub.processes import die_with_parent

from .archive import read_archive, write_archive
from .coach import Coach, answers_in
from .errors import DamagedFile
from .graph import Graph
from .journal import ROW, Journal
from .model_file import read_model, write_model
from .models.stacked import StackedMastery

log = logging.getLogger(__name__)
_LIMIT_SECONDS = 3600.0


async def refit(coach: Coach, path: Path) -> bool:
    """Fit a course's model to its journal in a worker and take it over; return whether that came off."""
    work = path.with_name(path.name + ".work")
    about = {"course": coach.graph.outline(), "journal": coach.journal.names(), "fitted": coach.journal.length}
    rows = {"rows": coach.journal.rows().view(np.uint8)}
    begun = time.monotonic()
    try:
        await asyncio.to_thread(write_archive, work, about, rows)
        if await _run(work, path):
            model, fitted = await asyncio.to_thread(read_model, path)
            coach.replace_model(model, fitted)
            log.info("The model of %s was fitted in %.0f s.", coach.graph.course, time.monotonic() - begun)
            return True
        log.error("The model of %s could not be fitted; the one at hand goes on serving.", coach.graph.course)
    except (OSError, DamagedFile) as err:
        log.error("The model of %s could not be fitted: %s", coach.graph.course, err)
    finally:
        work.unlink(missing_ok=True)
    return False


async def _run(work: Path, model: Path) -> bool:
    command = (sys.executable, "-m", "nbcoach_recommender.refit", str(work), str(model))
    # Threads of a fit wait for each other, and take many times as long where others use the processors.
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    worker = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, env=alone)
    try:
        return await asyncio.wait_for(worker.wait(), _LIMIT_SECONDS) == 0
    except TimeoutError:
        return False
    finally:
        if worker.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()


def work_on(work: Path, model_path: Path) -> None:
    """Fit to what a work file holds, and write the model; the work file is gone once it was read."""
    about, arrays = read_archive(work)
    work.unlink()
    journal = Journal.restored(about["journal"], arrays["rows"].view(ROW))
    model = StackedMastery().fit(answers_in(journal, Graph.from_outline(about["course"])))
    write_model(model_path, model, int(about["fitted"]))


if __name__ == "__main__":
    die_with_parent(signal.SIGKILL)
    os.nice(19)
    work_on(Path(sys.argv[1]), Path(sys.argv[2]))
