"""What learner objects may be asked for: what the reference's run asked for, and nothing else."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nbcoach_grader.engine.judge import Judge, study
from nbcoach_grader.engine.judge_peer import JudgePeer
from nbcoach_grader.engine.peer import LineBroken
from nbcoach_grader.engine.subject_peer import SubjectPeer

STACK = """
class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def is_right(self): return True
    def isupper(self): return True
"""
VOUCHING = f"{STACK}\ndef shout(text): return Stack()"
HONEST = f"{STACK}\ndef shout(text): return text.upper()"


@contextlib.contextmanager
def judge(code: str) -> Iterator[Judge]:
    """A judge of the reference `HONEST` that meets what `code` left."""
    namespace: dict[str, Any] = {"__name__": "learner"}
    exec(code, namespace)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with contextlib.suppress(LineBroken):
            SubjectPeer(theirs, namespace).serve()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        judge = Judge(JudgePeer(ours), study({}, [HONEST], []), ["Stack", "shout"])
        judge.allow(5.0, 5.0)
        yield judge
    finally:
        ours.close()
        thread.join()
        theirs.close()


def order(*checks: str, allowed: list[str] | None = None, preamble: str = "") -> dict[str, Any]:
    parts = [{"id": f"t.{n}", "source": source, "hidden": False} for n, source in enumerate(checks)]
    return {"id": "t", "preamble": preamble, "checks": parts} | ({} if allowed is None else {"allowed": allowed})


@pytest.mark.parametrize(
    ("checks", "asked"),
    [
        (["assert shout('a') == 'A'"], []),
        (["assert shout('a').isupper()"], []),
        (["s = Stack()\ns.push(1)\nassert s.items == [1]"], ["items", "push"]),
        (["s = Stack()\nassert hasattr(s, 'peek') is False"], ["peek"]),
        (["assert Stack.__name__ == 'Stack'"], []),
        (["assert Stack().is_right()", "assert Stack().items == []"], ["is_right", "items"]),
    ],
)
def test_the_reference_s_run_tells_what_was_asked(checks: list[str], asked: list[str]) -> None:
    with judge(HONEST) as found:
        (report,) = found.run([order(*checks)])
    assert report["attributes"] == asked
    assert [check["verdict"] for check in report["checks"]] == ["passed"] * len(checks)


@pytest.mark.parametrize(
    ("check", "allowed", "verdict"),
    [
        ("assert shout('a').isupper()", None, "passed"),
        ("assert shout('a').isupper()", [], "error"),
        ("assert shout('a').isupper()", ["push"], "error"),
        ("assert shout('a').is_right()", ["push", "items"], "error"),
        ("assert getattr(shout('a'), 'is_right')()", ["push", "items"], "error"),
        ("import operator\nassert operator.methodcaller('is_right')(shout('a'))", ["push"], "error"),
        ("s = Stack()\ns.push(1)\nassert s.items == [1]", ["push", "items"], "passed"),
        ("assert Stack.__name__ == 'Stack'", [], "passed"),
    ],
)
def test_an_object_that_vouches_for_itself_is_refused(check: str, allowed: list[str] | None, verdict: str) -> None:
    with judge(VOUCHING) as found:
        (report,) = found.run([order(check, allowed=allowed)])
    (told,) = report["checks"]
    assert told["verdict"] == verdict
    if verdict == "error":
        assert told["message"] == "TypeError: expected data, got a Stack object"
        assert "is_right" not in report["attributes"]


def test_a_list_holds_for_its_own_test_cell() -> None:
    cells = [order("assert shout('a').isupper()", allowed=allowed) for allowed in ([], ["isupper"], None)]
    with judge(VOUCHING) as found:
        reports = found.run(cells)
    assert [r["checks"][0]["verdict"] for r in reports] == ["error", "passed", "passed"]
    assert [r["attributes"] for r in reports] == [[], ["isupper"], ["isupper"]]


def test_a_preamble_counts_too() -> None:
    with judge(HONEST) as found:
        (report,) = found.run([order("assert n == 0", preamble="n = len(Stack().items)")])
    assert report["attributes"] == ["items"]
    with judge(VOUCHING) as found:
        (report,) = found.run([order("assert n == 0", preamble="n = len(Stack().items)", allowed=[])])
    assert report["checks"][0]["verdict"] == "error"
