"""Let policies teach the same simulated learners, and count what was learnt.

Each learner of a family begins in the same state with the same luck under every policy, so policies
are compared in pairs. The figure of merit is (policy - author) / (oracle - author) of what was learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..graph import Graph
from ..skill_map import SkillMap
from .rivals import POLICIES, Oracle, Policy
from .rivals import Sequence as AuthorsSequence
from .worlds import FAMILIES, World, mistagged

STEP_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One policy in one family: knowledge gained, its share of the way to the oracle, and broken rules."""

    family: str
    policy: str
    gained: float
    share: float
    violations: float
    """Share of offers with a prerequisite, by the tags, of which nothing was ever solved."""
    repeated: float
    """Share of offers that were solved before."""


def compete(
    graph: Graph,
    *,
    learners: int = 30,
    steps: int = 150,
    wrong_tags: float = 0.1,
    seed: int = 0,
    policies: Sequence[type[Policy]] = POLICIES,
    families: Sequence[type[World]] = FAMILIES,
) -> list[Outcome]:
    """Return how each policy did in each family; the author's sequence and the oracle always take part."""
    true = SkillMap(graph)
    every: list[type[Policy]] = list(dict.fromkeys((AuthorsSequence, Oracle, *policies)))
    found: list[Outcome] = []
    for family in families:
        sums = {policy.name: np.zeros(4) for policy in every}
        for learner in range(learners):
            seen = mistagged(graph, wrong_tags, np.random.default_rng([seed, learner, 1]))
            for policy in every:
                world = family(true, np.random.default_rng([seed, learner]))
                sums[policy.name] += _taught(world, policy(seen, world), steps)
        low, high = (sums[end.name][0] for end in (AuthorsSequence, Oracle))
        for name, (gained, broken, repeated, offers) in sums.items():
            found.append(
                Outcome(
                    family=family.name,
                    policy=name,
                    gained=float(gained / learners),
                    share=float((gained - low) / (high - low)) if high > low else 0.0,
                    violations=float(broken / max(1.0, offers)),
                    repeated=float(repeated / max(1.0, offers)),
                )
            )
    return found


def _taught(world: World, policy: Policy, steps: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return what a learner gained, offers that broke a prerequisite, repeated offers, and all offers."""
    before = world.value()
    shown = np.zeros(len(policy.map.place))
    broken = repeated = offers = 0
    for step in range(steps):
        place = policy.choose()
        if world.gone or place is None:
            break
        offers += 1
        broken += bool((policy.map.needs[[place]] @ (1 - shown))[0])
        repeated += bool(policy.solved[place])
        correct = world.answer(place)
        if correct:
            shown[policy.map.skills[place]] = 1
        policy.told(place, correct, step * STEP_SECONDS)
    return np.array([world.value() - before, broken, repeated, offers], float)
