"""Write-back: the caller's own argument comes to hold what the called function left, and stays the same object."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbcoach_grader.engine.writeback import write_back

CASES: dict[str, tuple[Any, Any]] = {
    "same": ([1, 2], [1, 2]),
    "longer": ([1], [1, 2, 3]),
    "shorter": ([1, 2, 3], [3]),
    "emptied": ([1, 2], []),
    "filled": ([], [1, 2]),
    "sorted": ([3, 1, 2], [1, 2, 3]),
    "nested": ([[1], {"a": [2]}], [[1, 9], {"a": [2, 9], "b": 1}]),
    "of another kind inside": ([[1], 2], [(1,), [2]]),
    "order of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "keys removed": ({"a": 1, "b": 2}, {"b": 3}),
    "dict emptied": ({"a": 1}, {}),
    "set": ({1, 2}, {2, 3}),
    "set emptied": ({1}, set()),
    "bytearray": (bytearray(b"abc"), bytearray(b"z")),
    "tuples inside": ([(1, [2])], [(1, [2, 3])]),
    "frozen": ([frozenset({1})], [frozenset({2})]),
}


@pytest.mark.parametrize(("before", "after"), [pytest.param(*case, id=name) for name, case in CASES.items()])
def test_argument_holds_what_the_function_left(before: Any, after: Any) -> None:
    mine, left = copy.deepcopy(before), copy.deepcopy(after)
    write_back(mine, left)
    assert mine == after
    assert left == after
    if type(before) is dict:
        assert list(mine) == list(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [([1], (2,)), ({1}, [1]), ({}, []), ([1], None), (bytearray(b"a"), b"b"), (np.zeros(2), [1, 1])],
)
def test_another_kind_is_left_alone(before: Any, after: Any) -> None:
    was = copy.deepcopy(before)
    write_back(before, after)
    assert np.array_equal(before, was) if isinstance(before, np.ndarray) else before == was


def test_inner_containers_keep_their_identity() -> None:
    inner, mapping, numbers, array = [1], {"k": [1]}, {1}, np.zeros(2)
    deepest = mapping["k"]
    outer = [inner, mapping, numbers, array]
    write_back(outer, [[1, 2], {"k": [5], "n": 0}, {7}, np.ones(2)])
    assert outer[0] is inner == [1, 2]
    assert outer[1] is mapping == {"k": [5], "n": 0}
    assert mapping["k"] is deepest
    assert outer[2] is numbers == {7}
    assert outer[3] is array
    assert array.tolist() == [1.0, 1.0]


def test_array_changes_in_place() -> None:
    whole = np.arange(6.0).reshape(2, 3)
    view = whole[0]
    write_back(whole, np.full((2, 3), 7.0))
    assert view.tolist() == [7.0, 7.0, 7.0]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_array_of_few_items(shape: tuple[int, ...]) -> None:
    mine = np.zeros(shape)
    write_back(mine, np.ones(shape))
    assert np.array_equal(mine, np.ones(shape))


def test_array_of_another_shape_is_left_alone() -> None:
    mine = np.zeros(2)
    write_back(mine, np.ones((1, 2)))
    assert mine.tolist() == [0.0, 0.0]


def test_array_that_cannot_be_written_is_left_alone() -> None:
    mine = np.zeros(2)
    mine.flags.writeable = False
    write_back(mine, np.ones(2))
    assert mine.tolist() == [0.0, 0.0]


def test_series_changes_in_place() -> None:
    mine = pd.Series([1, 2, 3], name="a")
    write_back(mine, pd.Series([3.5, 1.0], index=["x", "y"], name="a"))
    pd.testing.assert_series_equal(mine, pd.Series([3.5, 1.0], index=["x", "y"], name="a"))


@pytest.mark.parametrize(
    "after",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        pd.DataFrame({"a": [9]}),
        pd.DataFrame({"c": [1.5, 2.5, 3.5]}, index=["p", "q", "r"]),
        pd.DataFrame(),
        pd.DataFrame({"a": [1, 2]}),
    ],
    ids=["column added", "row dropped", "all other", "emptied", "same"],
)
def test_table_changes_in_place(after: pd.DataFrame) -> None:
    mine = pd.DataFrame({"a": [1, 2]})
    write_back(mine, after.copy())
    pd.testing.assert_frame_equal(mine, after)
