"""Which exercise learners did next: simple recommenders on a log, by hit rate.

A sanity check only. Guessing what learners did is not the same as knowing what they should do: five
lines of Markov chain win it everywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix

from .models.abc import Answer

AT = 10
_EVERY = 5
_FACTORS, _ROUNDS, _RIDGE = 16, 5, 5.0
_WEIGHT = 10.0

Recommend = Callable[[Sequence[int]], np.ndarray[tuple[int], np.dtype[np.float64]]]


def hit_rates(train: Sequence[Answer], test: Sequence[Answer]) -> dict[str, float]:
    """Return by recommender how often the next new item of a test learner was among its first ten."""
    items: dict[str, int] = {}
    skills: dict[int, tuple[str, ...]] = {}
    for answer in train:
        skills[items.setdefault(answer.task.id, len(items))] = answer.task.skills
    taught = [path for path in _paths(train, items) if path]
    makers = {
        "popularity": _popularity,
        "sequence": _sequence,
        "content kNN": lambda paths, count: _content(skills, count),
        "ALS": _als,
        "Markov": _markov,
    }
    paths = [path for path in _paths(test, items) if len(path) > 1]
    found: dict[str, float] = {}
    for name, make in makers.items():
        recommend = make(taught, len(items))
        hits = asked = 0
        for path in paths:
            for place in range(1, len(path), _EVERY):
                scores = recommend(path[:place]).copy()
                scores[list(path[:place])] = -np.inf
                best = np.argpartition(-scores, min(AT, len(scores) - 1))[:AT]
                hits += path[place] in best
                asked += 1
        found[name] = hits / asked if asked else 0.0
    return found


def _paths(answers: Sequence[Answer], items: dict[str, int]) -> list[list[int]]:
    """Return each learner's known items in the order of first answers."""
    paths: dict[str, dict[int, None]] = defaultdict(dict)
    for answer in answers:
        if answer.task.id in items:
            paths[answer.learner].setdefault(items[answer.task.id])
    return [list(path) for path in paths.values()]


def _popularity(paths: Sequence[Sequence[int]], count: int) -> Recommend:
    times = np.bincount([item for path in paths for item in path], minlength=count).astype(float)
    return lambda seen: times


def _sequence(paths: Sequence[Sequence[int]], count: int) -> Recommend:
    """Recommend by the mean place at which learners come to an item, from the last one on."""
    total, times = np.zeros(count), np.zeros(count)
    for path in paths:
        total[list(path)] += np.arange(len(path))
        times[list(path)] += 1
    place = total / np.maximum(times, 1)
    return lambda seen: -np.abs(place - place[seen[-1]] - 1)


def _content(skills: dict[int, tuple[str, ...]], count: int) -> Recommend:
    """Recommend what shares skills with the last five items."""
    numbers: dict[str, int] = {}
    pairs = [(item, numbers.setdefault(skill, len(numbers))) for item, tags in skills.items() for skill in tags]
    rows, columns = zip(*pairs, strict=True) if pairs else ((), ())
    tags = csr_matrix((np.ones(len(pairs)), (rows, columns)), shape=(count, max(1, len(numbers))))
    return lambda seen: np.asarray(tags @ np.asarray(tags[list(seen[-5:])].sum(axis=0)).ravel())


def _markov(paths: Sequence[Sequence[int]], count: int) -> Recommend:
    """Recommend what followed the last item."""
    after: dict[int, Counter[int]] = defaultdict(Counter)
    for path in paths:
        for first, second in pairwise(path):
            after[first][second] += 1

    def recommend(seen: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        scores = np.zeros(count)
        for item, times in after[seen[-1]].items():
            scores[item] = times
        return scores

    return recommend


def _als(paths: Sequence[Sequence[int]], count: int) -> Recommend:
    """Recommend by implicit matrix factorisation (Hu, Koren and Volinsky 2008)."""
    random = np.random.default_rng(0)
    factors = random.normal(0, 0.1, (count, _FACTORS))
    holders: list[list[int]] = [[] for _ in range(count)]
    for learner, path in enumerate(paths):
        for item in path:
            holders[item].append(learner)
    for _ in range(_ROUNDS):
        learners = _solved(factors, paths)
        factors = _solved(learners, holders)
    square = factors.T @ factors + _RIDGE * np.eye(_FACTORS)

    def recommend(seen: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        own = factors[list(seen)]
        taste = np.linalg.solve(square + _WEIGHT * own.T @ own, (1 + _WEIGHT) * own.sum(axis=0))
        scores: np.ndarray[tuple[int], np.dtype[np.float64]] = factors @ taste
        return scores

    return recommend


def _solved(
    other: np.ndarray[tuple[int, int], np.dtype[np.float64]], rows: Sequence[Sequence[int]]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    square = other.T @ other + _RIDGE * np.eye(_FACTORS)
    found = np.zeros((len(rows), _FACTORS))
    for place, row in enumerate(rows):
        if row:
            own = other[list(row)]
            found[place] = np.linalg.solve(square + _WEIGHT * own.T @ own, (1 + _WEIGHT) * own.sum(axis=0))
    return found
