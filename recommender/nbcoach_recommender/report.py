"""A page of figures: models on held-out learners, baselines on their logs, policies on simulated learners."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .evaluate import auc, predictions, report_of
from .graph import Graph
from .models.abc import Answer, Model
from .models.mastery import MultiSkillElo
from .models.stacked import StackedMastery
from .next_item import AT, hit_rates
from .simulation.arena import Outcome, compete

_STYLE = "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem}table{border-collapse:collapse}td,th{padding:.3rem .8rem;border-bottom:1px solid #ccc;text-align:right}td:first-child,th:first-child{text-align:left}img{max-width:100%}"  # noqa: E501
_DRAWS = 100


def write_report(
    page: Path, train: Sequence[Answer], test: Sequence[Answer], graph: Graph | None, learners: int
) -> dict[str, Any]:
    """Measure everything, write the page and return the figures.

    Args:
        page: where the page goes.
        train: answers to learn from.
        test: answers of other learners.
        graph: a course to simulate learners in; None leaves that out.
        learners: simulated learners of each family.

    """
    right = np.array([answer.correct for answer in test], float)
    guesses: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    figures: dict[str, Any] = {"models": {}}
    models: tuple[Model, ...] = (MultiSkillElo(), StackedMastery())
    for model in models:
        found, seconds = predictions(model, train, test)
        guesses[model.name] = np.array(found)
        figures["models"][model.name] = report_of(test, found, seconds)
    names = list(guesses)
    figures["difference"] = _paired(test, right, guesses[names[0]], guesses[names[1]])
    figures["hits"] = hit_rates(train, test)
    outcomes = compete(graph, learners=learners) if graph is not None else []
    figures["policies"] = [vars(outcome) for outcome in outcomes]
    page.write_text(_page(figures, right, guesses, outcomes), "utf-8")
    return figures


def _paired(test: Sequence[Answer], right: Any, first: Any, second: Any) -> dict[str, float]:
    """Return what the second model gains over the first, with errors: both are drawn anew over the same learners."""
    gain = np.log(np.where(right == 1, second, 1 - second)) - np.log(np.where(right == 1, first, 1 - first))
    _, who = np.unique([answer.learner for answer in test], return_inverse=True)
    order, counts = np.argsort(who, kind="stable"), np.bincount(who)
    rows_of = np.split(order, np.cumsum(counts)[:-1])
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(_DRAWS):
        rows = np.concatenate([rows_of[learner] for learner in random.integers(0, len(counts), len(counts))])
        drawn.append((gain[rows].mean(), _auc_gain(right[rows], first[rows], second[rows])))
    log_loss, ranking = np.std(drawn, axis=0)
    return {
        "log_loss_gain": float(gain.mean()),
        "log_loss_error": float(log_loss),
        "auc_gain": _auc_gain(right, first, second),
        "auc_error": float(ranking),
    }


def _auc_gain(right: Any, first: Any, second: Any) -> float:
    return (auc(right, second) or 0.0) - (auc(right, first) or 0.0)


def _page(figures: dict[str, Any], right: Any, guesses: dict[str, Any], outcomes: Sequence[Outcome]) -> str:
    difference = figures["difference"]
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Recommender</title><style>{_STYLE}</style>",
        f"<h1>Recommender</h1><p>nbcoach {html.escape(__version__)}.</p><h2>Held-out learners</h2>",
        _table(("model", "auc", "acc", "rmse", "ece", "auc_first5", "n", "fit_seconds"), figures["models"]),
        f"<p>Boosted trees gain {difference['auc_gain']:.4f} ± {difference['auc_error']:.4f} of AUC and "
        f"{difference['log_loss_gain']:.4f} ± {difference['log_loss_error']:.4f} nats an answer over abilities alone, "
        "on the same learners.</p>",
        _plot(lambda axes: _calibration(axes, right, guesses), "Calibration"),
        f"<h2>Next item, hit rate at {AT}</h2><p>A sanity check: what learners did is not what they should do.</p>",
        _plot(lambda axes: axes.barh(list(figures["hits"]), list(figures["hits"].values())), "Hit rate"),
    ]
    if outcomes:
        families = list(dict.fromkeys(outcome.family for outcome in outcomes))
        policies = list(dict.fromkeys(outcome.policy for outcome in outcomes))
        by = {(outcome.policy, outcome.family): outcome for outcome in outcomes}
        rows = {
            policy: {
                **{family: f"{by[policy, family].share:.2f} ± {by[policy, family].error:.2f}" for family in families},
                "mean": f"{np.mean([by[policy, family].share for family in families]):.2f}",
                "violations": f"{max(by[policy, family].violations for family in families):.1%}",
                "repeated": f"{max(by[policy, family].repeated for family in families):.1%}",
            }
            for policy in policies
        }
        parts += [
            "<h2>Policies on simulated learners</h2>",
            "<p>Share of the way from the author's sequence (0) to a greedy oracle that sees the truth (1), with its "
            "standard error over the same learners. A violation is an offer with a prerequisite of which nothing was "
            "ever solved.</p>",
            _table(("policy", *families, "mean", "violations", "repeated"), rows),
            _plot(lambda axes: _bars(axes, families, policies, by), "Share of the way to the oracle"),
        ]
    return "\n".join(parts)


def _table(columns: Sequence[str], rows: dict[str, dict[str, Any]]) -> str:
    head = "".join(f"<th>{html.escape(name)}" for name in columns)
    body = "".join(
        f"<tr><td>{html.escape(name)}" + "".join(f"<td>{_shown(values.get(column))}" for column in columns[1:])
        for name, values in rows.items()
    )
    return f"<table><tr>{head}{body}</table>"


def _shown(value: Any) -> str:
    return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else html.escape(str(value))


def _calibration(axes: Any, right: Any, guesses: dict[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, guess in guesses.items():
        bins = np.minimum((guess * 10).astype(int), 9)
        counts = np.bincount(bins, minlength=10)
        kept = counts > 0
        x, y = (np.bincount(bins, values, 10)[kept] / counts[kept] for values in (guess, right))
        axes.plot(x, y, marker="o", label=name)
    axes.set_xlabel("predicted")
    axes.set_ylabel("observed")
    axes.legend()


def _bars(axes: Any, families: Sequence[str], policies: Sequence[str], by: dict[tuple[str, str], Outcome]) -> None:
    width = 0.8 / len(policies)
    for number, policy in enumerate(policies):
        places = np.arange(len(families)) + number * width
        axes.bar(places, [by[policy, family].share for family in families], width, label=policy)
    axes.set_xticks(np.arange(len(families)) + 0.4 - width / 2, families)
    axes.legend()


def _plot(draw: Any, title: str) -> str:
    # Here, not above: only the page needs plots.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    draw(axes)
    axes.set_title(title)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=110)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<p><img alt="{html.escape(title)}" src="data:image/png;base64,{data}">'
