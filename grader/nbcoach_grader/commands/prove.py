"""The command `nbcoach prove`: what the reference solution, the starter and wrong solutions come to."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from nbcoach_exercises.errors import NbcoachError
from nbcoach_exercises.verdicts import Verdict

from ..authored import notebooks_at, sound_material_at
from ..engine.plan import Mode
from ..errors import GraderFailed
from ..judging import Judging
from ..material import Material
from ..mutants import Mutant, mutants
from ..proving import CellProof, Proof, prove, reference_plan, with_proof
from ..runner import Runs, running
from .printing import Printing, complain, printable


@dataclass(frozen=True, kw_only=True)
class Report:
    """What proving a master has shown; `faults` says what is wrong with its malformed test cells, by grade id."""

    path: Path
    proof: Proof
    faults: Mapping[str, str]
    starter: float
    points: float
    tried: int
    survived: tuple[Mutant, ...]

    @property
    def ok(self) -> bool:
        """Return whether no test cell is malformed, and the reference solution passes all."""
        return self.proof.ok and not self.faults

    @property
    def cells(self) -> tuple[CellProof, ...]:
        """Return what each test cell came to, the malformed ones first."""
        return (*(_malformed(name, why) for name, why in self.faults.items()), *self.proof.cells.values())

    def line(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "notebook": str(self.path),
            "ok": self.ok,
            "seconds": round(self.proof.seconds, 3),
            "cells": [
                {"id": cell.id, "verdict": cell.verdict, "mode": cell.mode, "why": cell.why} for cell in self.cells
            ],
            "starter": {"score": self.starter},
            "mutants": {
                "tried": self.tried,
                "survived": [{"cell": m.cell, "line": m.line, "change": m.change} for m in self.survived],
            },
        }


@click.command(name="prove")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--mutants", "count", type=click.IntRange(0, 1000), default=0, help="Wrong solutions to try.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each notebook.")
def prove_command(paths: Sequence[Path], count: int, as_json: bool) -> None:
    """Judge the reference solutions of the masters at PATHS, their starters, and small wrong versions of them.

    A test cell that passes only inside the learner's process is told apart as `shared`: code that it judges can
    see it, so it is worth rewriting. A malformed test cell is named, and the others are judged.

    Exit status: 0 when all was judged, whatever was found; 2 for bad input, of which the rest was judged; 3 when
    the grader itself failed.
    """
    sys.exit(asyncio.run(_prove_all(paths, count, as_json)))


async def _prove_all(paths: Sequence[Path], count: int, as_json: bool) -> int:
    status = 0
    try:
        masters = list(notebooks_at(paths))
        async with running() as runner:
            with Printing("Proving", len(masters), as_json=as_json) as printing:
                async for found in _reports(runner, masters, count):
                    if isinstance(found, Report):
                        printing.say(json.dumps(found.line()) if as_json else printable(_text(found)))
                    else:
                        failed = isinstance(found, GraderFailed)
                        status = max(status, 3 if failed else 2)
                        printing.complain(f"{'The grader failed' if failed else 'error'}: {found.message}")
                    printing.advance()
    except GraderFailed as err:
        complain(f"The grader failed: {err.message}")
        return 3
    except NbcoachError as err:
        complain(f"error: {err.message}")
        return 2
    return status


async def _reports(runner: Runs, masters: Sequence[Path], count: int) -> AsyncIterator[Report | NbcoachError]:
    for path in masters:
        try:
            yield await report(runner, path, count)
        except NbcoachError as err:
            yield err


async def report(runner: Runs, path: Path, count: int) -> Report:
    """Prove one master.

    Args:
        runner: what runs notebooks.
        path: the master.
        count: how many mutants to try.

    Raises:
        InvalidCourse: it cannot be used.
        GraderFailed: the grader broke.

    """
    material, faults = await asyncio.to_thread(sound_material_at, path)
    proof = await prove(runner, material)
    starter = await Judging(runner).grade("starter", material, [])
    answers = {place.name: place.source for place in material.layout.places if place.answered}
    tried = mutants(answers, count) if count and proof.ok and not faults and not material.kernel else []
    survived = [mutant for mutant in tried if await _survives(runner, material, proof, mutant)]
    return Report(
        path=path,
        proof=proof,
        faults=faults,
        starter=sum(test.score for test in starter.tests),
        points=sum(test.points for test in material.tests.values()),
        tried=len(tried),
        survived=tuple(survived),
    )


async def _survives(runner: Runs, material: Material, proof: Proof, mutant: Mutant) -> bool:
    plan = with_proof(reference_plan(material, {mutant.cell: mutant.source}), proof)
    outcome = await runner.run(plan)
    return all(check.verdict is Verdict.PASSED for test in outcome.tests for check in test.checks)


def _malformed(name: str, why: str) -> CellProof:
    return CellProof(id=name, verdict=Verdict.ERROR, mode=Mode.ISOLATED, why=why, attributes=frozenset(), seconds=0.0)


def _text(found: Report) -> str:
    lines = [f"{'✓' if found.ok else '✗'} {found.path}"]
    for cell in found.cells:
        if cell.verdict is not Verdict.PASSED or cell.mode is Mode.SHARED:
            lines.append(f"  {cell.id}: {cell.verdict} ({cell.mode}): {cell.why}")
    if found.starter:
        lines.append(f"  the starter gets {found.starter:g} of {found.points:g} points")
    lines += [f"  no test notices: {m.cell}, line {m.line}: {m.change}" for m in found.survived]
    return "\n".join(lines)
