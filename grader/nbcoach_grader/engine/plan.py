"""What the engine is asked and what it answers: values only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from nbcoach_exercises.model import DataFile, Limits, TestCell
from nbcoach_exercises.verdicts import Verdict

from .displays import Display, read_displays

MAX_TRACE = 8


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """A code cell to run for the learner; `id` is its grade id where it has one."""

    id: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A place in a notebook where test cells are judged: after the first `after` of its cells.

    `locked` are the author's cells before it, which the judge runs itself; `prelude` earlier test
    cells that make names which these tests use: they run first and are not judged again. What they make of `passing`
    names is theirs alone, as a later cell has made those anew.
    """

    after: int
    locked: tuple[str, ...]
    tests: tuple[TestCell, ...]
    prelude: tuple[TestCell, ...] = ()
    passing: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A notebook to run, and where to judge it.

    `learner` and `exercise` say whose snapshots may be used; `cells` is the learner's notebook
    up to the last stop, the first `head` of which are the author's own as everybody has them; `sources`
    is all of the author's code, from which imports and names are taken. `shared` names the test cells that must
    run in the learner's own process, `attributes` what a test cell may ask of learner objects; both were found
    with the reference solution. `files` stand beside the notebook; `own_files` are the learner's, which stand in their
    place for his cells but never for the judge. `once` says that nothing is asked about this work again, so no
    snapshots are kept, `costs` that it matters what each question takes, so that each is judged beside a process of its
    own.
    `kernel` is the Jupyter kernel of another language than Python.
    """

    learner: str
    exercise: str
    version: str
    imports: tuple[str, ...]
    cells: tuple[PlannedCell, ...]
    stops: tuple[Stop, ...]
    sources: tuple[str, ...]
    answers: frozenset[str]
    limits: Limits
    files: tuple[DataFile, ...] = field(default=(), repr=False)
    own_files: tuple[DataFile, ...] = field(default=(), repr=False)
    shared: frozenset[str] = frozenset()
    attributes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    once: bool = False
    costs: bool = False
    kernel: str = ""
    head: int = 0

    @property
    def tests(self) -> tuple[TestCell, ...]:
        """Return the test cells of all stops."""
        return tuple(test for stop in self.stops for test in stop.tests)

    @property
    def has_hidden(self) -> bool:
        """Return whether there are checks that learners may not see."""
        return any(check.hidden for test in self.tests for check in test.checks)

    @property
    def learner_files(self) -> tuple[DataFile, ...]:
        """Return the files that the learner's cells find beside the notebook."""
        return tuple({file.path: file for file in (*self.files, *self.own_files)}.values())

    @property
    def line(self) -> str:
        """Name the chain of snapshots that this plan may use."""
        return f"{self.learner}\0{self.exercise}\0{self.version}"


@dataclass(frozen=True, kw_only=True)
class TraceLine:
    """A line of the learner's that an exception came through; `times` counts repeats, as in a recursion."""

    cell: str
    line: int
    text: str
    function: str
    times: int = 1


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """What running one cell came to, as the learner's process claims.

    `state` is `ok`, `raised`, `timeout` or `crashed`. `displays` is told of whole notebooks alone; `cut` says that
    more was displayed than stands there. `overwrites` says how many cells so far have changed or removed files that
    were there; 0 where the cell cannot have touched any.
    """

    id: str
    state: str
    name: str = ""
    message: str = ""
    line: int | None = None
    text: str | None = None
    trace: tuple[TraceLine, ...] = ()
    output: str = ""
    displays: tuple[Display, ...] = ()
    cut: bool = False
    seconds: float = 0.0
    peak_mb: float = 0.0
    overwrites: int = 0


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What the judge decided on one check."""

    id: str
    verdict: Verdict
    message: str | None
    seconds: float


class Mode(StrEnum):
    """Where a test cell runs: beside the learner's process, or by its author's need inside it."""

    ISOLATED = "isolated"
    SHARED = "shared"


@dataclass(frozen=True, kw_only=True)
class TestReport:
    """What the judge decided on one test cell.

    `score` is the author's partial credit, if any; `attributes` are those that it asked of the
    learner's objects. `peak_mb` is memory that its visible checks took beyond what was there, as the
    learner's process claims.
    """

    __test__ = False  # not a pytest class

    id: str
    checks: tuple[CheckReport, ...]
    score: float | None
    mode: Mode = Mode.ISOLATED
    attributes: frozenset[str] = frozenset()
    peak_mb: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything the engine knows of a question."""

    cells: tuple[CellReport, ...]
    tests: tuple[TestReport, ...]
    seconds: float
    reused: int


Begun = Callable[[], None]
"""Called when a request has its turn, after it may have waited."""


def nothing() -> None:
    """Stand for a caller who need not know."""


def chain_keys(plan: Plan) -> list[str]:
    """Return the key of the snapshot after each cell: a hash of all that led there."""
    digest = hashlib.sha256(f"{plan.line}\0{plan.imports}".encode())
    keys = []
    for cell in plan.cells:
        digest.update(f"{cell.id}\0{len(cell.source)}\0{cell.source}".encode("utf-8", "replace"))
        keys.append(digest.copy().hexdigest())
    return keys


def cell_report(cell: str, claim: Mapping[str, Any], room: int = 0) -> CellReport:
    """Read a subject's claim about a cell, with `room` for bytes of displays; anything malformed becomes harmless."""

    def text(name: str, limit: int) -> str:
        value = claim.get(name)
        return value[:limit] if isinstance(value, str) else ""

    def number(name: str) -> float:
        value = claim.get(name)
        return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e12 else 0.0

    ok = claim.get("ok") is True
    name = text("name", 200)
    line = claim.get("line")
    return CellReport(
        id=cell,
        state="ok" if ok else "timeout" if name == "OutOfTime" else "raised",
        name=name,
        message=text("message", 2000),
        line=line if type(line) is int and 0 < line < 100_000 else None,
        text=text("text", 500) or None,
        trace=trace_lines(claim.get("trace")),
        output=text("output", 64 * 1024),
        displays=read_displays(claim.get("displays"), room),
        cut=claim.get("cut") is True,
        seconds=number("seconds"),
        peak_mb=megabytes(claim.get("peak_kb")),
        overwrites=int(number("overwrites")),
    )


def megabytes(claim: object) -> float:
    """Read a subject's claim about kilobytes; anything malformed is nothing."""
    return float(claim) / 1024 if type(claim) in (int, float) and 0 <= claim < 1e12 else 0.0  # type: ignore[operator, arg-type]


def trace_lines(claim: object) -> tuple[TraceLine, ...]:
    """Read a subject's claim about where an exception came through; anything malformed is left out."""
    found = []
    for item in claim[:MAX_TRACE] if isinstance(claim, list) else ():
        match item:
            case [str(cell), int(line), str(text), str(function), int(times)] if 0 < line < 100_000 and times > 0:
                cell, text, function, times = cell[:128] or "?", text[:200], function[:80], min(times, 10**6)
                found.append(TraceLine(cell=cell, line=line, text=text, function=function, times=times))
    return tuple(found)
