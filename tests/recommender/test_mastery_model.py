"""What is particular to the multi-skill Elo rating."""

from __future__ import annotations

from nbcoach_recommender.models.abc import Answer, Task
from nbcoach_recommender.models.mastery import MultiSkillElo

LISTS = Task("lists-1", ("lists",))


def test_an_unknown_task_starts_from_the_authors_difficulty() -> None:
    model = MultiSkillElo().fit([])
    chances = [model.predict("ada", Task(f"t{grade}", ("lists",), grade)) for grade in range(1, 6)]
    assert chances == sorted(chances, reverse=True)
    assert chances[2] == model.predict("ada", Task("unrated", ("lists",))) == 0.5


def test_tasks_that_most_get_wrong_are_harder() -> None:
    hard, easy = Task("hard", ("lists",)), Task("easy", ("lists",))
    model = MultiSkillElo().fit(
        [Answer(f"learner-{n}", task, task is easy) for n in range(30) for task in (hard, easy)]
    )
    assert model.predict("new", easy) > 0.7 > 0.3 > model.predict("new", hard)


def test_repeated_tries_at_one_question_count_less_and_less() -> None:
    one = MultiSkillElo().fit([Answer("ada", LISTS, False, question="q1") for _ in range(6)])
    six = MultiSkillElo().fit([Answer("ada", LISTS, False, question=f"q{n}") for n in range(6)])
    other = Task("dicts-1", ("dicts",))
    assert six.predict("ada", other) < one.predict("ada", other) < 0.5


def test_practice_of_one_skill_says_a_little_about_another() -> None:
    model = MultiSkillElo().fit([Answer("ada", LISTS, True, question=f"q{n}") for n in range(5)])
    same, other = Task("lists-2", ("lists",)), Task("dicts-1", ("dicts",))
    assert model.predict("ada", same) > model.predict("ada", other) > model.predict("new", other)
    assert "dicts" not in model.mastery("ada")


def test_a_failure_alone_is_no_mastery() -> None:
    assert MultiSkillElo().fit([Answer("ada", LISTS, False)]).mastery("ada")["lists"].mastery == 0.0


def test_three_first_tries_make_a_skill_known() -> None:
    model = MultiSkillElo().fit([])
    found = []
    for number in range(3):
        model.partial_fit(Answer("ada", LISTS, True, question=f"q{number}"))
        found.append(model.mastery("ada")["lists"].mastery)
    assert found[1] < 0.45 <= found[2]
