"""Measure serving: a crowd's state is loaded, then the real service is asked over HTTP while attempts come in.

Theory of operation: the crowd's state and a fitted model are written into a folder as the service
writes them. In this process a coach is restored from them and asked, for CPU time per
recommendation: once for learners nobody asked about yet, who are replayed, and once again. Then the
service is started on a copy, as a process of its own with small servers for hub and grader, and
asked at a fixed rate, whether answers come back in time or not; meanwhile attempts are logged at a
fixed rate, and one after the other is waited for until a recommendation knows it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tornado.netutil import bind_sockets

from nbcoach_exercises.errors import Unavailable
from nbcoach_exercises.events import Attempt
from nbcoach_exercises.verdicts import Verdict

from ..coach import Coach
from ..graph import Graph
from ..model_file import write_model
from ..models.policy import ExpectedGain
from ..models.stacked import StackedMastery
from ..state import CourseState, State, StateFolder
from .asker import Asker
from .crowd import answers, big_course, crowd
from .neighbours import Neighbours

_SEED = 7
_ASKED = 500
_ACTIVE = 400
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(
    learners: int, exercises: int, attempts: int, seconds: float, rate: float, updates: float
) -> dict[str, float | int]:
    """Measure serving and return all figures.

    Args:
        learners: how many the state holds.
        exercises: of the course.
        attempts: of each learner, on average.
        seconds: how long the service is asked over HTTP; 0 leaves that out.
        rate: recommendations asked for in a second.
        updates: attempts that come in in a second.

    """
    random = np.random.default_rng(_SEED)
    graph = big_course(exercises, random)
    with tempfile.TemporaryDirectory(prefix="nbcoach-bench-") as name:
        folder = Path(name)
        model = StackedMastery(least_answers=100).fit(list(answers(graph, 200, 60, random)))
        write_model(folder / f"model-{graph.course}.npz", model, 0)
        journal = crowd(graph, learners, attempts, random)
        state = StateFolder(folder)
        state.write(State(0, time.time(), {graph.course: CourseState(journal)}))
        del journal
        found: dict[str, float | int] = {"learners": learners, "exercises": exercises}
        found |= _in_process(graph, state, learners, random)
        if seconds:
            found |= asyncio.run(_over_http(graph, folder, learners, seconds, rate, updates))
    found["load"] = round(os.getloadavg()[0], 2)
    return found


def _in_process(graph: Graph, folder: StateFolder, learners: int, random: np.random.Generator) -> dict[str, float]:
    begun = time.perf_counter()
    state, fitted = folder.read(), folder.read_model(graph.course)
    if state is None or fitted is None:
        raise Unavailable("The state that was just written cannot be read.")
    coach = Coach(graph, StackedMastery(), ExpectedGain())
    coach.replace_model(*fitted)
    kept = state.courses[graph.course]
    coach.restore(kept.journal, kept.preferences, kept.shifts)
    start = time.perf_counter() - begun
    asked = [f"learner-{number}" for number in random.integers(0, learners, _ASKED)]
    coach.recommend("somebody")
    # As the service does once a course is read.
    gc.collect()
    gc.freeze()
    cold, warm = _timed(coach, asked), _timed(coach, asked)
    gc.unfreeze()
    return {
        "start_seconds": round(start, 2),
        "cpu_ms_p50": warm[0],
        "cpu_ms_p99": warm[1],
        "cpu_ms_p50_replayed": cold[0],
        "cpu_ms_p99_replayed": cold[1],
        "wall_ms_p99": warm[2],
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _timed(coach: Coach, asked: Sequence[str]) -> tuple[float, float, float]:
    cpu, wall = [], []
    for learner in asked:
        begun, clock = time.process_time(), time.perf_counter()
        coach.recommend(learner)
        cpu.append(1000 * (time.process_time() - begun))
        wall.append(1000 * (time.perf_counter() - clock))
    return round(statistics.median(cpu), 3), _p99(cpu), _p99(wall)


async def _over_http(
    graph: Graph, folder: Path, learners: int, seconds: float, rate: float, updates: float
) -> dict[str, float | int]:
    neighbours = Neighbours(graph)
    (socket,) = bind_sockets(0, "127.0.0.1")
    port = socket.getsockname()[1]
    socket.close()
    here = f"http://127.0.0.1:{neighbours.port}"
    environment = os.environ | {
        "JUPYTERHUB_API_TOKEN": "bench",
        "JUPYTERHUB_API_URL": f"{here}/hub/api",
        "NBCOACH_GRADER_URL": f"{here}/grader/",
        "NBCOACH_RECOMMENDER_STATE": str(folder),
    }
    for name in ("JUPYTERHUB_SERVICE_URL", "JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_SERVICE_NAME"):
        environment.pop(name, None)
    limits = ["--Recommender.requests_per_second=100000", "--Recommender.request_burst=100000"]
    begun = time.perf_counter()
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nbcoach_recommender", f"--Recommender.port={port}", *limits,
        env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    asker = Asker(port, f"/services/recommender/api/courses/{graph.course}/next")
    try:
        await asker.until_ready()
        start = time.perf_counter() - begun
        names = [f"learner-{number}" for number in range(min(learners, _ACTIVE))]
        for name in names:
            await asker.ask(name)
        cpu, own, clock = _cpu_seconds(service.pid), time.process_time(), time.perf_counter()
        load = await _load(asker, neighbours, graph, names, seconds, rate, updates)
        cpu, own, clock = (
            _cpu_seconds(service.pid) - cpu, time.process_time() - own, time.perf_counter() - clock
        )  # fmt: skip
        return {"service_start_seconds": round(start, 2), "service_mb": _resident_mb(service.pid)} | load | {
            "skipped": await asker.skipped("/services/recommender/metrics"),
            "http_cpu_ms": round(1000 * cpu / (rate * seconds), 3),
            "service_busy": round(cpu / clock, 3),
            "asker_busy": round(own / clock, 3),
        }  # fmt: skip
    finally:
        asker.close()
        if service.returncode is None:
            service.terminate()
        await service.wait()
        await neighbours.stop()


async def _load(
    asker: Asker,
    neighbours: Neighbours,
    graph: Graph,
    names: Sequence[str],
    seconds: float,
    rate: float,
    updates: float,
) -> dict[str, float | int]:
    # Drawn, not in turn: in turn, all who did something since the last round are asked in one burst.
    random = np.random.default_rng(_SEED)
    spent: list[float] = []
    late: list[float] = []
    failed = 0
    exercises = list(graph.exercises)

    async def one(number: int) -> None:
        nonlocal failed
        begun = time.perf_counter()
        failed += await asker.ask(names[int(random.integers(len(names)))]) != 200
        spent.append(1000 * (time.perf_counter() - begun))

    async def update(number: int) -> None:
        learner = names[int(random.integers(len(names)))]
        cursor = neighbours.log(_attempt(graph, exercises[number % 40], learner, number))
        if number % 10 == 0:
            begun = time.perf_counter()
            await asker.ask(learner, cursor)
            late.append(1000 * (time.perf_counter() - begun))

    gc.collect()
    gc.disable()  # here, where the crowd was made, a full pass takes 0.2 s: a pause of the asker's, not the service's
    begun = time.perf_counter()
    try:
        await asyncio.gather(_paced(one, rate, seconds), _paced(update, updates, seconds))
    finally:
        gc.enable()
    return {
        "requests_per_second": round(len(spent) / (time.perf_counter() - begun), 1),
        "updates_per_second": updates,
        "http_ms_p50": round(statistics.median(spent), 2),
        "http_ms_p99": _p99(spent),
        "seen_ms_p50": round(statistics.median(late), 2),
        "seen_ms_p99": _p99(late),
        "failed": failed,
    }


async def _paced(work: Any, rate: float, seconds: float) -> None:
    """Start pieces of work at a fixed rate, whether earlier ones are done or not, and wait for all."""
    tasks: list[asyncio.Task[None]] = []
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        wait = begun + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(work(number)))
    await asyncio.gather(*tasks)


def _attempt(graph: Graph, exercise: str, learner: str, number: int) -> Attempt:
    verdict = Verdict.PASSED if number % 3 else Verdict.FAILED
    return Attempt(
        learner=learner, course=graph.course, exercise=exercise, version="v1", cell="answer", source_hash=str(number),
        verdict=verdict, verdicts={}, points=1.0, max_points=1.0, solved=verdict is Verdict.PASSED, seconds=0.1,
        peak_mb=1.0,
    )  # fmt: skip


def _p99(values: Sequence[float]) -> float:
    return round(statistics.quantiles(values, n=100, method="inclusive")[98], 3)


def _cpu_seconds(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # User and system time are fields 14 and 15; the name of the program, field 2, may hold blanks.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    line = next((line for line in text.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return round(int(line.split()[1]) / 1024, 1)


def shown(found: dict[str, float | int], as_json: bool) -> str:
    """Return the figures as one JSON object or as lines."""
    return json.dumps(found) if as_json else "\n".join(f"{name:24} {value:g}" for name, value in found.items())
