"""Explanations: every common exception as Python itself words it, and nothing but text from what a learner claims."""

from __future__ import annotations

import re

import pytest

from nbcoach_grader.explanation import _RULES, MAX_QUOTED, explanation

RAISED: list[tuple[str, str]] = [
    ("if 1\n  x", "ends in a colon"),
    ("print((1)", "The bracket ( is opened here"),
    ("x=1)", "one ) too many"),
    ("(1]", "The bracket ( was opened last"),
    ("f(1 2)", "comma"),
    ("if x=1: pass", "write =="),
    ("1=x", "On the left of ="),
    ("f()=2", "On the left of ="),
    ("'abc", "same mark at its end"),
    ("print 1", "write print(…)"),
    ("return 1", "only inside a function"),
    ("break", "only inside a loop"),
    ("x=“a”", "The character “ is not part"),
    ("x=007", "cannot begin with 0"),
    ("2x=1", "cannot begin with a digit"),
    ("f(a=1,2)", "plain values come first"),
    ("def f(a=1,b): pass", "default"),
    ("x=\\ 1", "After a backslash"),
    ("try:\n  1\nx", "try needs an except"),
    ("x y", "cannot read this line"),
    ("for x in 1:\nx", "After the 'for' statement in line 1"),
    ("  x=1", "indented more"),
    ("if 1:\n    a\n  b", "another number of spaces"),
    ("if 1:\n\ta\n        b", "Tabs and spaces"),
    ("foo", "There is no foo yet"),
    ("def f():\n  x+=1\n  x=1\nf()", "assigns to x"),
    ("def f(a,b): pass\nf(1)", "without a value for 'b'"),
    ("def f(a): pass\nf(1,2)", "2 instead of 1"),
    ("def f(a): pass\nf(b=1)", "no parameter called b"),
    ("'a'+1", "str(…)"),
    ("1+'a'", "str(…)"),
    ("None+1", "no return"),
    ("len(None)", "no return"),
    ("None[0]", "no return"),
    ("for i in None: pass", "no return"),
    ("None < 2", "no return"),
    ("int(None)", "no return"),
    ("None.x", "None before .x"),
    ("for i in 3: pass", "range(…)"),
    ("(3)(4)", "type int stands before round brackets"),
    ("3[0]", "Square brackets do not work"),
    ("'a'[0]=1", "make a new one"),
    ("[1]['a']", "whole number, not of type str"),
    ("range(2.5)", "use //"),
    ("{[]:1}", "such as a list"),
    ("len(3)", "no length"),
    ("[]+1", "append"),
    ("1<'a'", "types int and str"),
    ("[1][3]", "length minus 1"),
    ("[].pop()", "it is empty"),
    ("{}['k']", "no key 'k'"),
    ("'a'.uper()", "has no .uper"),
    ("int('2.5')", "got '2.5'"),
    ("float('x')", "got 'x'"),
    ("a,b=1", "single value of type int"),
    ("a,b=[1]", "2 names"),
    ("a,b=1,2,3", "more values than the 2 names"),
    ("[].remove(1)", "Ask with `in` first"),
    ("import math;math.sqrt(-1)", "no result for this number"),
    ("1/0", "divided by 0"),
    ("def f(): f()\nf()", "calls itself without end"),
    ("import nump", "no module nump"),
    ("from math import squ", "module math has no squ"),
    ("import math;math.foo", "module math has no foo"),
    ("open('nix.txt')", "no file 'nix.txt'"),
    ("max([])", "empty case"),
    ("import numpy as np\nif np.arange(3)==1: pass", ".all() or .any()"),
    ("import numpy as np\nnp.arange(3)+np.arange(2)", "shapes"),
    ("next(iter([]))", "none was left"),
    ("'x'.join([1])", "texts only"),
    ("raise MemoryError", "more memory"),
    ("raise KeyboardInterrupt", "interrupted"),
    ("exit()", "ends the program"),
]


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize(("source", "part"), RAISED)
def test_what_python_raises_is_explained(source: str, part: str) -> None:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - the table tells of each what it is
        exec(compile(source, "cell", "exec"), {})
    error = caught.value
    said = explanation(type(error).__name__, error.msg if isinstance(error, SyntaxError) else str(error))
    assert said is not None
    assert part in said


@pytest.mark.parametrize(
    ("name", "message", "said"),
    [
        ("NameError", "name 'totl' is not defined. Did you mean: 'total'?", "There is no totl. Did you mean total?"),
        (
            "AttributeError",
            "'str' object has no attribute 'uper'. Did you mean: 'upper'?",
            "There is no .uper here. Did you mean .upper?",
        ),
        (
            "OutOfTime",
            "The cell ran longer than 2 seconds.",
            "The code did not come to its end in time. Does a loop run for ever?",
        ),
    ],
)
def test_suggestions_are_used(name: str, message: str, said: str) -> None:
    assert explanation(name, message) == said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MyError", "x"),
        ("", ""),
        ("TypeError", "something of the learner's own"),
        ("__class__", "{0}"),
        ("ValueError", "no"),
    ],
)
def test_what_is_not_known_is_left_alone(name: str, message: str) -> None:
    assert explanation(name, message) is None


@pytest.mark.parametrize("name", _RULES)
def test_claims_are_cut_and_never_formatted(name: str) -> None:
    for message in (
        "{0.__class__}" * 100,
        "x" * 10**6,
        "'{}' " * 10**5,
        "\n" * 1000,
        "f() missing 1 required positional argument: '" + "x" * 400,
    ):
        said = explanation(name, message) or ""
        assert len(said) < 1000
        assert "<class" not in said
        assert "x" * (MAX_QUOTED + 1) not in said


def test_templates_name_no_group_that_is_not_there() -> None:
    for rules in _RULES.values():
        for pattern, words in rules:
            named = [int(number) for number in re.findall(r"\{(\d)\}", words)]
            assert max(named, default=-1) < re.compile(pattern).groups
