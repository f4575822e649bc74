"""The command `nbcoach bench`."""

from __future__ import annotations

import json

import click

from nbcoach_hub.cli import Commands

from . import autograde as autograde_bench
from . import check as check_bench
from .figures import Figures


class Benches(Commands):
    """The measurements of this room, and those that others offer."""

    entry_points = "nbcoach.bench"


@click.group(cls=Benches)
def bench() -> None:
    """Measure nbcoach on this machine; the grader beside nbgrader, on the same notebooks in the same run."""


@bench.command()
@click.option("--rounds", type=click.IntRange(2), default=200, show_default=True, help="Checks of ours.")
@click.option("--rival-rounds", type=click.IntRange(1), default=5, show_default=True, help="Runs of nbgrader validate.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def check(rounds: int, rival_rounds: int, as_json: bool) -> None:
    """Measure a check of the last cell of a notebook of twenty cells, beside nbgrader validate."""
    _show(check_bench.measure(rounds, rival_rounds), as_json)


@bench.command()
@click.option("--count", type=click.IntRange(20), default=200, show_default=True, help="Submissions for ours.")
@click.option("--rival-count", type=click.IntRange(8), default=12, show_default=True, help="Submissions for nbgrader.")
@click.option("--distinct", is_flag=True, help="Let no two submissions be alike; else a fourth is as it was given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def autograde(count: int, rival_count: int, distinct: bool, as_json: bool) -> None:
    """Measure the grading of a course directory, per notebook, beside nbgrader autograde."""
    _show(autograde_bench.measure(count, rival_count, distinct=distinct), as_json)


def _show(found: Figures, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.body()))
        return
    click.echo(
        f"ours {found.p50_ms:g} ms (p99 {found.p99_ms:g}), nbgrader {found.rival_ms:g} ms: "
        f"{found.ratio:g} times as fast; {found.n} measured, load {found.load:g}"
    )
    if found.rival_feedback_ms is not None:
        click.echo(f"nbgrader's feedback page, which ours includes: {found.rival_feedback_ms:g} ms more")
    if found.alike:
        click.echo(f"{found.alike} of ours were to the letter what another was; --distinct measures without")
