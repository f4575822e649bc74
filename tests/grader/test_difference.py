"""Where two values differ: the first difference in a word, from plain data only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbcoach_grader.engine.difference import MAX_SHOWN, difference, same, shown

LONG = list(range(100))
TABLE = pd.DataFrame({"a": [1, 2], "b": [1.0, 2.0]}, index=["x", "y"])
DIFFERS: list[tuple[Any, Any, str | None]] = [
    ([1, 2], [1, 3], None),
    (1, 2, None),
    (None, 2, None),
    (1, True, None),
    (LONG, [*LONG[:50], 0, *LONG[51:]], "At [50]: 50 instead of 0."),
    (LONG, LONG[:-1], "Length 100 instead of 99; [99] is too much."),
    (LONG[:-1], LONG, "Length 99 instead of 100; [99] is missing: 99."),
    ([LONG], [[*LONG[:-1], "x"]], "At [0][99]: 99 is of type int, not str."),
    ([1], (1,), "It is of type list, not tuple."),
    ("2", 2, "It is of type str, not int."),
    ("Hello", "hello", "Only upper and lower case differ."),
    ("a  b\n", "a b", "Only spaces or line breaks differ."),
    ("abc", "abd", None),
    ("a long text it is", "a long test it is", "Character 10: 'xt it is' instead of 'st it is'."),
    (
        "one\ntwo\nthree four\n",
        "one\ntoo\nthree four\n",
        "Line 2, character 2: 'wo\\nthree fou' instead of 'oo\\nthree fou'.",
    ),
    ("abc" * 9, "abc" * 9 + "de", "'de' at the end is missing."),
    ("abc" * 9 + "de", "abc" * 9, "'de' at the end is too much."),
    (0.1 + 0.2, 0.3, "They differ by 5.6e-17 only, as rounding does."),
    ({"k": LONG}, {"k": LONG, "m": 1}, "Missing keys: 'm'."),
    ({"k": LONG, "m": 1}, {"k": LONG, "n": 1}, "Missing keys: 'n'."),
    ({"k": LONG}, {"k": LONG[1:]}, "At ['k'][0]: 0 instead of 1."),
    (set(LONG), set(LONG) - {1, 2, 3, 4, 5}, "Unexpected items: 1, 2, 3, …."),
    (np.arange(50), np.arange(49), "The shape is (50,) instead of (49,)."),
    (np.arange(50), np.arange(50).astype(float), "The dtype is int64 instead of float64."),
    (np.zeros((9, 9)), np.eye(9), "9 of 81 items differ, first at [0, 0]: 0.0 instead of 1.0."),
    (TABLE, TABLE[["b", "a"]], "Columns ['a', 'b'] instead of ['b', 'a']."),
    (TABLE, TABLE.iloc[:1], "Index ['x', 'y'] instead of ['x']."),
    (TABLE, TABLE.assign(b=[1.0, 5.0]), "At ['b']: Row 'y': 2.0 instead of 5.0."),
    (TABLE, TABLE.astype({"a": "float64"}), "At ['a']: The dtype is int64 instead of float64."),
    (TABLE["a"], TABLE["a"] + 1, "Row 'x': 1 instead of 2."),
]


@pytest.mark.parametrize(("actual", "expected", "said"), DIFFERS)
def test_the_first_difference(actual: Any, expected: Any, said: str | None) -> None:
    assert difference(actual, expected) == said


@pytest.mark.parametrize("value", [1, "a", LONG, {"a": LONG}, np.arange(50), TABLE, float("nan"), (), set()])
def test_equal_values_do_not_differ(value: Any) -> None:
    assert same(value, value)
    assert difference(value, value) is None


def test_long_values_are_cut_and_never_made_whole() -> None:
    class Heavy:
        def __repr__(self) -> str:
            raise AssertionError("looked at")

    assert shown("x" * (MAX_SHOWN - 2)) == repr("x" * (MAX_SHOWN - 2))
    assert len(shown("x" * 10**6)) == MAX_SHOWN
    assert shown([*range(1000), Heavy()]).endswith("…")
    assert len(shown({n: [n] for n in range(1000)})) == MAX_SHOWN


def test_what_holds_itself_is_shown() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    assert len(shown(endless)) < MAX_SHOWN
    assert difference(endless, [1, [1, [1, LONG]]]) == "At [1][1][1][0]: 1 instead of 0."


@pytest.mark.parametrize(
    ("value", "text"),
    [((), "()"), ((1,), "(1,)"), ({1}, "{1}"), (frozenset({1}), "frozenset({1})"), (set(), "set()"), (int, "int")],
)
def test_shown_like_python(value: Any, text: str) -> None:
    assert shown(value) == text
