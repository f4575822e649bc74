"""The recommender's API: what comes next for the caller, what the caller masters, and what is kept about a learner."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from nbcoach_exercises.errors import InvalidInput, Unavailable
from nbcoach_exercises.schemas import Schema
from nbcoach_hub.service import DATA, LEARN, TEACH, Handler, scoped

from .coach import Coach, answers_in
from .graph_file import suggest_prerequisites
from .models.ranking import Preferences, Recommendation

if TYPE_CHECKING:
    from .app import Recommender

log = logging.getLogger(__name__)
MOST = 20
SEEN_SECONDS = 3.0
_LAST_CURSOR = 10**18 - 1
_BATCH = 20
_CHALLENGES = ("easier", "steady", "harder")
_PREFERENCES = Schema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["goals", "minutes", "challenge"],
        "properties": {
            "goals": {"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 1, "maxLength": 64}},
            "minutes": {"type": "integer", "minimum": 0, "maximum": 1440},
            "challenge": {"enum": list(_CHALLENGES)},
        },
    }
)
"""What may be written; `openapi.json` says the same."""


class RecommenderHandler(Handler):
    """Know the service, and whether it can answer about learners."""

    @property
    def recommender(self) -> Recommender:
        """The service, as what it is."""
        return cast("Recommender", self.service)

    def require_the_log(self) -> None:
        """Go on only if the log was read to its end; an answer could offer what is long solved.

        Raises:
            Unavailable: it was not.

        """
        if not self.recommender.follower.caught_up:
            raise Unavailable("The recommender is still reading the attempt log; try again in a moment.")


class CourseHandler(RecommenderHandler):
    """Answer about the caller in one course."""

    async def coach_of(self, course: str) -> Coach:
        """Return the coach of a course that the caller belongs to.

        Raises:
            UnknownCourse: no such course, or not for the caller.
            Unavailable: the log is not read to its end yet.

        """
        self.require_member(course)
        self.require_the_log()
        return await self.recommender.courses.coach(course)


class NextHandler(CourseHandler):
    """Serve what the caller should do next."""

    @scoped(LEARN, TEACH)
    async def get(self, course: str) -> None:
        """Answer with up to `k` exercises, after the log was followed to `seen` or 3 s have passed."""
        k = self.whole("k", 1, 1, MOST)
        seen = self.whole("seen", 0, 0, _LAST_CURSOR)
        coach = await self.coach_of(course)
        if seen:
            await self.recommender.follower.wait_for(seen, SEEN_SECONDS)
        # From here on nothing waits, so the cursor is that of the answer.
        learner = self.identity.name
        cursor = self.recommender.follower.cursor
        begun = time.perf_counter()
        found, decided = coach.decide(learner, k, time.time())
        items = [_item(one) for one in found]
        self.recommender.seen.chosen(time.perf_counter() - begun)
        if decided:  # chance was drawn once, however often the answer is asked for
            shown = {
                "course": course,
                "cursor": cursor,
                "model": self.recommender.model_name,
                "items": [item["exercise"] for item in items],
                "propensity": items[0]["propensity"] if items else 1.0,
            }
            log.info("recommended", extra={"fields": shown})
        self.reply(
            {
                "course": course,
                "model": self.recommender.model_name,
                "cursor": cursor,
                "items": items,
                "done": coach.done(learner),
            }
        )


class MasteryHandler(CourseHandler):
    """Serve what the caller masters."""

    @scoped(LEARN, TEACH)
    async def get(self, course: str) -> None:
        """Answer with an estimate for each skill of the course, in its order."""
        coach = await self.coach_of(course)
        cursor = self.recommender.follower.cursor
        self.reply({"course": course, "cursor": cursor, "skills": _skills(coach, self.identity.name)})


class PreferencesHandler(CourseHandler):
    """Keep what the caller asked for: goals, minutes at hand, harder or easier exercises."""

    @scoped(LEARN, TEACH)
    async def get(self, course: str) -> None:
        """Answer with the caller's preferences in a course."""
        coach = await self.coach_of(course)
        self.reply(_preferences(coach.preferences.get(self.identity.name, Preferences())))

    @scoped(LEARN, TEACH)
    async def put(self, course: str) -> None:
        """Set the caller's preferences in a course."""
        coach = await self.coach_of(course)
        body = self.json_body(_PREFERENCES)
        for place, goal in enumerate(body["goals"]):
            if goal not in coach.graph.skills:
                raise InvalidInput(f"goals/{place}: the course has no skill {goal!r}.", place=f"goals/{place}")
        wanted = Preferences(
            goals=tuple(dict.fromkeys(body["goals"])),
            minutes=body["minutes"],
            challenge=_CHALLENGES.index(body["challenge"]) - 1,
            at=time.time(),
        )
        coach.preferences[self.identity.name] = wanted
        try:
            await self.recommender.write_preferences()
        except OSError as err:
            log.error("Preferences could not be written: %s", err)
        self.reply(_preferences(wanted))


class SkillsHandler(CourseHandler):
    """Serve what a class lacks, to those who teach it."""

    @scoped(TEACH)
    async def get(self, course: str) -> None:
        """Answer with each skill, how many have practised it, and how many know it; the least known first."""
        self.require_teacher(course)
        coach = await self.coach_of(course)
        total = {skill: [0, 0] for skill in coach.graph.skills}
        learners = list(coach.journal.learners)
        for start in range(0, len(learners), _BATCH):
            for skill, (practised, known) in coach.lacking(learners[start : start + _BATCH]).items():
                if skill in total:
                    total[skill][0] += practised
                    total[skill][1] += known
            # A big class takes a while; others are served in between.
            await asyncio.sleep(0)
        lacking = sorted(total.items(), key=lambda found: (found[1][1] / (found[1][0] or 1), -found[1][0]))
        rows = [
            {"id": skill, "title": coach.graph.skills[skill].title, "practised": practised, "known": known}
            for skill, (practised, known) in lacking
            if skill in coach.graph.skills
        ]
        self.reply({"course": course, "learners": len(learners), "skills": rows})


class PrerequisitesHandler(CourseHandler):
    """Suggest prerequisites that the course lacks, to those who teach it."""

    @scoped(TEACH)
    async def get(self, course: str) -> None:
        """Answer with prerequisites that the answers speak for, clearest first; nothing is changed."""
        self.require_teacher(course)
        coach = await self.coach_of(course)
        graph, journal = coach.graph, coach.journal.frozen()
        found = await asyncio.to_thread(lambda: suggest_prerequisites(graph, answers_in(journal, graph)))
        self.reply({"course": course, "suggestions": [vars(one) for one in found]})


class LearnerHandler(RecommenderHandler):
    """Serve what is kept about a learner beside the log, for his export."""

    @scoped(DATA)
    async def get(self, learner: str) -> None:
        """Answer with preferences, estimates and what was put aside, course by course."""
        self.require_the_log()
        coaches = await self.recommender.courses.of(learner)
        self.reply({"learner": learner, "courses": [_kept(coach, learner) for coach in coaches]})


def _kept(coach: Coach, learner: str) -> dict[str, Any]:
    wanted = coach.preferences.get(learner)
    at = None if wanted is None else datetime.fromtimestamp(wanted.at, UTC).isoformat()
    return {
        "course": coach.graph.course,
        "preferences": None if wanted is None else {**_preferences(wanted), "at": at},
        "skills": [skill for skill in _skills(coach, learner) if skill["attempts"]],
        "put_aside": {exercise: str(why) for exercise, why in coach.put_aside(learner).items()},
    }


def _skills(coach: Coach, learner: str) -> list[dict[str, Any]]:
    return [
        {
            "id": skill,
            "title": coach.graph.skills[skill].title,
            "mastery": estimate.mastery,
            "spread": estimate.spread,
            "attempts": estimate.attempts,
        }
        for skill, estimate in coach.mastery(learner).items()
    ]


def _preferences(wanted: Preferences) -> dict[str, Any]:
    return {"goals": list(wanted.goals), "minutes": wanted.minutes, "challenge": _CHALLENGES[wanted.challenge + 1]}


def _item(found: Recommendation) -> dict[str, Any]:
    exercise = found.candidate.exercise
    return {
        "exercise": exercise.task.id,
        "title": exercise.title,
        "p": found.p,
        "minutes": exercise.minutes,
        "difficulty": exercise.task.difficulty,
        "skills": list(exercise.task.skills),
        "review": found.candidate.due,
        "propensity": found.propensity,
        "why": {"code": found.why.code, "params": dict(found.why.params), "text": found.why.text},
    }


ROUTES = [
    (r"api/courses/([^/]+)/next", NextHandler),
    (r"api/courses/([^/]+)/mastery", MasteryHandler),
    (r"api/courses/([^/]+)/preferences", PreferencesHandler),
    (r"api/courses/([^/]+)/skills", SkillsHandler),
    (r"api/courses/([^/]+)/prerequisites", PrerequisitesHandler),
    (r"api/learners/([^/]{1,200})", LearnerHandler),
]
