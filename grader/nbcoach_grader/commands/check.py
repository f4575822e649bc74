"""The command `nbcoach check`: judge one cell of a notebook against its master."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click

from nbcoach_exercises.errors import NbcoachError, UnknownCell
from nbcoach_exercises.format import grade_id_of, read_notebook
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CellSource, LearnerError

from ..authored import material_at
from ..errors import GraderFailed
from ..feedback import Judgement
from ..judging import Judging
from ..runner import running
from .printing import complain, printable

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("notebook", type=_FILE)
@click.option("--master", required=True, type=_FILE, help="The author's notebook, with solutions and tests.")
@click.option("--cell", required=True, help="Grade id of the answer cell.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def check(notebook: Path, master: Path, cell: str, as_json: bool) -> None:
    """Judge one answer cell of NOTEBOOK as the service would.

    Exit status: 0 when it was judged, whatever the verdict; 2 for bad input; 3 when the grader itself failed.
    """
    try:
        judged, repairs = asyncio.run(_check(notebook, master, cell))
    except GraderFailed as err:
        complain(f"The grader failed: {err.message}")
        sys.exit(3)
    except NbcoachError as err:
        complain(f"error: {err.message}")
        sys.exit(2)
    body = {
        "verdict": judged.verdict,
        "points": judged.points,
        "checks": [
            {"id": c.id, "name": c.name, "verdict": c.verdict, "hidden": c.hidden, "message": c.message}
            for c in judged.checks
        ],
        "error": _error(judged.error),
        "repairs": list(repairs),
    }
    click.echo(json.dumps(body) if as_json else _text(judged, repairs))


async def _check(notebook: Path, master: Path, cell: str) -> tuple[Judgement, tuple[str, ...]]:
    material = material_at(master)
    question = next((q for q in material.questions() if cell in q.answers or cell in q.tests), None)
    if question is None:
        raise UnknownCell(material.name, cell)
    work = read_notebook(notebook.read_bytes(), str(notebook))
    cells = [
        CellSource(id=str(node.get("id", number)), grade_id=grade_id_of(node), source=node.source)
        for number, node in enumerate(work.cells)
        if node.cell_type == "code"
    ]
    async with running() as runner:
        judged, rebuilt = await Judging(runner).judge("you", material, question, cells, veiled=False)
    return judged, rebuilt.repairs


def _error(error: LearnerError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"name": error.name, "message": error.message, "line": error.line, "text": error.text}


def _text(judged: Judgement, repairs: tuple[str, ...]) -> str:
    marks = {True: "✓", False: "✗"}
    lines = [f"{judged.verdict}: {judged.points:g} points"]
    error = judged.error
    if error is not None:
        place = f", line {error.line}" if error.line else ""
        lines.append(f"  The cell itself ended in {error.name}{place}: {error.message}".rstrip(": "))
        lines += [f"      {error.text.strip()}"] if error.text else []
    for c in judged.checks:
        lines.append(f"  {marks[c.verdict is Verdict.PASSED]} {c.name} ({c.verdict})")
        lines += [f"      {c.message}"] if c.message else []
    lines += [f"  note: {repair}" for repair in repairs]
    return printable("\n".join(lines))
