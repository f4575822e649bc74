"""Policies on simulated learners: the anchors are where they should be, rules hold, and ours beats the author."""

from __future__ import annotations

import numpy as np
import pytest

from nbcoach_recommender.graph import Graph, Skill
from nbcoach_recommender.models.abc import Answer, Task
from nbcoach_recommender.next_item import hit_rates
from nbcoach_recommender.simulation.arena import compete
from nbcoach_recommender.simulation.rivals import POLICIES, Ours
from nbcoach_recommender.simulation.worlds import FAMILIES, Gated, World, course_on, mistagged
from nbcoach_recommender.skill_map import SkillMap


def course(skills: int = 24) -> Graph:
    random = np.random.default_rng(0)
    found = [
        Skill(id=f"s{n}", title=f"S{n}", requires=tuple({f"s{m}" for m in random.integers(0, n, 2)}) if n > 3 else ())
        for n in range(skills)
    ]
    return course_on(Graph.of("sim", found, ()), 3, random)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_world_is_the_same_for_the_same_seed(family: type[World]) -> None:
    first, second = (family(SkillMap(course()), np.random.default_rng(3)) for _ in range(2))
    for step in range(40):
        assert first.gain(step % 50) == second.gain(step % 50)
        assert first.answer(step % 50) == second.answer(step % 50)
        assert 0 < first.chance(step % 50) < 1
        assert 0 <= first.value() <= 1
    assert first.value() == second.value()


def test_nothing_is_learnt_before_its_prerequisites() -> None:
    world = Gated(SkillMap(course()), np.random.default_rng(0))
    for step in range(300):
        world.answer(step % 72)
        for skill in np.flatnonzero(world.level).tolist():
            assert world.ready(skill) == 1.0


def test_wrong_tags_change_tags_only() -> None:
    true = course()
    seen = mistagged(true, 0.5, np.random.default_rng(0))
    assert list(seen.exercises) == list(true.exercises)
    changed = sum(seen.exercises[name].task.skills != true.exercises[name].task.skills for name in true.exercises)
    assert 10 < changed < 60


def test_ours_beats_the_author_and_breaks_no_rule() -> None:
    found = compete(course(), learners=8, steps=60, policies=(Ours,))
    by = {(outcome.policy, outcome.family): outcome for outcome in found}
    for family in FAMILIES:
        assert by["author's sequence", family.name].share == 0.0
        assert by["author's sequence", family.name].error == 0.0
        assert by["oracle", family.name].share == pytest.approx(1.0)
        assert by["oracle", family.name].error > 0.0
        ours = by["expected gain", family.name]
        assert ours.violations == 0.0
        assert ours.repeated == 0.0
    assert np.mean([by["expected gain", family.name].share for family in FAMILIES]) > 0.2


def test_every_rival_plays_to_the_end() -> None:
    found = compete(course(6), learners=2, steps=80, families=(Gated,))
    assert {outcome.policy for outcome in found} == {policy.name for policy in POLICIES}
    assert all(outcome.repeated == 0 for outcome in found)


def test_the_chain_wins_where_order_is_all() -> None:
    def paths(seed: int) -> list[Answer]:
        random = np.random.default_rng(seed)
        return [
            Answer(f"l{seed}-{learner}", Task(f"t{(start + step * 7) % 60}", (f"s{step % 3}",)), True)
            for learner, start in enumerate(random.integers(0, 60, 40))
            for step in range(12)
        ]

    found = hit_rates(paths(1), paths(2))
    assert set(found) == {"popularity", "sequence", "content kNN", "ALS", "Markov"}
    assert found["Markov"] == 1.0 == max(found.values())
    assert found["popularity"] < 0.5
