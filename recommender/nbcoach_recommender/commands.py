"""Commands of the recommender for `nbcoach`."""

from __future__ import annotations

import json
import sys
from math import isfinite
from pathlib import Path
from typing import Any

import click

from nbcoach_exercises.errors import InvalidInput

from . import evaluate as protocol
from .errors import InvalidData
from .graph_file import read_graph, suggest_prerequisites
from .models.stacked import StackedMastery
from .tutor import Tutor, answer_of

_FILE = click.Path(dir_okay=False, path_type=Path)
_MOST = 200


@click.command()
@click.option("--train", type=_FILE, required=True, help="CSV of the answers to learn from.")
@click.option("--test", type=_FILE, required=True, help="CSV of the answers of other learners, to measure on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def evaluate(train: Path, test: Path, as_json: bool) -> None:
    """Measure how well the mastery model predicts answers of learners it has never seen.

    Both files have the columns learner,item,skills,correct,at and may be gzipped. Exit status 2: a file is not
    as it should be.
    """
    try:
        learnt, measured = protocol.read_answers(train), protocol.read_answers(test)
    except InvalidData as err:
        click.echo(f"nbcoach evaluate: {err.message}", err=True)
        sys.exit(2)
    report = protocol.evaluate(StackedMastery(), learnt, measured)
    if as_json:
        click.echo(json.dumps(report))
        return
    for name, value in report.items():
        click.echo(f"{name:12} {value:.4f}" if isinstance(value, float) else f"{name:12} {value}")


@click.command()
@click.option("--graph", type=_FILE, required=True, help="JSON of skills, prerequisites and exercises.")
@click.option("--log", type=_FILE, default=None, help="CSV of answers of other learners, to learn from first.")
def policy(graph: Path, log: Path | None) -> None:
    r"""Recommend over standard input and output, one JSON object a line.

    \b
    {"observe": {"learner": "ada", "item": "e1", "correct": 1, "at": 0}}   no answer
    {"recommend": "ada", "k": 1}   →   {"items": ["e2"], "why": ["…"], "p": [0.7], "propensity": [0.95]}

    A line that is not one of these is answered with {"error": …}, and the next one is read. Exit status 2: a file
    is not as it should be.
    """
    tutor = Tutor(read_graph(graph), protocol.read_answers(log) if log is not None else ())
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            found = _obey(tutor, line)
        except InvalidInput as err:
            found = {"error": err.message}
        if found is not None:
            sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
            sys.stdout.flush()


@click.group()
def graph() -> None:
    """Check a prerequisite graph, and see which prerequisites data suggest."""


@graph.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Refuse cycles and unknown skills, with the line named; exit status 2."""
    found = read_graph(file)
    edges = sum(len(skill.requires) for skill in found.skills.values())
    click.echo(f"{file}: {len(found.skills)} skills, {edges} prerequisites, {len(found.exercises)} exercises.")


@graph.command()
@click.argument("file", type=_FILE)
@click.option("--log", type=_FILE, required=True, help="CSV of answers, in the form that `evaluate` reads.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def suggest(file: Path, log: Path, as_json: bool) -> None:
    """List prerequisites that answers speak for and the graph lacks; nothing is changed."""
    found = suggest_prerequisites(read_graph(file), protocol.read_answers(log))
    if as_json:
        click.echo(json.dumps({"suggestions": [vars(one) for one in found]}))
        return
    for one in found:
        click.echo(
            f"{one.before} before {one.after}: {one.having:.0%} right with it, {one.without:.0%} without "
            f"({one.learners} learners, {one.clarity:.1f} standard errors)"
        )


@click.command()
@click.option("--train", type=_FILE, required=True, help="CSV of the answers to learn from.")
@click.option("--test", type=_FILE, required=True, help="CSV of the answers of other learners, to measure on.")
@click.option("--graph", type=_FILE, default=None, help="JSON of a course to simulate learners in; none by default.")
@click.option("--learners", type=click.IntRange(1), default=30, show_default=True, help="Simulated learners a family.")
@click.option("--page", type=_FILE, required=True, help="Where the page goes.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object too.")
def report(train: Path, test: Path, graph: Path | None, learners: int, page: Path, as_json: bool) -> None:
    """Write a page with plots: models on held-out learners, simple baselines, and policies on simulated learners."""
    # Here, not above: the other commands need no plots.
    from .report import write_report

    course = None if graph is None else read_graph(graph)
    found = write_report(page, protocol.read_answers(train), protocol.read_answers(test), course, learners)
    if as_json:
        click.echo(json.dumps(found))


@click.command()
@click.option("--learners", type=click.IntRange(10), default=100_000, show_default=True, help="Learners in the state.")
@click.option(
    "--exercises", type=click.IntRange(40), default=10_000, show_default=True, help="Exercises of the course."
)
@click.option("--attempts", type=click.IntRange(1), default=20, show_default=True, help="Attempts of each learner.")
@click.option("--seconds", type=click.IntRange(0), default=10, show_default=True, help="Load over HTTP; 0 for none.")
@click.option("--rate", type=click.IntRange(1), default=500, show_default=True, help="Recommendations a second.")
@click.option("--updates", type=click.IntRange(1), default=50, show_default=True, help="Attempts a second.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def recommend(
    learners: int, exercises: int, attempts: int, seconds: int, rate: int, updates: int, as_json: bool
) -> None:
    """Measure how fast recommendations are served, in CPU time, wall time and under load."""
    # Here, not above: the other commands need no service.
    from .bench import serving

    click.echo(serving.shown(serving.measure(learners, exercises, attempts, seconds, rate, updates), as_json))


def _obey(tutor: Tutor, line: str) -> dict[str, Any] | None:
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise InvalidInput("The line is no JSON.") from err
    if not isinstance(body, dict) or not ({"observe", "recommend"} & body.keys()):
        raise InvalidInput('A line is {"observe": {…}} or {"recommend": "learner", "k": 1}.')
    if "observe" in body:
        _observe(tutor, body["observe"])
        return None
    learner, k = body["recommend"], body.get("k", 1)
    if isinstance(learner, bool) or not isinstance(learner, str | int):
        raise InvalidInput("recommend: the name of a learner is needed.", place="recommend")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= _MOST:
        raise InvalidInput(f"k: a whole number from 1 to {_MOST} is needed.", place="k")
    return answer_of(tutor.recommend(str(learner), k))


def _observe(tutor: Tutor, event: Any) -> None:
    if not isinstance(event, dict):
        raise InvalidInput("observe: an object is needed.", place="observe")
    learner, item, correct, at = (event.get(name) for name in ("learner", "item", "correct", "at"))
    for name, value in (("learner", learner), ("item", item)):
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidInput(f"observe/{name}: a name is needed.", place=name)
    if correct not in (0, 1):
        raise InvalidInput("observe/correct: 0 or 1 is needed.", place="correct")
    at = 0 if at is None else at
    if isinstance(at, bool) or not isinstance(at, int | float) or not (isfinite(at) and 0 <= at < 1e11):
        raise InvalidInput("observe/at: seconds from 0 on are needed.", place="at")
    tutor.observe(str(learner), str(item), bool(correct), float(at))
