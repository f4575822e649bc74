"""One learner's history as numbers: what a model may know before the next answer.

A `Trace` is told answers one by one (`add`) and describes a task (`describe`) from what came
before, so a description can hold nothing of the answer that it is to predict. It depends on the
learner's own answers and on a fixed table of tasks only: replayed, it is the same bit for bit.

Vocabulary: a *surprise* is an outcome minus the chance that the trace gave it. *Practice* is what
happened on one skill, or on one set of skills that tasks ask for together.

A context is a combination of circumstances (this task after a failed one, the third try, ...)
whose own success rate tells more than its parts; see `encoding`. It is named by a hash over
small integers, which Python computes the same in every process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

FACTORS = 8
CONTEXTS = 11
_STEPS = tuple(1 - memory for memory in (0.6, 0.85, 0.95))
_FIRST_STEPS = tuple(1 - memory for memory in (0.8, 0.95))
_PATTERN = 1 << 12
_LONG_PATTERN = 1 << 18


@dataclass(slots=True, frozen=True)
class TaskFacts:
    """What a trace knows of a task: numbers for its names, and what others' answers told.

    `number` and `set_number` are 0 for what was never seen. `ease` is the logit of success of a
    middling learner, `skill_ease` that of tasks with these skills, `loadings` how the task goes
    along with the hidden factors of learners.
    """

    number: int
    set_number: int
    skills: tuple[str, ...]
    ease: float
    skill_ease: float
    answers: float
    loadings: Vector | None = None


@dataclass(slots=True)
class Description:
    """What is known before an answer: features, contexts, and the chance from abilities alone."""

    features: list[float]
    contexts: tuple[int, ...]
    chance: float


class Practice:
    """What happened so far on one skill or set of skills."""

    __slots__ = ("fast", "first", "firsts", "last", "n", "pattern", "rates", "right", "slow", "streak", "surprises")

    def __init__(self) -> None:
        self.n = 0
        self.right = 0.0
        self.rates = [0.0, 0.0, 0.0]
        self.surprises = [0.0, 0.0, 0.0]
        self.first = [0.0, 0.0]
        self.firsts = 0
        self.last = -1
        self.streak = 0
        self.pattern = 1
        self.slow = 0.0
        self.fast = 0.0


class Trace:
    """All that is kept of one learner."""

    __slots__ = (
        "_before",
        "_covariance",
        "_current",
        "_factors",
        "_first",
        "_firsts",
        "_firsts_right",
        "_last_wrong",
        "_mood",
        "_pattern",
        "_previous",
        "_previous_ease",
        "_previous_set",
        "_rates",
        "_retries",
        "_retry",
        "_run",
        "_sets",
        "_streak",
        "_surprises",
        "_tries",
        "fast",
        "general",
        "items",
        "n",
        "right",
        "skills",
    )  # fmt: skip

    def __init__(self) -> None:
        self.n = 0
        self.right = 0
        self.general = 0.0
        self.fast = 0.0
        self.skills: dict[str, Practice] = {}
        self.items: dict[int | str, list[int]] = {}
        """By task: answers, right ones, place of the last, its outcome, streak."""
        self._sets: dict[tuple[str, ...], Practice] = {}
        self._rates = [0.0, 0.0, 0.0]
        self._surprises = [0.0, 0.0, 0.0]
        self._first = [0.0, 0.0]
        self._firsts = 0
        self._firsts_right = 0
        self._retry = [0.0, 0.0]
        self._retries = 0
        self._streak = 0
        self._pattern = 1
        self._previous = (0, 0)
        self._before = (0, 0)
        self._previous_set = 0
        self._previous_ease = 0.0
        self._run = 0
        self._current: tuple[int | str, int, int] = ("", 0, 0)
        """The task being tried: its key, number and first outcome."""
        self._tries = 0
        self._mood = (0, 0, 0)
        """The task before the current one: its number, how it went, its tries."""
        self._last_wrong = 0
        self._factors: Vector | None = None
        self._covariance: Vector | None = None

    def ability(self, skills: Sequence[str]) -> float:
        """Return the learner's ability in a set of skills, on the scale of `ease`."""
        total = 0.0
        for skill in skills:
            practice = self.skills.get(skill)
            if practice is not None:
                total += practice.slow
        return self.general + total / (len(skills) or 1)

    def describe(self, key: str, task: TaskFacts) -> Description:
        """Describe a task before its next answer; changes nothing."""
        fast = slow = n = right = 0.0
        weakest, least = 9.0, 1e9
        for skill in task.skills:
            practice = self.skills.get(skill)
            if practice is None:
                weakest, least = min(weakest, 0.0), 0.0
                continue
            fast += practice.fast
            slow += practice.slow
            n += practice.n
            right += practice.right
            weakest, least = min(weakest, practice.slow), min(least, practice.n)
        count = len(task.skills) or 1
        fast, slow, n, right = fast / count, slow / count, n / count, right / count
        ease = task.ease
        score = ease + self.general + slow
        mean, spread = self._factor_score(task.loadings)
        together = self._sets.get(task.skills)
        item = self.items.get(key)
        trying = key == self._current[0]
        tries = self._tries if trying else 0
        features = [
            ease, task.skill_ease, log(1 + task.answers), score, self.general, self.fast, fast, slow, weakest,
            ease + self.fast + fast, log(1 + self.n), log(1 + self.right), log(1 + self.n - self.right),
            *self._rates, *self._surprises, self._streak, log(1 + n), log(1 + right), least,
            len(task.skills), len(self.skills),
            *_of_practice(together, self.n),
            *_of_item(item, self.n),
            self._pattern % 64 if self.n >= 5 else -1,
            together.pattern % 32 if together is not None and together.pattern >= 32 else -1,
            float(task.number != 0 and self._previous[0] == task.number), self._run, self._previous_ease,
            (self._firsts_right + 1) / (self._firsts + 2),
            *self._first, *self._retry, log(1 + self._retries), tries, self._current[2] if trying else -1,
            self._mood[2] if trying else self._tries, log(1 + self.n - self._last_wrong),
            *((together.first[0], together.first[1], together.firsts) if together is not None else (0.0, 0.0, 0)),
            mean, spread,
        ]  # fmt: skip
        contexts = self._contexts(task, together, item, tries if trying else 0, trying, self.general + slow)
        return Description(features, contexts, _logistic(score))

    def add(self, key: str, task: TaskFacts, correct: bool, weight: float = 1.0) -> None:
        """Learn from an answer; `weight` says how much it tells of abilities."""
        outcome = int(correct)
        chance = _logistic(task.ease + self.ability(task.skills))
        surprise = outcome - chance
        item = self.items.get(key)
        first = item is None
        self._move_factors(task.loadings, surprise, chance, 1.0 if first else 0.3)
        together = self._sets.setdefault(task.skills, Practice())
        self._note_try(key, task, outcome, surprise, together, first)
        self.general += weight * (0.35 / (1 + 0.02 * self.n) if self.n < 200 else 0.07) * surprise
        self.fast += 0.4 * weight * (outcome - _logistic(task.ease + self.fast))
        for skill in task.skills:
            self._practise(self.skills.setdefault(skill, Practice()), outcome, surprise, task.ease, weight)
        self._practise(together, outcome, surprise, task.ease, weight)
        _decay(self._rates, _STEPS, self.n, outcome)
        _decay(self._surprises, _STEPS, self.n, surprise)
        self._streak = _longer(self._streak, outcome)
        self._pattern = self._pattern * 2 + outcome
        if self._pattern >= 2 * _LONG_PATTERN:
            self._pattern = self._pattern % _LONG_PATTERN | _LONG_PATTERN
        if item is None:
            self.items[key] = [1, outcome, self.n, outcome, 1 if outcome else -1]
        else:
            item[:] = (item[0] + 1, item[1] + outcome, self.n, outcome, _longer(item[4], outcome))
        self._run = self._run + 1 if self._previous_set == task.set_number else 0
        self._previous_set = task.set_number
        self._before, self._previous, self._previous_ease = self._previous, (task.number, outcome), task.ease
        self.n += 1
        self.right += outcome

    def _note_try(
        self, key: str, task: TaskFacts, outcome: int, surprise: float, together: Practice, first: bool
    ) -> None:
        if first:
            _decay(self._first, _FIRST_STEPS, self._firsts, surprise)
            _decay(together.first, _FIRST_STEPS, together.firsts, surprise)
            together.firsts += 1
            self._firsts += 1
            self._firsts_right += outcome
        else:
            _decay(self._retry, _FIRST_STEPS, self._retries, surprise)
            self._retries += 1
        if key != self._current[0]:
            self._mood = (self._current[1], self._current[2] * 4 + min(self._tries, 3), self._tries)
            self._current = (key, task.number, outcome)
            self._tries = 0
        self._tries += 1
        if not outcome:
            self._last_wrong = self.n

    def _practise(self, practice: Practice, outcome: int, surprise: float, ease: float, weight: float) -> None:
        _decay(practice.rates, _STEPS, practice.n, outcome)
        _decay(practice.surprises, _STEPS, practice.n, surprise)
        practice.slow += weight * max(0.1, 0.3 / (1 + 0.1 * practice.n)) * surprise
        practice.fast += 0.45 * weight * (outcome - _logistic(ease + self.general + practice.fast))
        practice.streak = _longer(practice.streak, outcome)
        practice.pattern = practice.pattern * 2 + outcome
        if practice.pattern >= 2 * _PATTERN:
            practice.pattern = practice.pattern % _PATTERN | _PATTERN
        practice.n += 1
        practice.right += weight * outcome
        practice.last = self.n

    def _contexts(
        self, task: TaskFacts, together: Practice | None, item: list[int] | None, tries: int, trying: bool, able: float
    ) -> tuple[int, ...]:
        number, before = task.number, self._previous
        pattern = 1 if together is None else together.pattern
        state = 0 if item is None else (1 + min(item[0], 3)) * 2 + item[3]
        mood = self._mood if trying else (self._current[1], self._current[2] * 4 + min(self._tries, 3), 0)
        streak = self._streak if -6 < self._streak < 6 else 6
        recent = pattern if pattern < 8 else 8 + pattern % 8
        return (
            hash((0, number, mood[0], mood[1], min(tries, 4))),
            hash((1, number, min(tries, 8), state)),
            hash((2, task.set_number, 0 if item is None else min(item[0], 6), streak)),
            hash((3, number, state)),
            hash((4, number, *before)),
            hash((5, task.set_number, pattern if pattern < 16 else 16 + pattern % 16)),
            hash((6, task.set_number, self._previous_set, before[1])),
            hash((7, number, *before, *self._before)),
            hash((8, number, state if state < 2 else 99, recent)),
            hash((9, number, int(4 * min(max(able, -2.0), 1.99) + 8))),
            hash((10, task.set_number, min(int(2 * log(1 + self.n)), 12), recent)),
        )

    def _factor_score(self, loadings: Vector | None) -> tuple[float, float]:
        if loadings is None:
            return 0.0, 0.0
        if self._factors is None or self._covariance is None:
            return 0.0, float(loadings @ loadings)
        return float(loadings @ self._factors), float(loadings @ self._covariance @ loadings)

    def _move_factors(self, loadings: Vector | None, surprise: float, chance: float, weight: float) -> None:
        """Take one step of the Kalman filter for the learner's hidden factors."""
        if loadings is None:
            return
        if self._factors is None or self._covariance is None:
            self._factors, self._covariance = np.zeros(len(loadings)), np.eye(len(loadings))
        gain = self._covariance @ loadings
        information = chance * (1 - chance)
        scale = 1 + information * float(loadings @ gain)
        self._factors = self._factors + gain * (
            weight * (surprise - information * float(loadings @ self._factors)) / scale
        )
        self._covariance = self._covariance - np.outer(gain, gain) * (weight * information / scale)


def _of_practice(practice: Practice | None, now: int) -> tuple[float, ...]:
    if practice is None:
        return 0, 0, -1, -1, 0, 1, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0
    return (
        log(1 + practice.right), log(1 + practice.n - practice.right), log(1 + now - practice.last),
        float(practice.last == now - 1), practice.streak, practice.pattern & 1,
        *practice.rates, *practice.surprises, practice.fast, practice.slow,
    )  # fmt: skip


def _of_item(item: list[int] | None, now: int) -> tuple[float, ...]:
    return (0, 0, -1, -1, -1) if item is None else (item[0], item[1], log(1 + now - item[2]), item[3], item[4])


def _decay(values: list[float], steps: tuple[float, ...], n: int, new: float) -> None:
    """Move averages of different memories by their steps; while little was seen, all are plain averages."""
    plain = 1 / (n + 1)
    for place, step in enumerate(steps):
        old = values[place]
        values[place] = old + (step if step > plain else plain) * (new - old)


def _longer(streak: int, outcome: int) -> int:
    """Return a streak after one more outcome; failures count down."""
    if outcome:
        return streak + 1 if streak > 0 else 1
    return streak - 1 if streak < 0 else -1


def _logistic(x: float) -> float:
    return 1 / (1 + exp(-x)) if x > -700 else 0.0
