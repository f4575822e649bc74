"""Commands of the recommender for `nbcoach`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from . import evaluate as protocol
from .errors import InvalidData
from .models.stacked import StackedMastery

_FILE = click.Path(dir_okay=False, path_type=Path)


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
