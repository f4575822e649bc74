"""The check suite that every model passes: whoever adds a model adds it to MODELS and writes no new tests."""

from __future__ import annotations

import inspect
import json

import pytest
from hypothesis import given
from recommender_worlds import LEARNERS, TASKS, answers
from sklearn.base import clone

from nbcoach_recommender.errors import NotFitted
from nbcoach_recommender.models.abc import Answer, Model, Task
from nbcoach_recommender.models.mastery import MultiSkillElo
from nbcoach_recommender.models.stacked import StackedMastery

MODELS = [MultiSkillElo, StackedMastery]

pytestmark = pytest.mark.parametrize("kind", MODELS)


def learnt(model: Model) -> str:
    return json.dumps(model.dump())


def test_construction_only_sets_parameters(kind: type[Model]) -> None:
    model = kind()
    parameters = inspect.signature(kind).parameters
    assert vars(model) == {name: parameter.default for name, parameter in parameters.items()}
    assert model.get_params() == vars(model)


def test_it_follows_scikit_learn(kind: type[Model]) -> None:
    model = kind().fit([Answer("ada", TASKS[0], True)])
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert not [name for name in vars(copy) if name.endswith("_")]
    assert [name for name in vars(model) if name not in model.get_params() and not name.endswith("_")] == []
    with pytest.raises(ValueError, match="no-such"):
        model.set_params(**{"no-such": 1})
    changed = next(iter(model.get_params()))
    assert model.set_params(**{changed: 0.25}).get_params()[changed] == 0.25


def test_it_has_a_name(kind: type[Model]) -> None:
    assert kind.name == kind.name.lower().replace(" ", "-")


def test_an_unfitted_model_says_so(kind: type[Model]) -> None:
    model = kind()
    for ask in (
        lambda: model.predict("ada", TASKS[0]),
        lambda: model.mastery("ada"),
        lambda: model.dump(),
        lambda: model.follow(Answer("ada", TASKS[0], True)),
    ):
        with pytest.raises(NotFitted):
            ask()


def test_partial_fit_begins_by_itself(kind: type[Model]) -> None:
    answer = Answer("ada", TASKS[0], True)
    assert learnt(kind().partial_fit(answer)) == learnt(kind().fit([answer]))


@given(log=answers())
def test_fit_is_partial_fit_repeated_bit_for_bit(kind: type[Model], log: list[Answer]) -> None:
    streamed = kind().fit([])
    for answer in log:
        streamed.partial_fit(answer)
    assert learnt(streamed) == learnt(kind().fit(log))


@given(log=answers())
def test_fit_forgets_what_was_learnt_before(kind: type[Model], log: list[Answer]) -> None:
    assert learnt(kind().fit(log).fit(log)) == learnt(kind().fit(log))


@given(log=answers(), later=answers(most=5))
def test_a_state_survives_json(kind: type[Model], log: list[Answer], later: list[Answer]) -> None:
    model = kind().fit(log)
    copy = kind().load(json.loads(learnt(model)))
    assert learnt(copy) == learnt(model)
    for answer in later:
        assert copy.predict(answer.learner, answer.task) == model.predict(answer.learner, answer.task)
        copy.partial_fit(answer)
        model.partial_fit(answer)
    assert learnt(copy) == learnt(model)


@given(log=answers())
def test_asking_gives_probabilities_and_changes_nothing(kind: type[Model], log: list[Answer]) -> None:
    model = kind().fit(log)
    before = learnt(model)
    for learner in (*LEARNERS, "stranger"):
        for task in (*TASKS, Task("new", ("a", "new-skill"), 5), Task("bare", ())):
            assert 0.0 < model.predict(learner, task, 1e9) < 1.0
        for estimate in model.mastery(learner).values():
            assert 0.0 <= estimate.mastery <= 1.0
            assert estimate.attempts > 0
    assert learnt(model) == before


@given(log=answers())
def test_attempts_are_counted_per_skill(kind: type[Model], log: list[Answer]) -> None:
    model = kind().fit(log)
    for learner in LEARNERS:
        own = [answer for answer in log if answer.learner == learner]
        counted = {skill: sum(skill in a.task.skills for a in own) for a in own for skill in a.task.skills}
        assert {skill: found.attempts for skill, found in model.mastery(learner).items()} == counted
    assert model.mastery("stranger") == {}


@given(log=answers(), more=answers(most=10))
def test_following_a_learner_tells_nothing_to_others(kind: type[Model], log: list[Answer], more: list[Answer]) -> None:
    model = kind().fit(log)
    before = {(learner, task.id): model.predict(learner, task) for learner in (*LEARNERS, "new") for task in TASKS}
    for answer in more:
        model.follow(Answer("guest", answer.task, answer.correct, answer.question, answer.at))
    after = {(learner, task.id): model.predict(learner, task) for learner in (*LEARNERS, "new") for task in TASKS}
    assert after == before


@given(log=answers(), place_in=answers(most=1))
def test_right_answers_raise_and_wrong_ones_lower(kind: type[Model], log: list[Answer], place_in: list[Answer]) -> None:
    for task in TASKS:
        for correct in (True, False):
            model = kind().fit(log)
            before, p = model.mastery("ada"), model.predict("ada", task)
            model.partial_fit(Answer("ada", task, correct))
            assert (model.predict("ada", task) > p) is correct
            for skill in task.skills:
                was = before[skill].mastery if skill in before else 0.0
                now = model.mastery("ada")[skill].mastery
                assert now >= was if correct else now <= was


def test_extreme_streaks_stay_finite(kind: type[Model]) -> None:
    model = kind().fit([])
    for number in range(3000):
        model.partial_fit(Answer("ada", TASKS[1], number < 1500, question=str(number)))
    assert 0.0 < model.predict("ada", TASKS[1]) < 1.0
    json.loads(json.dumps(model.dump(), allow_nan=False))
