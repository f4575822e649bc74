"""Run real courses: do test cells that pass in a kernel pass here too? Not a test: it states figures.

    python tests/bench/bench_courses.py FOLDER RESULTS [--jobs N] [--only TEXT] [--again]

FOLDER holds nbgrader source notebooks in Python, with their files beside them. What a fresh kernel
says of each is kept in `RESULTS/kernel`, what the judge says in `RESULTS/judge` (`--again` forgets
the latter). A kernel runs a notebook without any protection: run this in a container without network
and without anything that matters, under an account without rights. Prints one JSON object: `{"notebooks", "cells", "kernel", "here", "isolated", "share", "why"}`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from nbcoach_exercises.errors import NbcoachError
from nbcoach_exercises.format import Role, grade_id_of, role_of
from nbcoach_exercises.model import DataFile, Limits
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.errors import GraderFailed
from nbcoach_grader.faults import set_apart
from nbcoach_grader.material import material_of
from nbcoach_grader.proving import prove
from nbcoach_grader.runner import Runner

SECONDS = 30
LIMITS = Limits(seconds=SECONDS, memory_mb=4096)
IMPORTS = ("numpy", "pandas", "matplotlib.pyplot")
MAX_FILES = 64 * 2**20


def main() -> None:
    """Measure a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--kernel-only", action="store_true")
    told = parser.parse_args()
    found = asyncio.run(measure(told))
    print(json.dumps(found))


async def measure(told: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of all notebooks below a folder."""
    paths = [path for path in sorted(told.folder.rglob("*.ipynb")) if told.only in str(path)]
    kernels, judges = (told.results / name for name in ("kernel", "judge"))
    for place in (kernels, judges):
        place.mkdir(exist_ok=True, parents=True)
    runner = Runner(Engine(max_lines=4, max_judges=8))
    await runner.start()
    turns = asyncio.Semaphore(told.jobs)

    async def one(path: Path) -> tuple[Path, dict[str, Any], dict[str, Any]]:
        key = f"{hashlib.sha256(path.read_bytes() + str(path).encode()).hexdigest()[:24]}.json"
        async with turns:
            notebook = nbformat.from_dict(json.loads(path.read_bytes()))  # type: ignore[no-untyped-call]
            for cell in notebook.cells:
                cell.source = "".join(cell.source)
            kernel = await kept(kernels / key, lambda: in_kernel(path, notebook))
            if told.kernel_only or not any(said == "passed" for said in kernel.values()):
                return path, kernel, {}
            if told.again:
                (judges / key).unlink(missing_ok=True)
            return path, kernel, await kept(judges / key, lambda: here(runner, path, notebook))

    try:
        results = await asyncio.gather(*map(one, paths))
    finally:
        await runner.stop()
    return summary(results)


async def kept(file: Path, make: Any) -> dict[str, Any]:
    """Return what a file holds, or make it."""
    if not file.exists():
        file.write_text(json.dumps(await make()))
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def is_test(cell: NotebookNode) -> bool:
    """Tell whether a cell is an autograder test that does something."""
    return cell.cell_type == "code" and role_of(cell) is Role.TESTS and bool(cell.source.strip())


@contextlib.contextmanager
def copied(path: Path) -> Iterator[Path]:
    """Yield a copy of the folder that a notebook stands in."""
    with tempfile.TemporaryDirectory() as place:
        for file in files_beside(path):
            target = Path(place) / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
        yield Path(place)


def files_beside(path: Path) -> tuple[DataFile, ...]:
    """Return what stands beside a notebook, other notebooks left out."""
    found, size = [], 0
    for file in sorted(path.parent.rglob("*")):
        if file.is_file() and file.suffix != ".ipynb" and not file.is_symlink():
            size += file.stat().st_size
            if size > MAX_FILES:
                break
            found.append(DataFile(file.relative_to(path.parent).as_posix(), file.read_bytes()))
    return tuple(found)


async def in_kernel(path: Path, notebook: NotebookNode) -> dict[str, str]:
    """Return for each test cell what a fresh kernel says: `passed`, or the name of an exception."""
    run = nbformat.from_dict(json.loads(json.dumps(notebook)))  # type: ignore[no-untyped-call]
    with copied(path) as place:
        client = NotebookClient(
            run,
            timeout=SECONDS,
            interrupt_on_timeout=True,
            error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []},
            kernel_name="python3",
            resources={"metadata": {"path": str(place)}},
            allow_errors=True,
        )
        try:
            async with asyncio.timeout(10 * SECONDS):
                await client.async_execute()
        except Exception as err:
            if client.km is not None and await client.km.is_alive():
                await client.km.shutdown_kernel(now=True)
            return {str(n): f"no kernel: {type(err).__name__}" for n, c in enumerate(notebook.cells) if is_test(c)}
    found = {}
    for number, cell in enumerate(run.cells):
        if is_test(notebook.cells[number]):
            raised = [output.ename for output in cell.get("outputs", ()) if output.output_type == "error"]
            late = cell.get("execution_count") is None
            found[str(number)] = raised[0] if raised else "not run" if late else "passed"
    return found


async def here(runner: Runner, path: Path, notebook: NotebookNode) -> dict[str, Any]:
    """Return for each test cell `[verdict, mode, why]`, as `prove` says."""
    numbers = [number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    sound, faults = set_apart(notebook)
    try:
        material = material_of(sound, sound, name=str(path), files=files_beside(path), limits=LIMITS, imports=IMPORTS)
        proof = await prove(runner, material)
    except (NbcoachError, GraderFailed) as err:
        return {str(n): ["failure", "", f"{type(err).__name__}: {err}"] for n in numbers}
    found = {}
    for number, place in zip(numbers, material.layout.places, strict=True):
        if fault := faults.get(grade_id_of(notebook.cells[number]) or ""):
            found[str(number)] = ["error", "", fault]
        told = proof.cells.get(place.name)
        if place.test is not None and told is not None:
            found[str(number)] = [str(told.verdict), str(told.mode), told.why]
    return found


def summary(results: list[tuple[Path, dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Put the figures together."""
    good = [
        (f"{path}#{number}", judged.get(number) or ["none", "", None])
        for path, kernel, judged in results
        for number, said in kernel.items()
        if said == "passed"
    ]
    here_too = [mode for _, (verdict, mode, _) in good if verdict == "passed"]
    isolated = here_too.count("isolated")
    return {
        "notebooks": len(results),
        "cells": sum(len(kernel) for _, kernel, _ in results),
        "kernel": len(good),
        "here": len(here_too),
        "isolated": isolated,
        "share": round(len(here_too) / max(1, len(good)), 4),
        "isolated_share": round(isolated / max(1, len(good)), 4),
        "why": [f"{place}: {told}" for place, told in good if told[:2] != ["passed", "isolated"]],
    }


if __name__ == "__main__":
    main()
