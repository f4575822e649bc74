"""Rewritten assertions: they hold and fail as written, and say what they saw."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcoach_grader.engine.assertion import NOTING_NAME, TYPE_NAME, Rewriter, Seen, type_of
from nbcoach_grader.engine.proxy import make_proxy


class Refusing:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Peer:
    """The least of a peer: a learner's class is fixed, and nothing else is answered."""

    strict = True
    own_methods: frozenset[str] = frozenset()
    by_value: frozenset[type] = frozenset({int})

    def __init__(self, claimed: Any) -> None:
        self.claimed = claimed

    def request(self, operation: str, *arguments: Any) -> Any:
        assert operation == "type"
        return self.claimed

    def same(self, oid: int, thing: object) -> bool:
        return False

    def call(self, *arguments: Any) -> Any:
        raise AssertionError

    def encode(self, value: object) -> Any:
        raise AssertionError


def run(source: str, **names: Any) -> None:
    tree = ast.fix_missing_locations(Rewriter().visit(ast.parse(source)))
    exec(compile(tree, "<test>", "exec"), {NOTING_NAME: Seen, TYPE_NAME: type_of, **names})


def said(source: str, **names: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        run(source, **{**NAMES, **names})
    return "\n".join(getattr(caught.value, "__notes__", []))


def change(items: list[int]) -> int:
    items.append(4)
    return 0


NAMES = {
    "f": lambda n: n + 1,
    "g": lambda n: list(range(n)),
    "nothing": lambda n: None,
    "change": change,
    "is_prime": lambda n: n in (2, 3, 5, 8),
    "items": [1, 2, 3],
    "arr": np.array([1.0, 2.0, 3.0]),
    "text": "Hello",
    "math": math,
    "np": np,
    "Refusing": Refusing,
}
FAILS: dict[str, str] = {
    "assert f(1) == 3": "f(1) is 2, expected 3",
    "assert f( 1 )==3": "f(1) is 2, expected 3",
    "assert 3 == f(1)": "f(1) is 2, expected 3",
    "assert 'a' == 'b'": "'a' is 'a', expected 'b'",
    "assert 1 != 1": "1 is 1, expected anything but 1",
    "assert f(2) < 3": "f(2) is 3, expected less than 3",
    "assert 4 <= 3": "4 is 4, expected at most 3",
    "assert 3 > 3": "3 is 3, expected more than 3",
    "assert 2 >= 3": "2 is 2, expected at least 3",
    "assert f(4) in [1, 2]": "f(4) is 5, which is not in [1, 2]",
    "assert 5 in items": "items is [1, 2, 3], which should contain 5",
    "assert 1 not in items": "items is [1, 2, 3], which should not contain 1",
    "assert f(1) is None": "f(1) is 2, expected None",
    "assert nothing(1) is not None": "nothing(1) is None, expected anything but None",
    "assert nothing(1) == 2": "nothing(1) is None, expected 2\nA function that ends without return gives back None.",
    "assert type(f(1)) == float": "type(f(1)) is int, expected float\nwhere f(1) is 2",
    "assert type(1) is bool": "type(1) is int, expected bool",
    "for n in range(3):\n    assert f(n) == 1": "f(n) is 2, expected 1\nwhere n is 1",
    "def check():\n    assert f(1) == 3\ncheck()": "f(1) is 2, expected 3",
    "class Check:\n    def check(self):\n        assert f(1) == 3\nCheck().check()": "f(1) is 2, expected 3",
    "assert f(1) == 3, 'the author says'": "f(1) is 2, expected 3",
    "assert 1 < f(1) < 2 < f(9)": "f(1) is 2, expected less than 2",
    "assert 2 < f(1) < 9": "f(1) is 2, expected more than 2",
    "assert 9 <= f(1)": "f(1) is 2, expected at least 9",
    "assert 0": "",
    "assert False, 'no'": "",
    "assert is_prime(7)": "is_prime(7) is False",
    "assert not is_prime(8)": "is_prime(8) is True, expected False",
    "assert not items": "items is [1, 2, 3], expected something empty or false",
    "assert f(1) == 2 and f(2) == 9 and f(3) == 0": "f(2) is 3, expected 9",
    "assert f(1) == 1 or f(2) == 9": "f(1) is 2, expected 1\nf(2) is 3, expected 9",
    "assert all(f(n) == n * n for n in range(1, 5))": "for n = 1: f(n) is 2, expected 1",
    "assert all(is_prime(n) for n in (2, 4))": "for n = 4: is_prime(n) is False",
    "assert all(a < b for a, b in zip(items, items[::-1]))": "for a = 2, b = 2: a is 2, expected less than 2",
    "assert all([n < 2 for n in items])": "all([n < 2 for n in items]) is False",
    "assert any(n > 5 for n in items)": "any((n > 5 for n in items)) is False",
    "assert isinstance(f(1), str)": "f(1) is 2 of type int, expected type str",
    "assert isinstance(items, (tuple, np.ndarray))": "items is [1, 2, 3] of type list, expected type tuple or np.ndarray",
    "assert math.isclose(f(1), 2.5)": "f(1) is 2, expected about 2.5",
    "assert math.isclose(2.5, f(1), abs_tol=0.1)": "f(1) is 2, expected about 2.5",
    "assert np.allclose(arr, [1, 2, 4])": "arr is array([1., 2., 3.]), expected about [1, 2, 4]",
    "assert np.array_equal(arr, [1, 2])": "arr is array([1., 2., 3.]), expected [1, 2]",
    "assert (arr == [1, 2, 4]).all()": "arr is array([1., 2., 3.]), expected [1, 2, 4]",
    "assert np.all(arr > 1)": "arr is array([1., 2., 3.]), expected more than 1",
    "assert f(items[0]) == 9": "f(items[0]) is 2, expected 9\nwhere items[0] is 1\nwhere items is [1, 2, 3]",
    "assert len(g(3)) == 2": "len(g(3)) is 3, expected 2\nwhere g(3) is [0, 1, 2]",
    "assert change(items) == 1": "change(items) is 0, expected 1\nwhere items is [1, 2, 3]",
    "assert (f(1), f(2)) == (2, 4)": "(f(1), f(2)) is (2, 3), expected (2, 4)",
    "assert text == 'hello'": "text is 'Hello', expected 'hello'\nOnly upper and lower case differ.",
    "assert f(1) == '2'": "f(1) is 2, expected '2'\nIt is of type int, not str.",
    "assert text.lower().startswith('x')": "text.lower().startswith('x') is False\nwhere text.lower() is 'hello'\nwhere text is 'Hello'",
    "assert items[1:] == [2]": "items[1:] is [2, 3], expected [2]\nwhere items is [1, 2, 3]",
    "assert arr[1:, None].shape == (3, 1)": "arr[1:, None].shape is (2, 1), expected (3, 1)\n"
    "where arr[1:, None] is array([[2.],\n       [3.]])\nwhere arr is array([1., 2., 3.])",
    "assert (y := f(3)) == 5": "(y := f(3)) is 4, expected 5\nwhere f(3) is 4",
    "assert sum(*[[1, 2]]) == 4": "sum(*[[1, 2]]) is 3, expected 4",
    "assert Refusing() == 1": "Refusing() is a Refusing, expected 1\nIt is of type Refusing, not int.",
    "assert 10 ** 5000 == 1": "10 ** 5000 is a int, expected 1",
}


@pytest.mark.parametrize(("source", "message"), FAILS.items())
def test_failure_says(source: str, message: str) -> None:
    assert said(source, items=[1, 2, 3]) == message


@pytest.mark.parametrize(
    ("source", "arguments"),
    [
        ("assert 0", ()),
        ("assert f(1) == 3", ()),
        ("assert f(1) == 3, 'the author says'", ("the author says",)),
        ("assert f(1) == 3, f'got {f(1)}'", ("got 2",)),
        ("assert f(1) == 3, (1, 2)", ((1, 2),)),
        ("assert f(1) == 3, None", (None,)),
    ],
)
def test_the_exception_is_the_one_of_python(source: str, arguments: tuple[Any, ...]) -> None:
    for rewritten in (True, False):
        with pytest.raises(AssertionError) as caught:
            run(source, **NAMES) if rewritten else exec(source, dict(NAMES))
        assert type(caught.value) is AssertionError
        assert caught.value.args == arguments


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1) == 2",
        "assert f(1) != 3",
        "assert 1 < 2 < 3",
        "assert 1 in (1, 2)",
        "assert 3 not in (1, 2)",
        "assert None is None",
        "assert f is not None",
        "assert type(f(1)) is int",
        "assert type('T', (), {}).__name__ == 'T'",
        "assert isinstance(type(1), type)",
        "assert all(n for n in items)",
        "assert all(type(n) is int for n in items)",
        "assert (n := f(1)) == 2\nassert n == 2",
        "assert all((last := n) for n in items)\nassert last == 3",
        "all = lambda found: list(found)\nassert all(n > 2 for n in items) == [False, False, True]",
        "class A:\n    def f(self): return 1\nclass B(A):\n    def f(self):\n        assert super().f() == 1\n        return 2\nassert B().f() == 2",
        "class A:\n    __x = 1\n    def f(self):\n        assert self.__x == 1\nA().f()",
        "class A:\n    assert f(1) == 2\n    y = 3\nassert A.y == 3",
        "import asyncio\nasync def one(): return 1\nasync def check():\n    assert await one() == 1\n    assert all([await one() for _ in items])\nasyncio.run(check())",
        "def check():\n    got = yield 1\n    assert (yield 2) == got\nc = check()\nnext(c); c.send(5)",
        "assert f(*[1], **{}) == 2 if items else False",
        "assert [n for n in items if n > 1] == [2, 3]",
        "assert (lambda n: n)(3) == 3",
        "assert f'{f(1):>3}' == '  2'",
        "assert items[0] == 1 and (items[1:3], items[-1]) == ([2, 3], 3)",
        "assert arr[..., 0:2].sum() == 3",
        "def outer():\n    def inner(n):\n        assert n >= 0\n        return n\n    assert inner(1) + inner(2) == 3\nouter()",
    ],
)
def test_what_holds_is_silent(source: str) -> None:
    run(source, **NAMES)


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        run("assert 1 / 0 == 1")
    with pytest.raises(TypeError):
        run("assert 1 < 'a'")
    with pytest.raises(ZeroDivisionError):
        run("assert all(1 / n for n in (1, 0))")
    with pytest.raises(KeyError):
        run("assert False, {}['message']")


def test_truth_of_an_array_is_still_ambiguous() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        run("assert a == a", a=np.arange(3))


def test_line_of_the_assertion_is_kept() -> None:
    with pytest.raises(AssertionError) as caught:
        run("\n\nassert 1 == 2\n")
    assert [entry.lineno + 1 for entry in caught.traceback if str(entry.path) == "<test>"] == [3]


def test_what_held_is_let_go() -> None:
    run(
        "import gc, weakref\nclass Thing: pass\nthing = Thing()\nref = weakref.ref(thing)\nassert ref() is thing\n"
        "del thing\ngone = ref()\nassert gone is None"
    )


def test_proxy_is_shown_and_typed_without_its_own_word() -> None:
    class Dog:
        pass

    proxy = make_proxy(Peer(Dog), 1, "Dog", ("__repr__", "__eq__", "__bool__"), False)
    assert type_of(proxy) is Dog
    assert said("assert d == 3", d=proxy) == "d is a Dog object, expected 3"
    assert said("assert [d] == [3]", d=proxy) == "[d] is [a Dog object], expected [3]"


def test_proxy_never_passes_for_a_plain_value() -> None:
    assert type_of(make_proxy(Peer(int), 1, "int", (), False)) is not int


NUMBERS = st.integers(-2, 2).map(lambda n: f"say({n})") | st.integers(-2, 2).map(str) | st.sampled_from("xy")


def larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Put expressions together; all of them can be evaluated, some raise."""
    few = st.lists(parts, min_size=2, max_size=3)
    signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "is", "is not"])
    return st.one_of(
        few.map(lambda e: f"({' and '.join(e)})"),
        few.map(lambda e: f"({' or '.join(e)})"),
        parts.map(lambda e: f"(not {e})"),
        st.tuples(parts, signs, parts, signs, parts).map(lambda t: f"({' '.join(t)})"),
        st.tuples(parts, signs, parts).map(lambda t: f"({' '.join(t)})"),
        st.tuples(parts, parts).map(lambda t: f"({t[0]} in [{t[1]}, 1])"),
        st.tuples(parts, parts).map(lambda t: f"({t[0]} // {t[1]})"),
        st.tuples(parts, parts).map(lambda t: f"say(({t[0]}, {t[1]})[{t[0]}])"),
        st.tuples(parts, parts, parts).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(parts, parts).map(lambda t: f"all({t[0]} < z for z in (say(1), {t[1]}) if say(z))"),
        st.tuples(parts, parts).map(lambda t: f"all(say(z) for z in [{t[0]}, {t[1]}])"),
        parts.map(lambda e: f"isinstance(say({e}), int)"),
        parts.map(lambda e: f"(w := {e})"),
    )


def outcome(source: str, rewritten: bool) -> tuple[list[Any], Any, tuple[Any, ...]]:
    """Return what was evaluated, and the exception with its arguments."""
    log: list[Any] = []

    def say(value: Any) -> Any:
        log.append(value)
        return value

    try:
        if rewritten:
            run(source, say=say, x=0, y=1)
        else:
            exec(source, {"say": say, "x": 0, "y": 1})
    except Exception as err:
        return log, type(err), err.args
    return log, None, ()


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@given(st.recursive(NUMBERS, larger, max_leaves=12), st.booleans())
def test_an_assertion_does_what_was_written(test: str, message: bool) -> None:
    source = f"assert {test}" + (", say('message')" if message else "")
    assert outcome(source, rewritten=True) == outcome(source, rewritten=False)
