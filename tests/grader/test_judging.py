"""Whole notebooks: every test cell is judged where it stands, and what the reference shows decides how."""

from __future__ import annotations

from typing import Any

import pytest
from grader_masters import HIDDEN, material, sent

from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import CellSource
from nbcoach_grader.engine.plan import Mode
from nbcoach_grader.engine.sweep import Sweep, SweepLost
from nbcoach_grader.judging import Graded, Judging
from nbcoach_grader.material import Material

BOOK = material(
    ("locked", "setup", "import math\nbase = 10"),
    ("answer", "a1", "def f(n):\n    return n + base"),
    ("test", "t1", "helper = lambda n: n + 10\nassert f(1) == helper(1)\n" + HIDDEN.format("assert f(5) == 15")),
    ("answer", "a2", "g = helper(1)"),
    ("test", "t2", "assert g == 11"),
    ("free", "play", "print('end')"),
    ("answer", "a3", "def f(n):\n    return -n"),
    ("test", "t3", "assert f(3) == -3\nassert helper(1) == 11"),
)


def scores(graded: Graded) -> dict[str, float]:
    return {test.id: test.score for test in graded.tests}


@pytest.fixture
def grade(engine: Any, run: Any) -> Any:
    judging = Judging(engine)
    return lambda material, cells, learner="ada": run(judging.grade(learner, material, cells))


CASES: dict[str, tuple[dict[str, str], dict[str, float]]] = {
    "the reference": ({}, {"t1": 2, "t2": 2, "t3": 2}),
    "one wrong": ({"a1": "def f(n): return 11"}, {"t1": 0, "t2": 2, "t3": 2}),
    "a later definition does not reach back": ({"a3": "def f(n): return 0"}, {"t1": 2, "t2": 2, "t3": 0}),
    "a cell that ends its process": ({"a2": "import os; os._exit(0)"}, {"t1": 2, "t2": 0, "t3": 2}),
    "a cell without end": ({"a2": "while True: pass"}, {"t1": 2, "t2": 0, "t3": 2}),
    "a function that ends its process, also where a later cell needs what its test makes": (
        {"a1": "def f(n):\n    import os; os._exit(0)"},
        {"t1": 0, "t2": 0, "t3": 2},
    ),
    "a cell that is no Python": ({"a1": "def f(:"}, {"t1": 0, "t2": 2, "t3": 2}),
}


@pytest.mark.parametrize("name", CASES)
def test_every_question_is_judged_by_itself(grade: Any, name: str) -> None:
    answers, expected = CASES[name]
    assert scores(grade(BOOK, sent(BOOK, **answers))) == expected


def test_cells_after_the_last_test_run_for_their_output(grade: Any) -> None:
    graded = grade(BOOK, sent(BOOK))
    assert next(cell.output for cell in graded.cells if cell.id == "cell 6") == "end\n"


def test_check_and_grade_agree(engine: Any, run: Any) -> None:
    judging = Judging(engine)
    cells = sent(BOOK, a1="def f(n):\n    return 11 if n == 1 else 0")
    graded = run(judging.grade("ada", BOOK, cells))
    for question in BOOK.questions():
        judged, _ = run(judging.judge("ada", BOOK, question, cells))
        mine = [check for test in graded.tests if test.id in question.tests for check in test.checks]
        assert [(c.id, c.verdict, c.points, c.message) for c in judged.checks] == [
            (c.id, c.verdict, c.points, c.message) for c in mine
        ]


def test_an_untouched_starter_is_not_attempted_but_keeps_what_passes(grade: Any) -> None:
    book = material(("answer", "a", "x = 1"), ("test", "t", "assert x == 1"), ("test", "u", "assert True"))
    graded = grade(book, [])
    assert [(t.verdict, t.score) for t in graded.tests] == [(Verdict.NOT_ATTEMPTED, 0), (Verdict.PASSED, 2)]


FRAMES = material(
    ("answer", "a", "def f():\n    return g()\ndef g():\n    return 1"),
    ("test", "t", "import __main__\n__main__.g = lambda: 7\nassert f() == 7"),
    ("test", "u", "assert f() == 1\n" + HIDDEN.format("assert f() in (1,)")),
)


def modes(graded: Graded) -> dict[str, tuple[Mode, Verdict]]:
    return {test.id: (test.mode, test.verdict) for test in graded.tests}


def test_only_the_reference_decides_that_a_test_runs_inside(grade: Any) -> None:
    reference = modes(grade(FRAMES, sent(FRAMES)))
    assert reference == {"t": (Mode.SHARED, Verdict.PASSED), "u": (Mode.ISOLATED, Verdict.PASSED)}
    wrong = modes(grade(FRAMES, sent(FRAMES, a="def f():\n    return 2\ndef g(): pass")))
    assert wrong == {"t": (Mode.SHARED, Verdict.FAILED), "u": (Mode.ISOLATED, Verdict.FAILED)}


SHARED_CASES = {
    "ends its process": ("import os\ndef f(): os._exit(0)\ndef g(): pass", Verdict.CRASHED),
    "never ends": ("def f():\n    while True: pass\ndef g(): pass", Verdict.TIMEOUT),
    "raises": ("def f(): 1 / 0\ndef g(): pass", Verdict.ERROR),
}


@pytest.mark.parametrize("name", SHARED_CASES)
def test_inside_too_a_verdict_is_definite(grade: Any, name: str) -> None:
    source, verdict = SHARED_CASES[name]
    assert modes(grade(FRAMES, sent(FRAMES, a=source)))["t"] == (Mode.SHARED, verdict)


def test_an_author_can_insist_on_isolation(grade: Any) -> None:
    rows = (("answer", "a", "x = 1"), ("test", "t", "import __main__\nassert __main__.x == 1"))
    free = material(*rows)
    insisting = material(*rows)
    insisting.chosen["t"] = Mode.ISOLATED  # type: ignore[index]
    object.__setattr__(insisting, "version", "other")
    assert modes(grade(free, sent(free)))["t"][0] is Mode.SHARED
    assert modes(grade(insisting, sent(insisting)))["t"][0] is Mode.ISOLATED


def test_an_object_cannot_vouch_for_itself(grade: Any) -> None:
    book = material(("answer", "a", "r = [1]"), ("test", "t", "assert r.count(1) == 1"))
    lying = "class R:\n    def count(self, x): return 1\nr = R()"
    assert scores(grade(book, sent(book))) == {"t": 2}
    assert scores(grade(book, sent(book, a=lying))) == {"t": 0}


STRAY = [
    CellSource(id="1", grade_id=None, source="import math\nbase = 10"),
    CellSource(id="2", grade_id=None, source="def f(n):\n    return n + base"),
    CellSource(id="3", grade_id="unknown", source="g = 11"),
    CellSource(id="4", grade_id=None, source="assert g == 11"),
    CellSource(id="5", grade_id=None, source="def f(n):\n    return -n"),
]


def test_answers_without_ids_are_found(grade: Any) -> None:
    graded = grade(BOOK, STRAY)
    assert scores(graded) == {"t1": 2, "t2": 2, "t3": 2}
    assert sum("had lost its id" in repair for repair in graded.rebuilt.repairs) == 3


def test_an_author_is_warned_of_scores_out_of_range(grade: Any) -> None:
    book = material(("answer", "a", "n = 5"), ("test", "t", "n"))
    assert scores(grade(book, sent(book, a="n = 1"))) == {"t": 1}
    graded = grade(book, sent(book))
    assert scores(graded) == {"t": 2}
    assert graded.warnings == ("Test cell 't' gave 5 of 2 points; 2 were counted.",)


def test_nothing_is_kept_of_graded_work(engine: Any, run: Any) -> None:
    before = engine.statistics()["lines"]
    run(Judging(engine).grade("somebody", BOOK, sent(BOOK)))
    assert engine.statistics()["lines"] == before


def test_tests_before_any_answer_count(grade: Any) -> None:
    book: Material = material(("test", "t", "assert True"), ("answer", "a", "x = 1"), ("test", "u", "assert x"))
    assert scores(grade(book, sent(book))) == {"t": 2, "u": 2}


@pytest.mark.parametrize(
    ("between", "again", "tested"),
    [
        (("answer", "b", "size = 10"), "size = 9", "assert size == expected"),
        (("answer", "b", "def size():\n    return 10"), "def size():\n    return 9", "assert size() == expected"),
        (("answer", "b", "size = [10]"), "size = [9]", "size.append(1)\nassert size == [expected, 1]"),
        (("locked", "b", "size = 10"), "", "assert size == expected"),
        (("free", "b", "size = 10"), "", "assert size == expected"),
    ],
)
def test_a_name_that_was_made_anew_is_not_an_earlier_test_s(
    grade: Any, between: tuple[str, str, str], again: str, tested: str
) -> None:
    book = material(
        ("answer", "a", "def f(n):\n    return n"),
        ("test", "t", "size = 23\nexpected = 10\nassert f(size) == 23"),
        between,
        ("answer", "c", "x = 1"),
        ("test", "u", f"{tested}\nassert x == 1"),
    )
    assert scores(grade(book, sent(book))) == {"t": 2, "u": 2}
    if again:
        assert scores(grade(book, sent(book, b=again))) == {"t": 2, "u": 0}


def test_what_earlier_tests_make_for_each_other_is_theirs(grade: Any) -> None:
    book = material(
        ("answer", "a", "x = 1"),
        ("test", "t", "size = 23\nassert x"),
        ("answer", "b", "y = 1"),
        ("test", "u", "twice = 2 * size\nassert y"),
        ("answer", "c", "size = 10"),
        ("test", "v", "assert (size, twice) == (10, 46)"),
    )
    assert scores(grade(book, sent(book))) == {"t": 2, "u": 2, "v": 2}


def test_a_lost_judge_is_not_held_against_the_work(engine: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lose(self: Sweep) -> None:
        raise SweepLost

    monkeypatch.setattr(Sweep, "decide", lose)
    wrong = sent(BOOK, a1="def f(n): return 11")
    assert scores(run(Judging(engine).grade("ada", BOOK, sent(BOOK)))) == {"t1": 2, "t2": 2, "t3": 2}
    assert scores(run(Judging(engine).grade("ada", BOOK, wrong))) == {"t1": 0, "t2": 2, "t3": 2}


def test_what_hidden_checks_are_called_with_is_never_shown(grade: Any) -> None:
    book = material(
        ("answer", "a", "def f(n): return n"),
        ("test", "t", "assert f(1) == 1\n" + HIDDEN.format("assert f('secret-7c1') == 'secret-7c1'")),
        ("answer", "b", "print('b')"),
        ("test", "u", "assert f(2) == 2"),
    )
    spying = "def f(n):\n    open('kept', 'a').write(str(n))\n    return 0"
    told = "import os\nprint(open('kept').read() if os.path.exists('kept') else 'nothing')\nassert 0, os.listdir()"
    assert "secret-7c1" not in repr(grade(book, sent(book, a=spying, b=told)))


STATE: dict[str, dict[str, str]] = {
    "calls that are kept": {
        "a1": "calls = []\ndef f(n):\n    calls.append(n)\n    return n",
        "a2": "def g():\n    return len(calls)",
    },
    "calls that are counted": {
        "a1": "calls = 0\ndef f(n):\n    global calls\n    calls += 1\n    return n",
        "a2": "def g():\n    return calls",
    },
    "data of the author's, changed in place": {"a3": "def h(values):\n    values.sort()\n    return values[0]"},
    "a function that ends its process": {"a1": "def f(n):\n    import os; os._exit(0)"},
    "a function without end": {"a1": "def f(n):\n    while True: pass"},
}
SEVERAL = material(
    ("locked", "setup", "given = [3, 1, 2]"),
    ("answer", "a1", "def f(n):\n    return n"),
    ("test", "t1", "assert f(1) == 1\n" + HIDDEN.format("assert f(2) == 2")),
    ("answer", "a2", "def g():\n    return 0"),
    ("test", "t2", "assert g() == 0\n" + HIDDEN.format("assert g() == 0")),
    ("answer", "a3", "def h(values):\n    return min(values)"),
    ("test", "t3", "assert h(given) == 1\nassert given == [3, 1, 2]\n" + HIDDEN.format("assert given == [3, 1, 2]")),
)


@pytest.mark.parametrize("name", STATE)
def test_one_process_for_several_questions_changes_no_verdict(grade: Any, engine: Any, run: Any, name: str) -> None:
    cells = sent(SEVERAL, **STATE[name])
    graded = grade(SEVERAL, cells)
    judging = Judging(engine)
    for question in SEVERAL.questions():
        judged, _ = run(judging.judge("ada", SEVERAL, question, cells, veiled=False))
        mine = [check for test in graded.tests if test.id in question.tests for check in test.checks]
        assert [(c.id, c.verdict, c.points) for c in judged.checks] == [(c.id, c.verdict, c.points) for c in mine]


APART = material(
    ("answer", "a1", "def f(n):\n    return n"),
    ("test", "t1", "assert f(1) == 1\n" + HIDDEN.format("assert f(2) == 2")),
    ("answer", "a2", "x = 3\nprint(x)"),
    ("test", "t2", "assert x == 3\n" + HIDDEN.format("assert x < 4")),
    ("answer", "a3", "y = 4\nprint(y)"),
    ("test", "t3", "assert y == 4\n" + HIDDEN.format("assert y < 5")),
)


@pytest.mark.parametrize(
    ("cell", "source", "lost"),
    [
        ("a1", "import os\ndef f(n):\n    os._exit(0)", "t1"),
        ("a1", "import os\ndef f(n):\n    return os._exit(0) if n == 2 else n", "t1"),
        ("a2", "import os; os._exit(0)", "t2"),
        ("a3", "import os; os._exit(0)", "t3"),
    ],
    ids=["a function", "in a hidden test", "a cell after the first test", "the last cell"],
)
def test_the_end_of_a_process_loses_one_question(grade: Any, cell: str, source: str, lost: str) -> None:
    expected = {"t1": 2, "t2": 2, "t3": 2} | {lost: 0}
    found = {test.id: round(test.score) for test in grade(APART, sent(APART, **{cell: source})).tests}
    assert found | {lost: 0} == expected
    assert found[lost] < 2


def test_nobody_s_work_reaches_the_next_notebook_through_a_judge(grade: Any) -> None:
    greedy = sent(SEVERAL, a3="def h(values):\n    values.clear()\n    return 1")
    for _ in range(2):
        assert scores(grade(SEVERAL, greedy))["t3"] < 2
        assert scores(grade(SEVERAL, sent(SEVERAL))) == {"t1": 2, "t2": 2, "t3": 2}
