"""`nbcoach policy`: JSON lines in, JSON lines out, and no line that stops it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nbcoach_hub.cli import main

GRAPH = {
    "graph": {
        "nodes": ["a", "b", "c"],
        "edges": [["a", "b"], ["b", "c"]],
        "exercises": [{"id": f"{s}{n}", "skills": [s], "difficulty": n} for s in "abc" for n in (1, 2, 3)],
    }
}


def asked(tmp_path: Path, *lines: Any, log: str | None = None) -> list[dict[str, Any]]:
    graph = tmp_path / "graph.json"
    graph.write_text(json.dumps(GRAPH))
    arguments = ["policy", "--graph", str(graph)]
    if log is not None:
        (tmp_path / "log.csv").write_text(log)
        arguments += ["--log", str(tmp_path / "log.csv")]
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    done = CliRunner().invoke(main, arguments, input=text)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def saw(item: str, correct: Any = 1, at: Any = 0, learner: str = "ada") -> dict[str, Any]:
    return {"observe": {"learner": learner, "item": item, "correct": correct, "at": at}}


def test_it_answers_what_it_is_asked(tmp_path: Path) -> None:
    (found,) = asked(tmp_path, {"recommend": "ada", "k": 2})
    assert found.keys() == {"items", "why", "p", "propensity"}
    assert [item[0] for item in found["items"]] == ["a", "a"]
    assert all(0 < p < 1 for p in found["p"])
    assert all(why.endswith(".") for why in found["why"])


def test_nothing_locked_and_nothing_solved_is_offered(tmp_path: Path) -> None:
    lines: list[Any] = []
    for step, item in enumerate(["a1", "b1", "a2", "c1", "b2", "c2", "a3", "b3", "c3"]):
        lines += [saw(item, 1, 60 * step), {"recommend": "ada", "k": 9}]
    done: set[str] = set()
    for item, found in zip(
        ["a1", "b1", "a2", "c1", "b2", "c2", "a3", "b3", "c3"], asked(tmp_path, *lines), strict=True
    ):
        done.add(item)
        assert not done & set(found["items"])
        opened = {"a"} | {after for before, after in ("ab", "bc") if any(d[0] == before for d in done)}
        assert {offered[0] for offered in found["items"]} <= opened
        assert bool(found["items"]) is (len(done) < 9)


def test_failures_keep_a_skill_locked(tmp_path: Path) -> None:
    (found,) = asked(tmp_path, *[saw("a1", 0, n) for n in range(20)], {"recommend": "ada", "k": 9})
    assert {item[0] for item in found["items"]} == {"a"}


@pytest.mark.parametrize(
    "line",
    [
        "nonsense", "[]", "{}", "3", "null", {"observe": 3}, {"recommend": None}, {"recommend": "a", "k": 0},
        {"recommend": "a", "k": "many"}, saw("no-such"), saw("a1", 2), saw("a1", 1, "noon"), saw("a1", 1, -1),
        {"observe": {"learner": "a", "item": "a1"}}, '{"recommend": "a", "k": 1e400}', "[" * 5000,
    ],
)  # fmt: skip
def test_a_bad_line_is_told_and_the_next_one_read(tmp_path: Path, line: Any) -> None:
    wrong, right = asked(tmp_path, line, {"recommend": "ada"})
    assert wrong["error"].endswith(".")
    assert len(right["items"]) == 1


def test_years_later_all_is_due_and_nothing_breaks(tmp_path: Path) -> None:
    solved = [saw(f"{skill}{n}", 1, 60) for skill in "abc" for n in (1, 2, 3)]
    soon, later = asked(
        tmp_path, *solved, {"recommend": "ada", "k": 9}, saw("a1", 0, 3e9), {"recommend": "ada", "k": 9}
    )
    assert soon["items"] == []
    assert "b1" in later["items"]


def test_order_and_repeats_do_no_harm(tmp_path: Path) -> None:
    lines = [saw("b1", 1, 500), saw("a1", 1, 100), saw("a1", 1, 100), saw("a1", 1, 100), {"recommend": "ada"}]
    (found,) = asked(tmp_path, *lines)
    assert found["items"][0] not in ("a1", "b1")


@pytest.mark.parametrize(
    ("log", "says"), [("", "columns"), ("learner,item,skills,correct,at\n", "no answers"), ("learner\n1\n", "columns")]
)
def test_an_unusable_log_is_refused(tmp_path: Path, log: str, says: str) -> None:
    (tmp_path / "g.json").write_text(json.dumps(GRAPH))
    (tmp_path / "log.csv").write_text(log)
    done = CliRunner().invoke(
        main, ["policy", "--graph", str(tmp_path / "g.json"), "--log", str(tmp_path / "log.csv")], input=""
    )
    assert done.exit_code == 2
    assert says in done.output


def test_a_log_of_one_row_is_enough(tmp_path: Path) -> None:
    (found,) = asked(tmp_path, {"recommend": "ada"}, log="learner,item,skills,correct,at\nx,a1,a,1,0\n")
    assert found["items"]


def test_other_learners_tell_what_is_hard(tmp_path: Path) -> None:
    rows = [f"l{n},{item},a,{int(item == 'a1')},0" for n in range(30) for item in ("a1", "a2")]
    log = "\n".join(["learner,item,skills,correct,at", *rows])
    (found,) = asked(tmp_path, {"recommend": "ada", "k": 9}, log=log)
    p = dict(zip(found["items"], found["p"], strict=True))
    assert p["a1"] > p["a2"] + 0.3
