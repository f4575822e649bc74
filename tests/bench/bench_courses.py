"""Run real courses: do test cells that pass in a kernel pass here too? Not a test: it states figures.

    python tests/bench/bench_courses.py FOLDER RESULTS [--jobs N] [--only TEXT] [--again]

FOLDER holds nbgrader source notebooks in Python, with their files beside them. What a fresh kernel
says of each is kept in `RESULTS/kernel`, what the judge says in `RESULTS/judge` (`--again` forgets
the latter). A kernel runs a notebook without any protection: run this in a container without network
and without anything that matters, under an account without rights. Prints one JSON object: `{"notebooks", "cells", "kernel", "here", "isolated", "share", "why"}`.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import contextlib
import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from nbcoach_exercises.catalogue import DataFile
from nbcoach_exercises.format import Role, role_of
from nbcoach_exercises.model import Check, Limits, TestCell
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.namespace import bound_names, plain_python
from nbcoach_grader.engine.plan import Plan, PlannedCell

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
    engine = Engine(max_lines=4, max_judges=8)
    await engine.start()
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
            return path, kernel, await kept(judges / key, lambda: here(engine, path, notebook))

    try:
        results = await asyncio.gather(*map(one, paths))
    finally:
        await engine.stop()
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


async def here(engine: Engine, path: Path, notebook: NotebookNode) -> dict[str, Any]:
    """Return for each test cell `[verdict, message]` of the judge; consecutive ones are judged together."""
    code = [(number, cell) for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    answers = frozenset[str]().union(
        *(bound_names(cell.source) for _, cell in code if role_of(cell) in (Role.ANSWER, Role.MANUAL_ANSWER))
    )
    sources = tuple(cell.source for _, cell in code if not is_test(cell))
    files = files_beside(path)
    made = {number: bound_names(cell.source) | imported_names(cell.source) for number, cell in code if is_test(cell)}
    found: dict[str, Any] = {}
    cells: list[PlannedCell] = []
    locked: list[str] = []
    waiting: list[TestCell] = []
    earlier: list[tuple[int, NotebookNode]] = []

    async def judge() -> None:
        if not waiting:
            return
        wanted = used_names("\n".join(check.source for test in waiting for check in test.checks))
        prelude: list[TestCell] = []
        for number, cell in reversed(earlier):
            if str(number) not in {test.grade_id for test in waiting} and made[number] & wanted:
                prelude.insert(0, taken_apart(cell, number))
                wanted |= used_names(cell.source)
        plan = Plan(
            learner=str(path),
            exercise=str(path),
            version="1",
            imports=IMPORTS,
            cells=tuple(cells),
            locked=tuple(locked),
            sources=sources,
            answers=answers,
            tests=(*prelude, *waiting),
            limits=LIMITS,
            files=files,
        )
        try:
            outcome = await engine.run(plan)
        except Exception as err:
            found.update({test.grade_id: ["failure", f"{type(err).__name__}: {err}"] for test in waiting})
        else:
            for test in outcome.tests[len(prelude) :]:
                bad = [check for check in test.checks if check.verdict != "passed"]
                found[test.id] = [str(bad[0].verdict), bad[0].message] if bad else ["passed", None]
            broken = [report for report in outcome.cells if report.state != "ok"]
            found.setdefault("cells", []).extend(f"{r.id}: {r.name}: {r.message}"[:300] for r in broken)
        waiting.clear()

    for place, (number, cell) in enumerate(code):
        if is_test(cell):
            earlier.append((number, cell))
            waiting.append(taken_apart(cell, number))
            later = "\n".join(other.source for _, other in code[place + 1 :] if not is_test(other))
            if made[number] & used_names(later):
                await judge()
                cells.append(PlannedCell(id=f"test{number}", source=cell.source))
            continue
        await judge()
        cells.append(PlannedCell(id=f"cell{number}", source=cell.source))
        if role_of(cell) is Role.READ_ONLY:
            locked.append(cell.source)
    await judge()
    return found


def imported_names(source: str) -> frozenset[str]:
    """Return the names that a cell imports."""
    nodes = [node for node in ast.walk(tree_of(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return frozenset(alias.asname or alias.name.partition(".")[0] for node in nodes for alias in node.names)


def used_names(source: str) -> frozenset[str]:
    """Return the names that a cell looks up."""
    nodes = [node for node in ast.walk(tree_of(source)) if isinstance(node, ast.Name)]
    return frozenset(node.id for node in nodes if isinstance(node.ctx, ast.Load))


def tree_of(source: str) -> ast.AST:
    """Return a cell as a tree, an empty one if it is no Python."""
    try:
        return ast.parse(plain_python(source))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def taken_apart(cell: NotebookNode, number: int) -> TestCell:
    """Return a test cell, all of it visible so that messages come back; its id is its place."""
    source = re.sub(r"(?m)^.*(BEGIN|END) HIDDEN TESTS.*$", "", cell.source)
    whole = Check(id=f"{number}.1", name="whole", points=1.0, hidden=False, source=source)
    return TestCell(grade_id=str(number), points=1.0, preamble="", checks=(whole,))


def summary(results: list[tuple[Path, dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
    """Put the figures together."""
    cells = sum(len(kernel) for _, kernel, _ in results)
    good = [
        (path, number, judged.get(number))
        for path, kernel, judged in results
        for number in kernel
        if kernel[number] == "passed"
    ]
    bad = [(path, number, told or ["none", None]) for path, number, told in good if not told or told[0] != "passed"]
    here_too = len(good) - len(bad)
    return {
        "notebooks": len(results),
        "cells": cells,
        "kernel": len(good),
        "here": here_too,
        "isolated": here_too,
        "share": round(here_too / max(1, len(good)), 4),
        "why": [f"{path}#{number}: {told[0]}: {str(told[1])[:300]}" for path, number, told in bad],
    }


if __name__ == "__main__":
    main()
