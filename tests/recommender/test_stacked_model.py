"""The fitted half of the default model: what it learns, that it cannot peek, and that its file is safe to load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nbcoach_recommender.archive import last_good, last_of, read_archive, write_archive
from nbcoach_recommender.errors import DamagedFile
from nbcoach_recommender.evaluate import auc, evaluate, predictions
from nbcoach_recommender.model_file import read_model, write_model
from nbcoach_recommender.models.abc import Answer, Task
from nbcoach_recommender.models.stacked import StackedMastery

TASKS = [Task(f"t{n}", (f"s{n % 6}",) if n % 5 else (f"s{n % 6}", "extra")) for n in range(40)]


def simulated(learners: int, seed: int, each: int = 40) -> list[Answer]:
    random = np.random.default_rng(seed)
    ease = np.random.default_rng(0).normal(0, 1.2, len(TASKS))
    found = []
    for learner in range(learners):
        ability = random.normal(0, 1)
        for n in random.integers(0, len(TASKS), each):
            right = random.random() < 1 / (1 + np.exp(-ability - ease[n]))
            found.append(Answer(f"l{seed}-{learner}", TASKS[n], bool(right)))
    return found


TRAIN, TEST = simulated(120, 1), simulated(40, 2)


@pytest.fixture(scope="module")
def fitted() -> StackedMastery:
    return StackedMastery(trees=40).fit(TRAIN)


def test_it_predicts_learners_it_has_not_seen() -> None:
    report = evaluate(StackedMastery(trees=40), TRAIN, TEST)
    assert report["auc"] is not None
    assert report["auc"] > 0.74
    assert report["ece"] < 0.06


def test_it_has_trees_only_with_enough_answers(fitted: StackedMastery) -> None:
    assert fitted.trained
    assert not StackedMastery().fit(TRAIN[:500]).trained
    assert not StackedMastery(least_answers=10).fit([a for a in TRAIN if a.learner == TRAIN[0].learner]).trained


def test_one_outcome_alone_grows_no_trees() -> None:
    model = StackedMastery().fit([Answer(a.learner, a.task, True) for a in TRAIN])
    assert not model.trained
    assert 0.5 < model.predict("new", TASKS[0]) < 1


def test_later_outcomes_change_no_earlier_prediction(fitted: StackedMastery) -> None:
    def told(answers: list[Answer]) -> list[float]:
        fitted.forget("guest")
        found = []
        for answer in answers:
            found.append(fitted.predict("guest", answer.task))
            fitted.follow(Answer("guest", answer.task, answer.correct))
        return found

    answers = TEST[:30]
    turned = [*answers[:15], *(Answer(a.learner, a.task, not a.correct) for a in answers[15:])]
    assert told(answers)[:16] == told(turned)[:16]
    assert told(answers)[16:] != told(turned)[16:]


def test_shuffled_outcomes_cannot_be_predicted() -> None:
    random = np.random.default_rng(3)
    shuffled = [
        [
            Answer(a.learner, a.task, bool(c))
            for a, c in zip(answers, random.permutation([a.correct for a in answers]), strict=True)
        ]
        for answers in (TRAIN, simulated(200, 4))
    ]
    p, _ = predictions(StackedMastery(trees=40), *shuffled)
    found = auc(np.array([a.correct for a in shuffled[1]], float), np.array(p))
    assert found is not None
    assert abs(found - 0.5) < 0.03


def test_whoever_is_forgotten_and_replayed_is_the_same_bit_for_bit(fitted: StackedMastery) -> None:
    answers = TEST[:40]
    for answer in answers:
        fitted.follow(Answer("eve", answer.task, answer.correct))
    before = fitted.chances("eve", TASKS)
    fitted.forget("eve")
    assert fitted.chances("eve", TASKS) != before
    for answer in answers:
        fitted.follow(Answer("eve", answer.task, answer.correct))
    assert fitted.chances("eve", TASKS) == before


def test_the_same_answers_give_the_same_trees(fitted: StackedMastery) -> None:
    again = StackedMastery(trees=40).fit(TRAIN)
    assert [(k, v.tolist()) for k, v in again.arrays().items()] == [(k, v.tolist()) for k, v in fitted.arrays().items()]


def test_its_trees_say_what_scikit_learn_says() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    from nbcoach_recommender.models.forest import Forest

    random = np.random.default_rng(5)
    features = random.normal(size=(800, 6)).astype(np.float32)
    right = (features[:, 0] + random.normal(size=800) > 0).astype(float)
    classifier = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(features, right)
    assert np.allclose(Forest._copied(classifier).score(features), classifier.decision_function(features))


def test_a_new_task_learns_from_its_first_answers(fitted: StackedMastery) -> None:
    copy = StackedMastery(trees=40).load(fitted.dump())
    new = Task("brand-new", ("s1",), 5)
    before = copy.ease(new)
    for number in range(20):
        copy.partial_fit(Answer(f"pupil-{number}", new, True))
    assert copy.ease(new) > before + 0.5


def test_uncertainty_shrinks_with_answers() -> None:
    model, found = StackedMastery(), []
    for _ in range(30):
        model.partial_fit(Answer("ada", TASKS[1], True))
        found.append(model.mastery("ada")["s1"].spread)
    assert found == sorted(found, reverse=True)


def test_a_model_survives_its_file(fitted: StackedMastery, tmp_path: Path) -> None:
    write_model(tmp_path / "m.npz", fitted, 7)
    model, number = read_model(tmp_path / "m.npz")
    assert number == 7
    assert model.chances("new", TASKS) == fitted.chances("new", TASKS)
    assert "learners" not in read_archive(tmp_path / "m.npz")[0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"garbage" * 99,
        lambda data: data[:5000] + bytes(64) + data[5064:],
    ],
)
def test_a_damaged_file_gives_the_last_good_model(
    fitted: StackedMastery, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "m.npz"
    write_model(path, fitted, 1)
    write_model(path, fitted, 2)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedFile):
        read_model(path)
    found = last_good(path, read_model)
    assert found is not None
    assert found[1] == 1
    last_of(path).unlink()
    assert last_good(path, read_model) is None


def test_trees_that_lead_nowhere_are_refused(fitted: StackedMastery, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    write_model(path, fitted, 1)
    about, arrays = read_archive(path)
    for name, wrong in (("left", 30_000), ("feature", -1), ("value", np.nan), ("feature", 900)):
        changed = arrays[name].copy()
        changed.ravel()[:] = wrong
        write_archive(path, about, arrays | {name: changed})
        with pytest.raises(DamagedFile):
            read_model(path)


def test_a_pickle_in_the_file_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, about=np.array([{"version": 1}], object))
    with pytest.raises(DamagedFile):
        read_model(path)
