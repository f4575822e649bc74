"""Identities of arrays that cross a line more than once."""

from __future__ import annotations

import numpy as np
import pytest

from nbcoach_grader.engine.identities import Identities
from nbcoach_grader.errors import Undecodable


def test_an_array_keeps_its_number_while_it_lives() -> None:
    here = Identities()
    first, second = np.zeros(3), np.zeros(3)
    assert here.number(first) == here.number(first) != here.number(second)
    numbers = {here.number(np.zeros(3)) for _ in range(5)}
    assert len(numbers) == 5
    assert len(here._sent) == 2


@pytest.mark.parametrize(
    ("came", "again"),
    [
        (np.arange(3), True),
        (np.array([0, 1, 9]), False),
        (np.arange(3.0), False),
        (np.arange(3).reshape(3, 1), False),
    ],
    ids=["the same", "changed", "another dtype", "another shape"],
)
def test_an_array_that_came_before_is_that_one_if_it_holds_the_same(came: np.ndarray, again: bool) -> None:
    here = Identities()
    held = here.met(7, np.arange(3))
    assert (here.met(7, came) is held) is again
    assert here.met(8, np.arange(3)) is not held


def test_what_nobody_holds_is_forgotten() -> None:
    here = Identities()
    here.met(7, np.arange(3))
    assert not here._met


@pytest.mark.parametrize("number", [True, 1.0, "1", None, [1]])
def test_only_a_number_is_one(number: object) -> None:
    with pytest.raises(Undecodable):
        Identities().met(number, np.arange(3))
