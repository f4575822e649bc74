"""Rewritten assertions: what a failed comparison says, and what is left as the author wrote it."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from nbcoach_grader.engine.assertion import (
    COMPARE_NAME,
    MAX_SHOWN,
    TYPE_NAME,
    Rewriter,
    compare,
    shown,
    type_of,
)
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

    def call(self, *arguments: Any) -> Any:
        raise AssertionError

    def encode(self, value: object) -> Any:
        raise AssertionError


def run(source: str, **names: Any) -> None:
    tree = ast.fix_missing_locations(Rewriter().visit(ast.parse(source)))
    exec(compile(tree, "<test>", "exec"), {COMPARE_NAME: compare, TYPE_NAME: type_of, **names})


FAILS: dict[str, str] = {
    "assert f(1) == 3": "f(1) is 2, expected 3",
    "assert f( 1 )==3": "f(1) is 2, expected 3",
    "assert 'a' == 'b'": "'a' is 'a', expected 'b'",
    "assert 1 != 1": "1 is 1, which is not != 1",
    "assert f(2) < 3": "f(2) is 3, which is not < 3",
    "assert 4 <= 3": "4 is 4, which is not <= 3",
    "assert 3 > 3": "3 is 3, which is not > 3",
    "assert 2 >= 3": "2 is 2, which is not >= 3",
    "assert 5 in [1, 2]": "5 is 5, which is not in [1, 2]",
    "assert 1 not in [1, 2]": "1 is 1, which is not not in [1, 2]",
    "assert f(1) is None": "f(1) is 2, which is not is None",
    "assert None is not None": "None is None, which is not is not None",
    "assert type(f(1)) == float": "type(f(1)) is <class 'int'>, expected <class 'float'>",
    "assert type(1) is bool": "type(1) is <class 'int'>, which is not is <class 'bool'>",
    "for n in range(3):\n    assert f(n) == 1": "f(n) is 2, expected 1",
    "def check():\n    assert f(1) == 3\ncheck()": "f(1) is 2, expected 3",
    "assert 1 == 2, 'the author says'": "the author says",
    "assert 1 == 2, f'got {1}'": "got 1",
    "assert 1 < 2 < 2": "",
    "assert 0": "",
    "assert not f(1)": "",
    "assert 1 == 1 and 1 == 2": "",
    "assert Refusing() == 1": "Refusing() is a Refusing, expected 1",
    "assert 10 ** 5000 == 1": "10 ** 5000 is a int, expected 1",
}
NAMES = {"f": lambda n: n + 1, "Refusing": Refusing}


@pytest.mark.parametrize(("source", "message"), FAILS.items())
def test_failure_says(source: str, message: str) -> None:
    with pytest.raises(AssertionError) as caught:
        run(source, **NAMES)
    assert str(caught.value) == message


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
    ],
)
def test_what_holds_is_silent(source: str) -> None:
    run(source, **NAMES)


def test_sides_are_evaluated_once_left_first() -> None:
    seen: list[str] = []

    def note(name: str) -> str:
        seen.append(name)
        return name

    with pytest.raises(AssertionError):
        run("assert note('left') == note('right')", note=note)
    assert seen == ["left", "right"]


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        run("assert 1 / 0 == 1")
    with pytest.raises(TypeError):
        run("assert 1 < 'a'")


def test_truth_of_an_array_is_still_ambiguous() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        run("assert a == a", a=np.arange(3))


def test_line_of_the_assertion_is_kept() -> None:
    with pytest.raises(AssertionError) as caught:
        run("\n\nassert 1 == 2\n")
    assert [entry.lineno + 1 for entry in caught.traceback if str(entry.path) == "<test>"] == [3]


def test_long_values_are_cut() -> None:
    assert shown("x" * (MAX_SHOWN - 2)) == repr("x" * (MAX_SHOWN - 2))
    cut = shown("x" * 1000)
    assert len(cut) == MAX_SHOWN
    assert cut.endswith("…")


def test_proxy_is_shown_and_typed_without_its_own_word() -> None:
    class Dog:
        pass

    proxy = make_proxy(Peer(Dog), 1, "Dog", ("__repr__", "__eq__"), False)
    assert shown(proxy) == "a Dog object"
    assert type_of(proxy) is Dog
    with pytest.raises(AssertionError, match=r"^d is a Dog object, expected 3$"):
        run("assert d == 3", d=proxy)


def test_proxy_never_passes_for_a_plain_value() -> None:
    assert type_of(make_proxy(Peer(int), 1, "int", (), False)) is not int
