"""What may be offered, in which order and why: rules by hand, then the same rules over drawn courses and logs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recommender_worlds import LEARNERS, attempt, graphs, histories, outline, report

from nbcoach_exercises.events import Attempt, Entry, LearnerEvent, Reaction
from nbcoach_exercises.verdicts import Verdict
from nbcoach_recommender.coach import Coach
from nbcoach_recommender.graph import Exercise, Graph, Skill
from nbcoach_recommender.models.abc import Answer, Ranker, Task
from nbcoach_recommender.models.baselines import AuthorOrder, LowestMastery
from nbcoach_recommender.models.mastery import MultiSkillElo
from nbcoach_recommender.models.policy import ExpectedGain
from nbcoach_recommender.models.ranking import Preferences, View, candidates, listed
from nbcoach_recommender.models.stacked import StackedMastery

RANKERS = [AuthorOrder, LowestMastery, ExpectedGain]


def coach(graph: Graph | None = None, ranker: type[Ranker] = LowestMastery) -> Coach:
    return Coach(graph or Graph.from_outline(outline()), MultiSkillElo(), ranker())


def told(coach: Coach, *entries: Entry) -> Coach:
    for entry in entries:
        coach.observe(entry)
    return coach


def names(coach: Coach, learner: str = "ada", k: int = 20) -> list[str]:
    return [found.candidate.id for found in coach.recommend(learner, k)]


def pass_all(exercise: str, number: int = 0, questions: int = 3) -> list[Attempt]:
    return [attempt(exercise, number + q, cell=f"q{q}", solved=q == questions - 1) for q in range(questions)]


def test_a_new_learner_begins_at_the_beginning() -> None:
    (first, *_) = coach().recommend("nobody", 3)
    assert first.candidate.id == "variables-1"
    assert first.why.code == "new-skill"
    assert first.why.text == "You have not practised Variables yet."


def test_a_known_skill_opens_what_builds_on_it_and_the_reason_says_so() -> None:
    (first, *_) = told(coach(), *pass_all("variables-1")).recommend("ada", 1)
    assert first.candidate.id == "lists-1"
    assert first.why.code == "builds-on"
    assert first.why.params == {"skill": "Lists", "known": ["Variables"]}
    assert first.why.text == "You have not practised Lists yet, and it builds on Variables, which you know."


def test_a_skill_without_anything_left_counts_as_known() -> None:
    hard_way = [attempt(f"variables-{n}", 10 * n + t, verdict=Verdict.FAILED) for n in (1, 2) for t in range(5)]
    solved = [attempt(f"variables-{n}", 100 + n, solved=True) for n in (1, 2)]
    found = told(coach(), *hard_way, *solved)
    assert found.mastery("ada")["variables"].mastery < 0.45
    assert names(found) == ["lists-1", "lists-2"]


def test_a_wrong_answer_locks_nothing_again() -> None:
    found = told(
        coach(), *pass_all("variables-1"), *[attempt("lists-1", 50 + n, verdict=Verdict.FAILED) for n in range(9)]
    )
    assert found.mastery("ada")["variables"].mastery < 0.45
    assert set(names(found)) == {"variables-2", "lists-1", "lists-2"}


def test_who_is_stuck_at_the_beginning_is_offered_something_else() -> None:
    def failed(times: int) -> list[Attempt]:
        return [attempt("variables-1", n, verdict=Verdict.FAILED) for n in range(times)]

    assert names(told(coach(ranker=ExpectedGain), *failed(2)), k=1) == ["variables-1"]
    assert names(told(coach(ranker=ExpectedGain), *failed(20)), k=1) == ["variables-2"]


def test_all_solved_is_done() -> None:
    found = coach()
    for place, name in enumerate(found.graph.exercises):
        assert not found.done("ada")
        told(found, *pass_all(name, 10 * place))
    assert found.done("ada")
    assert names(found) == []
    assert not found.done("bob")


def test_an_empty_course_is_done() -> None:
    assert coach(Graph.of("py", (), ())).done("ada")


@pytest.mark.parametrize("kind", [Reaction.NOT_NOW, Reaction.TOO_HARD, Reaction.TOO_EASY])
def test_what_is_put_aside_comes_last(kind: Reaction) -> None:
    found = told(coach(), report("variables-1", kind))
    assert names(found) == ["variables-2", "variables-1"]
    assert found.recommend("ada", 2)[1].why.code == "put-aside"
    assert names(found, "bob") == ["variables-1", "variables-2"]


@pytest.mark.parametrize("kind", [Reaction.NOT_NOW, Reaction.TOO_HARD])
def test_it_returns_when_something_else_is_solved(kind: Reaction) -> None:
    found = told(coach(), report("variables-1", kind), *pass_all("variables-2"))
    assert found.recommend("ada", 20)[names(found).index("variables-1")].why.code != "put-aside"


def test_it_returns_when_the_learner_opens_it() -> None:
    found = told(coach(), report("variables-1", Reaction.NOT_NOW), report("variables-1", Reaction.OPENED))
    assert names(found) == ["variables-1", "variables-2"]


def test_where_all_is_put_aside_that_of_longest_ago_comes_first() -> None:
    found = coach(ranker=ExpectedGain)
    for place, exercise in enumerate(["variables-2", "variables-1", "variables-2"]):
        told(found, report(exercise, Reaction.NOT_NOW, place))
    assert names(found, k=1) == ["variables-1"]
    told(found, report("variables-1", Reaction.NOT_NOW, 9))
    assert names(found, k=1) == ["variables-2"]


def test_too_easy_stays_last() -> None:
    found = told(coach(), report("variables-2", Reaction.TOO_EASY), *pass_all("variables-1"))
    assert names(found) == ["lists-1", "lists-2", "variables-2"]


def test_an_answer_about_difficulty_goes_before_mastery() -> None:
    graph = Graph.of(
        "py",
        [Skill(id="a", title="A")],
        [Exercise(task=Task(f"e{d}", ("a",), d), title="", minutes=1) for d in (2, 1, 3, 4)],
    )
    assert names(told(coach(graph), report("e2", Reaction.TOO_EASY))) == ["e3", "e4", "e1", "e2"]
    assert names(told(coach(graph), report("e3", Reaction.TOO_HARD))) == ["e2", "e1", "e4", "e3"]


def test_an_answer_about_difficulty_holds_until_something_is_solved() -> None:
    graph = Graph.of(
        "py",
        [Skill(id="a", title="A")],
        [Exercise(task=Task(f"e{d}", ("a",), d), title="", minutes=1) for d in (2, 1, 3, 4)],
    )
    found = told(coach(graph), report("e2", Reaction.TOO_EASY), attempt("e3", 1, solved=True))
    assert names(found) == ["e1", "e4", "e2"]


def test_the_authors_order_is_the_units_order() -> None:
    body = outline()
    body["exercises"].reverse()
    assert names(coach(Graph.from_outline(body), AuthorOrder)) == ["variables-1", "variables-2"]


def test_the_weakest_skill_comes_first() -> None:
    graph = Graph.of(
        "py",
        [Skill(id=s, title=s) for s in "ab"],
        [Exercise(task=Task(f"{s}{n}", (s,)), title="", minutes=1) for s in "ab" for n in (1, 2)],
    )
    assert names(told(coach(graph), attempt("a1", 1))) == ["b1", "b2", "a1", "a2"]


@pytest.mark.parametrize("verdict", [Verdict.NOT_ATTEMPTED, Verdict.GRADER_FAILED])
def test_some_verdicts_are_no_evidence(verdict: Verdict) -> None:
    found = told(coach(), attempt("variables-1", 1, verdict=verdict))
    assert found.mastery("ada")["variables"].attempts == 0
    assert found.recommend("ada", 1)[0].why.code == "new-skill"


def test_repeating_oneself_is_no_evidence() -> None:
    same = [attempt("variables-1", n, source_hash="same", verdict=Verdict.FAILED) for n in range(5)]
    found = told(coach(), *same)
    assert found.mastery("ada")["variables"].attempts == 1
    told(found, attempt("variables-1", 10), attempt("variables-1", 11), attempt("variables-1", 12))
    assert found.mastery("ada")["variables"].attempts == 2


def test_an_exercise_without_points_is_done_once_opened() -> None:
    body = outline()
    body["exercises"][0]["points"] = 0
    found = coach(Graph.from_outline(body))
    assert names(found)[0] == "variables-1"
    assert "variables-1" not in names(told(found, report("variables-1", Reaction.OPENED)))


def test_a_skill_without_exercises_is_looked_through() -> None:
    graph = Graph.of(
        "py",
        [
            Skill(id="a", title="A"),
            Skill(id="b", title="B", requires=("a",)),
            Skill(id="c", title="C", requires=("b",)),
        ],
        [Exercise(task=Task(s, (s,)), title="", minutes=1) for s in "ac"],
    )
    assert graph.prerequisites["c"] == ("a",)
    assert names(coach(graph)) == ["a"]


def test_skills_that_lock_each_other_do_not_stop_a_course() -> None:
    graph = Graph.of(
        "py",
        [
            Skill(id="a", title="A"),
            Skill(id="c", title="C", requires=("a",)),
            Skill(id="b", title="B", requires=("c",)),
        ],
        [
            Exercise(task=Task("ab", ("a", "b")), title="", minutes=1),
            Exercise(task=Task("c", ("c",)), title="", minutes=1),
        ],
    )
    (first, _) = coach(graph).recommend("ada", 2)
    assert first.candidate.id == "ab"
    assert first.why.code == "nearest"
    assert first.why.params == {"missing": ["C"]}


def test_a_changed_course_replays_its_log() -> None:
    changed = outline(version="v2")
    changed["exercises"][0]["skills"] = ["variables", "lists"]
    changed["exercises"].pop()
    changed["units"][-1]["exercises"].pop()
    entries = [*pass_all("variables-1"), report("variables-2", Reaction.TOO_EASY), attempt("dictionaries-2", 9)]
    moved = told(coach(), *entries)
    moved.replace_graph(Graph.from_outline(changed))
    fresh = told(coach(Graph.from_outline(changed)), *entries)
    assert json.dumps(moved.model.dump()) == json.dumps(fresh.model.dump())
    assert moved.recommend("ada", 20) == fresh.recommend("ada", 20)


def test_whoever_was_evicted_is_replayed_the_same() -> None:
    graph = Graph.from_outline(outline())
    small = Coach(graph, StackedMastery(), ExpectedGain(), keep=2)
    large = Coach(graph, StackedMastery(), ExpectedGain())
    for number in range(60):
        verdict = Verdict.PASSED if number % 3 else Verdict.FAILED
        entry = attempt("variables-1", number, learner=f"l{number % 7}", cell=f"q{number}", verdict=verdict)
        small.observe(entry)
        large.observe(entry)
    for number in range(7):
        assert small.recommend(f"l{number}", 5) == large.recommend(f"l{number}", 5)
    assert small.model.dump()["shifts"] == large.model.dump()["shifts"]


def test_a_changed_course_keeps_what_was_fitted_and_counts_nothing_twice() -> None:
    first = Graph.from_outline(outline())
    changed = outline()
    changed["exercises"][0]["difficulty"] = 5
    model = StackedMastery(trees=5, least_answers=50).fit(
        [Answer(f"x{n % 30}", Task(f"variables-{n % 2 + 1}", ("variables",)), n % 3 > 0) for n in range(300)]
    )
    assert model.trained
    moved, fresh = (Coach(graph, StackedMastery(), ExpectedGain()) for graph in (first, Graph.from_outline(changed)))
    for found in (moved, fresh):
        found.replace_model(StackedMastery().restore(model.names(), model.arrays()), 0)
    for entry in pass_all("variables-1"):
        moved.observe(entry)
        fresh.observe(entry)
    moved.replace_graph(Graph.from_outline(changed))
    assert moved.model.trained
    assert moved.recommend("ada", 5) == fresh.recommend("ada", 5)
    assert moved.model.dump() == fresh.model.dump()


def test_goals_time_and_challenge_move_the_order() -> None:
    body = outline()
    for number, exercise in enumerate(body["exercises"]):
        exercise["skills"] = [("variables", "lists", "dictionaries")[number % 3]]
        exercise["difficulty"] = 1 + number % 5
        exercise["minutes"] = 5 + 20 * (number % 2)
    for skill in body["skills"]:
        skill["requires"] = []

    def first(**wanted: Any) -> Exercise:
        found = coach(Graph.from_outline(body), ExpectedGain)
        found.preferences["ada"] = Preferences(**wanted)
        return found.recommend("ada", 6)[0].candidate.exercise

    for goal in ("variables", "lists", "dictionaries"):
        assert first(goals=(goal,)).task.skills == (goal,)
    assert first(minutes=10).minutes <= 10
    easy, hard = first(challenge=-1).task.difficulty, first(challenge=1).task.difficulty
    assert easy is not None
    assert hard is not None
    assert easy < hard


def test_propensities_are_those_of_the_draw() -> None:
    shown: dict[str, list[float]] = {}
    found = coach(ranker=ExpectedGain)
    for number in range(400):
        (first,) = found.recommend(f"learner-{number}")
        assert found.recommend(f"learner-{number}") == [first]
        shown.setdefault(first.candidate.id, []).append(first.propensity)
    for propensities in shown.values():
        assert len(set(propensities)) == 1
        assert abs(len(propensities) / 400 - propensities[0]) < 0.05
    assert sum(propensities[0] for propensities in shown.values()) == pytest.approx(1.0)


def test_titles_are_listed_as_in_a_sentence() -> None:
    assert [listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Graph, list[Entry]]:
    graph = draw(graphs())
    return graph, draw(histories(graph))


def locked(view: View, exercise: str) -> bool:
    """Say from the definition, and without the code under test, whether an exercise is locked."""
    graph = view.graph

    def known(skill: str) -> bool:
        own = [e.task.id for e in graph.exercises.values() if skill in e.task.skills]
        if not own:
            return all(known(required) for required in graph.skills[skill].requires)
        enough = skill in view.estimates and view.estimates[skill].mastery >= view.known_at
        return skill in view.shown or enough or all(name in view.solved for name in own)

    taught = set(graph.exercises[exercise].task.skills)
    # Where an unpractisable skill leads back to a skill that the exercise teaches, that one is no prerequisite.
    return any(
        not known(required) and not _leads_back(graph, required, taught)
        for skill in taught
        for required in graph.skills[skill].requires
        if required not in taught
    )


def _leads_back(graph: Graph, skill: str, taught: set[str]) -> bool:
    own = any(skill in e.task.skills for e in graph.exercises.values())
    return not own and any(r in taught or _leads_back(graph, r, taught) for r in graph.skills[skill].requires)


@pytest.mark.parametrize("ranker", RANKERS)
@given(world=worlds())
def test_never_solved_never_locked_and_never_nothing(ranker: type[Ranker], world: tuple[Graph, list[Entry]]) -> None:
    graph, entries = world
    found = coach(graph, ranker)
    for entry in entries:
        found.observe(entry)
        view = found.view(entry.learner)
        solved = {
            e.exercise
            for e in entries[: entries.index(entry) + 1]
            if e.learner == entry.learner and isinstance(e, Attempt) and e.solved
        }
        offered = names(found, entry.learner)
        left = [name for name in graph.exercises if name not in view.solved]
        assert solved & set(graph.exercises) <= view.solved
        assert not view.solved & set(offered)
        assert len(set(offered)) == len(offered)
        assert bool(offered) is bool(left)
        assert found.done(entry.learner) is not bool(left)
        if any(not locked(view, name) for name in left):
            assert not [name for name in offered if locked(view, name)]
        aside = [name in view.aside for name in offered]
        assert aside == sorted(aside)
        assert names(found, entry.learner, 1) == offered[:1]


@given(world=worlds())
def test_a_replay_gives_the_same_state_bit_for_bit(world: tuple[Graph, list[Entry]]) -> None:
    graph, entries = world
    first, second = told(coach(graph), *entries), told(coach(graph), *entries)
    assert json.dumps(first.model.dump()) == json.dumps(second.model.dump())
    for learner in LEARNERS:
        assert first.view(learner) == second.view(learner)
        assert first.recommend(learner, 20) == second.recommend(learner, 20)


@given(world=worlds())
def test_what_learners_report_is_never_evidence(world: tuple[Graph, list[Entry]]) -> None:
    graph, entries = world
    silent = told(coach(graph), *[entry for entry in entries if isinstance(entry, Attempt)])
    spoken = told(coach(graph), *entries)
    assert json.dumps(spoken.model.dump()) == json.dumps(silent.model.dump())
    graded = {name for name, exercise in graph.exercises.items() if exercise.graded}
    if graded == set(graph.exercises):
        for learner in LEARNERS:
            assert {c.id for c in candidates(spoken.view(learner))} == {c.id for c in candidates(silent.view(learner))}


@given(world=worlds(), extra=st.sampled_from(Reaction))
def test_reasons_have_a_text_and_their_parameters(world: tuple[Graph, list[Entry]], extra: Reaction) -> None:
    graph, entries = world
    found = told(coach(graph), *entries, LearnerEvent(learner="ada", course="py", exercise="e0", kind=extra))
    for recommendation in found.recommend("ada", 20):
        assert recommendation.p is not None
        assert 0 < recommendation.p < 1
        assert recommendation.why.text.endswith(".")
        for value in recommendation.why.params.values():
            for word in value if isinstance(value, list) else [value] if isinstance(value, str) else []:
                assert word in recommendation.why.text
