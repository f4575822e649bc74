"""The worker of a refit ends with the service that started it, whatever becomes of that."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from recommender_worlds import attempt, outline

from nbcoach_exercises.verdicts import Verdict
from nbcoach_recommender.archive import write_archive
from nbcoach_recommender.graph import Graph
from nbcoach_recommender.journal import Journal

_SERVICE = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-m", "nbcoach_recommender.refit", *sys.argv[1:]]).pid, flush=True)
time.sleep(600)
"""


def until(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end, "It did not happen in time."
        time.sleep(0.005)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends children with their parent")
def test_a_worker_ends_when_its_service_is_killed(tmp_path: Path) -> None:
    graph, journal = Graph.from_outline(outline()), Journal()
    for number in range(20_000):
        verdict = Verdict.PASSED if number % 3 else Verdict.FAILED
        journal.append(attempt("variables-1", number, learner=f"l{number % 200}", cell=f"q{number}", verdict=verdict))
    work, model = tmp_path / "model-py.npz.work", tmp_path / "model-py.npz"
    about = {"course": graph.outline(), "journal": journal.names(), "fitted": journal.length}
    write_archive(work, about, {"rows": journal.rows().view(np.uint8)})
    command = [sys.executable, "-c", _SERVICE, str(work), str(model)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        worker = psutil.Process(int(service.stdout.readline()))
        until(lambda: not work.exists())
        service.kill()
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
    assert not model.exists()
