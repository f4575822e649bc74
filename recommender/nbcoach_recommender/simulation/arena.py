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
_Counts = tuple[float, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One policy in one family: knowledge gained, its share of the way to the oracle, and broken rules."""

    family: str
    policy: str
    gained: float
    share: float
    error: float
    """Standard error of the share, from what each learner gained more than under the author's sequence."""
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
        taught: dict[str, list[_Counts]] = {policy.name: [] for policy in every}
        for learner in range(learners):
            seen = mistagged(graph, wrong_tags, np.random.default_rng([seed, learner, 1]))
            for policy in every:
                world = family(true, np.random.default_rng([seed, learner]))
                taught[policy.name].append(_taught(world, policy(seen, world), steps))
        counts = {name: np.array(rows) for name, rows in taught.items()}
        authors = counts[AuthorsSequence.name][:, 0]
        room = float((counts[Oracle.name][:, 0] - authors).mean())
        for name, rows in counts.items():
            more = (rows[:, 0] - authors) / room if room > 0 else np.zeros(learners)
            _, broken, repeated, offers = rows.sum(axis=0)
            found.append(
                Outcome(
                    family=family.name,
                    policy=name,
                    gained=float(rows[:, 0].mean()),
                    share=float(more.mean()),
                    error=float(more.std() / np.sqrt(learners)),
                    violations=float(broken / max(1.0, offers)),
                    repeated=float(repeated / max(1.0, offers)),
                )
            )
    return found


def _taught(world: World, policy: Policy, steps: int) -> _Counts:
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
    return world.value() - before, broken, repeated, offers
