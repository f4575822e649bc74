"""Which stops one process can stand for."""

from __future__ import annotations

import dataclasses

import pytest
from grader_plans import cell_of, plan

from nbcoach_grader.engine.groups import groups, only_defines
from nbcoach_grader.engine.plan import Plan, Stop

F, G = "def f(n):\n    return n + 1", "def g(n):\n    return n - 1"


def book(*parts: str | tuple[str]) -> Plan:
    """A notebook: texts are cells, a tuple of one text is a test cell that stands there."""
    cells = [part for part in parts if isinstance(part, str)]
    stops = []
    after = 0
    for part in parts:
        if isinstance(part, str):
            after += 1
        else:
            stops.append(Stop(after=after, locked=(), tests=(cell_of(part[0], f"t{len(stops)}"),)))
    return dataclasses.replace(plan(*cells), stops=tuple(stops))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([F, ("assert f(1) == 2",)], [(1, 1)]),
        ([F, ("assert f(1) == 2",), G, ("assert g(1) == 0",)], [(2, 2)]),
        ([F, ("assert f(1) == 2",), "x = [1, 2]", ("assert x",), "'''text'''", ("assert 1",)], [(3, 3)]),
        ([F, ("assert f(1) == 2",), "print(f(1))", ("assert 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "def f(n):\n    return 0", ("assert f(1) == 0",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "pass\n" * 20_000, ("assert 1",)], [(1, 1), (2, 1)]),
        (
            ["def f(n):\n    return h(n)", ("assert f(1)",), "def h(n):\n    return 1", ("assert h(1)",)],
            [(1, 1), (2, 1)],
        ),
        ([F, ("assert h",), "h = 1", ("assert h == 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert 'h' not in globals()",), "h = 1", ("assert h == 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "x = f(1)", ("assert x == 2",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "%matplotlib inline", ("assert 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "def g(x: print('x')): pass", ("assert 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "def g(x=f(1)): pass", ("assert 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "@f\ndef g(x): pass", ("assert 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "class A(f): pass", ("assert 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "class A:\n    x = f(1)", ("assert 1",)], [(1, 1), (2, 1)]),
        ([F, ("assert f(1) == 2",), "class A:\n    def g(self): pass", ("assert 1",)], [(2, 2)]),
        ([F, ("assert f(1) == 2",), "no python", ("assert 1",)], [(1, 1), (2, 1)]),
        (["eval('f')", ("assert 1",), F, ("assert f(1) == 2",)], [(1, 1), (2, 1)]),
        (["from math import *", ("assert 1",), F, ("assert f(1) == 2",)], [(1, 1), (2, 1)]),
        ([("assert 1",), F, ("assert f(1) == 2",), "# nothing more"], [(2, 2)]),
    ],
)
def test_stops_that_later_cells_cannot_touch_stand_together(
    parts: list[str | tuple[str]], expected: list[tuple[int, int]]
) -> None:
    assert [(after, len(stops)) for after, stops in groups(book(*parts))] == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [(F, True), ("x = 1\ny = (2, 'a')", True), ("x = f()", False), ("!ls", False), ("f?", False), ("\nx = 1", False)],
)
def test_cells_that_only_define(source: str, expected: bool) -> None:
    assert only_defines(source) is expected
