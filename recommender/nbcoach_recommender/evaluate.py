"""Measure a model on answers of learners it has never seen, in a way that leaves no room for cheating.

The protocol: `fit` on the training file; then, for each answer of the test file in its order,
`predict` first and `follow` after. The model is handed a task without its outcome, so it cannot
look ahead; `follow` leaves what is known of tasks alone, so no test learner helps another; and
test learners get names of their own, so one who also stands in the training file starts anew.

A file is CSV with the columns `learner,item,skills,correct,at` (skills joined by `;`, correct 0
or 1), plain or gzipped, each learner's rows in order of time. One answer may stand in several
rows, one for each of its skills. These are merged, as the later rows would be predicted from the
earlier ones, which hold the same outcome. Rows are one answer when learner, item, `at` and outcome
agree. Where `at` tells nothing, as it is the same in the whole file, only rows that follow each other
and name different skills are; or, in a file that writes each answer with all its n skills n times
over, each n rows. So a second try at an item stays an answer of its own.
"""

from __future__ import annotations

import csv
import gzip
import io
import resource
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InvalidData
from .models.abc import Answer, Model, Task

COLUMNS = ("learner", "item", "skills", "correct", "at")
FIRST = 5
_BINS = 10
_TEST = "test/"


@dataclass(slots=True)
class _Row:
    learner: str
    item: str
    skills: tuple[str, ...]
    correct: bool
    at: float
    rows: int = 1
    more: list[str] = field(default_factory=list)

    def key(self) -> tuple[str, str, bool, float]:
        return self.learner, self.item, self.correct, self.at

    def all_skills(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.skills, *self.more)))


def read_answers(path: Path) -> list[Answer]:
    """Read a file of answers, one `Answer` for each, whatever number of rows it stands in.

    Raises:
        InvalidData: the file cannot be read, or a line is not as it should be; the message names it.

    """
    rows = list(_rows(path))
    if not rows:
        raise InvalidData(str(path), "there are no answers in it.")
    merged = _merged(rows, timed=len({row.at for row in rows}) > 1)
    tasks: dict[tuple[str, tuple[str, ...]], Task] = {}
    return [
        Answer(
            learner=row.learner,
            task=tasks.setdefault((row.item, row.all_skills()), Task(row.item, row.all_skills())),
            correct=row.correct,
            at=row.at,
        )
        for row in merged
    ]


def predictions(model: Model, train: Iterable[Answer], test: Iterable[Answer]) -> tuple[list[float], float]:
    """Return the prediction for each test answer, made before it was seen, and the seconds that `fit` took."""
    begun = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - begun
    found = []
    for answer in test:
        learner = _TEST + answer.learner
        found.append(model.predict(learner, answer.task, answer.at))
        model.follow(
            Answer(learner=learner, task=answer.task, correct=answer.correct, question=answer.question, at=answer.at)
        )
    return found, seconds


def evaluate(model: Model, train: Sequence[Answer], test: Sequence[Answer]) -> dict[str, Any]:
    """Fit a model and measure it on learners of its own.

    Returns:
        `auc`, `acc` (at .5), `rmse`, `ece` (ten bins of equal width), `auc_first5` (of each learner's first five
        answers), `n` (test answers), `fit_seconds` and `peak_mb` (of this process, with the data). An AUC is None
        where all outcomes are the same.

    """
    return report_of(test, *predictions(model, train, test))


def report_of(test: Sequence[Answer], guesses: Sequence[float], seconds: float) -> dict[str, Any]:
    """Return what `evaluate` does, for predictions that were made already."""
    p = np.asarray(guesses)
    y = np.asarray([answer.correct for answer in test], dtype=float)
    first = np.asarray(_first(test))
    return {
        "auc": auc(y, p),
        "acc": float(np.mean((p >= 0.5) == (y == 1))),
        "rmse": float(np.sqrt(np.mean((y - p) ** 2))),
        "ece": calibration_error(y, p),
        "auc_first5": auc(y[first], p[first]),
        "n": len(test),
        "fit_seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def auc(y: NDArray[np.float64], p: NDArray[np.float64]) -> float | None:
    """Return the chance that a right answer was given a higher p than a wrong one; ties count half."""
    right = float(y.sum())
    wrong = len(y) - right
    if not right or not wrong:
        return None
    _, place, count = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[y == 1].sum() - right * (right + 1) / 2) / (right * wrong))


def calibration_error(y: NDArray[np.float64], p: NDArray[np.float64]) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    bins = np.minimum((p * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights=y - p, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(y))


def _first(test: Sequence[Answer]) -> list[bool]:
    seen: dict[str, int] = defaultdict(int)
    found = []
    for answer in test:
        found.append(seen[answer.learner] < FIRST)
        seen[answer.learner] += 1
    return found


def _merged(rows: list[_Row], *, timed: bool) -> list[_Row]:
    whole = not timed and _written_whole(rows)
    merged: list[_Row] = []
    last: dict[Any, _Row] = {}
    for row in rows:
        place = row.key() if timed else row.learner
        known = last.get(place)
        if known is not None and known.key() == row.key() and (timed or _continues(known, row, whole)):
            known.more += row.skills
            known.rows += 1
        else:
            merged.append(row)
            last[place] = row
    return merged


def _continues(known: _Row, row: _Row, whole: bool) -> bool:
    """Return whether an untimed row is one more row of the same answer, and not the next try."""
    if whole and len(row.skills) > 1:
        return row.skills == known.skills and known.rows < len(known.skills)
    return set(row.skills).isdisjoint(known.all_skills())


def _written_whole(rows: list[_Row]) -> bool:
    """Return whether every answer with n > 1 skills stands in n equal rows, or a multiple of them."""
    runs = [
        (row.skills, sum(1 for _ in run))
        for row, run in ((next(run), run) for _, run in groupby(rows, key=lambda row: (row.key(), row.skills)))
        if len(row.skills) > 1
    ]
    return bool(runs) and all((1 + more) % len(skills) == 0 for skills, more in runs)


def _rows(path: Path) -> Iterator[_Row]:
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as err:
        raise InvalidData(str(path), f"it cannot be read: {getattr(err, 'strerror', None) or err}.") from err
    except UnicodeDecodeError as err:
        raise InvalidData(str(path), "it is not in UTF-8.") from err
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidData(str(path), f"it needs the columns {','.join(COLUMNS)}; {','.join(missing)} is missing.")
    try:
        for body in reader:
            yield _row(body, f"{path}, line {reader.line_num}")
    except csv.Error as err:
        raise InvalidData(f"{path}, line {reader.line_num}", f"it is no CSV: {err}.") from err


def _row(body: dict[str, Any], where: str) -> _Row:
    texts = [body[name] for name in COLUMNS]
    if any(text is None for text in texts) or None in body:
        raise InvalidData(where, "it has too few or too many fields.")
    learner, item, skills, correct, at = texts
    if correct not in ("0", "1"):
        raise InvalidData(where, f"correct is {correct[:20]!r}, neither 0 nor 1.")
    try:
        when = float(at)
    except ValueError as err:
        raise InvalidData(where, f"at is {at[:20]!r}, no number.") from err
    if not isfinite(when):
        raise InvalidData(where, f"at is {at[:20]!r}, which is not finite.")
    return _Row(
        learner, item, tuple(dict.fromkeys(skill for skill in skills.split(";") if skill)), correct == "1", when
    )
