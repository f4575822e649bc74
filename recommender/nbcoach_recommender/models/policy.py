"""The default ranker: what teaches most now, by belief, graph and expected gain.

An exercise's score is its expected gain (see `belief`), times how well it goes: a success teaches
more than a failure in most learners, and failures in a row drive people off. The chance of success
comes from belief for all exercises, and for the best of them from the model once it is trained.

The rest are mild factors, so that none overrules what teaches: goals and what leads to them, the
minutes at hand, the wish for harder or easier work, what others went on with, likeness to what was
solved last, and each try beyond the second that was spent on an exercise.

Chance has a small part: among exercises that are as good as the best, sometimes another one comes
first, and the answer says how likely that was. Without it no log could ever tell whether another
order were better. The draw hangs on the learner's state, so asking again gives the same answer.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .baselines import LowestMastery
from .belief import GUESS, SLIP, Floats
from .ranking import Candidate, Reason, View

MOST = 64
RERANKED = 16
_PATIENCE = 0.4
_TRIED = 0.97
_FREE_TRIES = 2
_GOAL = 1.5
_LONG = 0.6
_CHALLENGE = 0.15
_FOLLOWED = 0.15
_ALIKE = 0.05
_EXPLORED = 0.1
_AS_GOOD = 0.9
_NEAR = 4
_FOLLOWERS_SHOWN = 5
_DAY = 86400.0


class ExpectedGain(LowestMastery):
    """Offer the exercise that teaches most."""

    name = "expected-gain"

    def shortlist(self, places: NDArray[np.intp], view: View) -> NDArray[np.intp]:
        """Return the best of the allowed exercises by belief alone."""
        if len(places) <= MOST:
            return places
        best = np.argpartition(-self._scores(view)[places], MOST)[:MOST]
        return np.sort(places[best])

    def rank(self, candidates: Sequence[Candidate], view: View) -> list[Candidate]:
        """Return the candidates by what they teach; what the learner said about difficulty goes first.

        Who has solved nothing yet begins where the author begins, unless he has said what he wants.
        """
        if not candidates:
            return []
        gains, scores = self._gains(view), self._scores(view)

        def unfit(candidate: Candidate) -> bool:
            return view.wish is not None and not view.wish.fits(candidate.exercise.task.difficulty)

        if _begins(view):
            return sorted(candidates, key=lambda c: (unfit(c), c.place))
        ranked = sorted(candidates, key=lambda c: (unfit(c), -scores[c.place], c.place))
        if not view.trained:
            return ranked
        top = ranked[:RERANKED]
        chances = view.chances([candidate.id for candidate in top])
        better = {c.id: gains[c.place] * (_PATIENCE + p) for c, p in zip(top, chances, strict=True)}
        top.sort(key=lambda c: (unfit(c), -better[c.id], c.place))
        return top + ranked[RERANKED:]

    def explore(self, ranked: list[Candidate], view: View) -> tuple[list[Candidate], float]:
        """Let one of those that are as good as the first come first, once in a while."""
        if _begins(view):
            return ranked, 1.0
        scores = self._scores(view)
        near = [c for c in ranked[:_NEAR] if scores[c.place] >= _AS_GOOD * scores[ranked[0].place]]
        if len(near) < 2:
            return ranked, 1.0
        share = _EXPLORED / len(near)
        drawn = zlib.crc32(view.draw.encode()) / 2**32
        other = int(drawn / share) if drawn < _EXPLORED else 0
        if not other:
            return ranked, 1 - _EXPLORED + share
        chosen = near[other]
        return [chosen, *(c for c in ranked if c is not chosen)], share

    def why(self, candidate: Candidate, view: View) -> Reason:
        """Return what speaks most for a candidate."""
        skills = [skill for skill in candidate.exercise.task.skills if skill in view.graph.skills]
        if candidate.due and skills:
            skill = min(skills, key=lambda name: view.recall[view.map.place[name]])
            title = view.graph.skills[skill].title
            text = f"You have not practised {title} for a while: time to refresh it."
            return Reason("review", {"skill": title}, text)
        goal = next((goal for goal in view.preferences.goals if goal in skills), None)
        if goal is not None and candidate.id not in view.started:
            title = view.graph.skills[goal].title
            return Reason("goal", {"skill": title}, f"It practises {title}, which is one of your goals.")
        if view.wish is not None and view.wish.fits(candidate.exercise.task.difficulty) and skills:
            title = view.graph.skills[skills[0]].title
            if view.wish.harder:
                return Reason("harder", {"skill": title}, f"You asked for something harder: it practises {title}.")
            return Reason("easier", {"skill": title}, f"You asked for something easier: it practises {title}.")
        found = super().why(candidate, view)
        share, times = _share(view, candidate.id)
        if found.code == "new-skill" and share >= 0.5 and times >= _FOLLOWERS_SHOWN and view.last_solved is not None:
            title = view.graph.exercises[view.last_solved].title
            return Reason("followed", {"after": title}, f"Most who solved {title} went on with it.")
        return found

    def _scores(self, view: View) -> Floats:
        """Return the score of every exercise of the course by belief alone."""
        if "scores" in view.notes:
            return view.notes["scores"]
        able = np.exp(view.map.practises @ np.log(view.belief.now(view.recall)))
        chance = GUESS + (1 - SLIP - GUESS) * able
        view.notes["scores"] = self._gains(view) * (_PATIENCE + chance)
        return view.notes["scores"]

    def _gains(self, view: View) -> Floats:
        """Return the expected gain of every exercise, with what the learner and others want in mind."""
        if "gains" in view.notes:
            return view.notes["gains"]
        gains = view.belief.expected_gain(view.belief.now(view.recall))
        place = view.map.exercise_place
        for exercise, tries in view.tries.items():
            if exercise in place:
                gains[place[exercise]] *= _TRIED ** max(0, tries - _FREE_TRIES)
        wanted = view.preferences
        goals = [view.map.place[goal] for goal in wanted.goals if goal in view.map.place]
        if goals:
            towards = np.zeros(len(view.map.place))
            towards[view.map.before(goals)] = 1.0
            gains *= np.where(view.map.practises @ towards > 0, _GOAL, 1.0)
        if wanted.minutes:
            gains *= np.where(view.map.minutes > wanted.minutes, _LONG, 1.0)
        if wanted.challenge:
            gains *= 1 + _CHALLENGE * wanted.challenge * (view.map.difficulty - 3) / 2
        total = sum(view.followers.values())
        for exercise, times in view.followers.items():
            if exercise in place:
                gains[place[exercise]] *= 1 + _FOLLOWED * times / (total + 1)
        if view.last_solved is not None:
            gains[view.map.sharing(place[view.last_solved])] *= 1 + _ALIKE
        view.notes["gains"] = gains
        return gains


def _begins(view: View) -> bool:
    """Tell whether nothing is known of a learner yet: nothing solved, nothing failed time and again, no wish."""
    wanted = view.preferences
    stuck = any(tries > _FREE_TRIES for tries in view.tries.values())
    return view.last_solved is None and not (stuck or wanted.goals or wanted.minutes or wanted.challenge)


def _share(view: View, exercise: str) -> tuple[float, int]:
    """Return which share of those who solved the last exercise went on with this one, and how many did."""
    times = view.followers.get(exercise, 0)
    return times / (sum(view.followers.values()) or 1), times
