"""Two rankers that every better one has to beat: the author's order, and the weakest skill first."""

from __future__ import annotations

from collections.abc import Sequence

from .abc import Ranker
from .ranking import Candidate, Reason, View, listed


class AuthorOrder(Ranker):
    """Offer exercises as the author of the course put them."""

    name = "author-order"

    def rank(self, candidates: Sequence[Candidate], view: View) -> list[Candidate]:
        """Return the candidates in the author's order."""
        return sorted(candidates, key=lambda candidate: candidate.place)

    def why(self, candidate: Candidate, view: View) -> Reason:
        """Return that the author says so."""
        return Reason("next-in-course", {}, "It comes next in the course.")


class LowestMastery(Ranker):
    """Offer the exercise whose weakest skill the learner masters least.

    What the learner said about difficulty goes before mastery, and the author's order decides ties.
    """

    name = "lowest-mastery"

    def rank(self, candidates: Sequence[Candidate], view: View) -> list[Candidate]:
        """Return the candidates by the mastery of their weakest skill, lowest first."""

        def key(candidate: Candidate) -> tuple[bool, float, int]:
            unfit = view.wish is not None and not view.wish.fits(candidate.exercise.task.difficulty)
            return unfit, self._lowest(candidate, view), candidate.place

        return sorted(candidates, key=key)

    def why(self, candidate: Candidate, view: View) -> Reason:
        """Return what the learner's record says about the weakest skill of the exercise."""
        skill = self._weakest(candidate, view)
        if skill is None:
            return Reason("next-in-course", {}, "It comes next in the course.")
        title = view.graph.skills[skill].title
        known = [view.graph.skills[name].title for name in view.graph.builds_on[skill] if view.knows(name)]
        if candidate.id in view.started:
            return Reason("started", {"skill": title}, f"You have started it: finish it to practise {title}.")
        if view.estimate(skill).attempts:
            mastery = round(view.estimate(skill).mastery, 2)
            if not mastery:
                text = f"It practises {title}, which you have tried without success so far."
                return Reason("retry", {"skill": title}, text)
            text = f"It practises {title}, which you master to {mastery:.0%} so far."
            return Reason("practise", {"skill": title, "mastery": mastery}, text)
        if known:
            text = f"You have not practised {title} yet, and it builds on {listed(known)}, which you know."
            return Reason("builds-on", {"skill": title, "known": known}, text)
        return Reason("new-skill", {"skill": title}, f"You have not practised {title} yet.")

    def _weakest(self, candidate: Candidate, view: View) -> str | None:
        skills = [skill for skill in candidate.exercise.task.skills if skill in view.graph.skills]
        return min(skills, key=lambda skill: view.estimate(skill).mastery, default=None)

    def _lowest(self, candidate: Candidate, view: View) -> float:
        skill = self._weakest(candidate, view)
        return 0.0 if skill is None else view.estimate(skill).mastery
