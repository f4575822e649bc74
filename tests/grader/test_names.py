"""Names of cells, read from their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from nbcoach_grader.engine.names import bound_names, made_names, needed_names, plain_python

NEEDED: dict[str, set[str]] = {
    "x = 1": set(),
    "x = x + 1": {"x"},
    "x += 1": {"x"},
    "x = 1\nx += y": {"y"},
    "for i in range(3):\n    print(i, n)": {"n"},
    "[q for q in w]": {"w"},
    "def f(a, b=c):\n    d = a + e\n    return d": {"c", "e"},
    "def f():\n    return f()": set(),
    "class A(B):\n    z = k": {"B", "k"},
    "lambda a: a + b": {"b"},
    "import m\nm.x": set(),
    "del gone": {"gone"},
    "%matplotlib inline\nplt.plot()": {"plt"},
    "def (": set(),
    "def f():\n    def g(a):\n        return a + b\n    return g": {"b"},
    "lambda a=q: [a for w in (lambda v: v + r)(a)]": {"q", "r"},
}


@pytest.mark.parametrize("source", NEEDED)
def test_needed_names(source: str) -> None:
    assert needed_names(source) - {"get_ipython"} == NEEDED[source]


_DEAR = {
    "calls": "y = x" + "()" * 1500,
    "sums": "y = x" + " + 1" * 2500,
    "branches": "if x: pass\n" + "elif 0: pass\n" * 900,
    "functions": "y = " + "lambda: " * 1500 + "x",
    "signs": "y = x\n" + ";" * 10_000,
    "lines": "y = x\n" + "\n" * 45_000 + "y = (",
    "quotes": "y = x\n" + ";a b\n" * 2000,
    "defaults": "y = " + "lambda a=" * 180 + "x" + ": 1" * 180,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", _DEAR)
def test_whatever_stands_in_a_cell_is_read_soon(name: str) -> None:
    for number in range(10):  # what was read before is remembered
        source = f"{_DEAR[name]}\nz = {number}\n"
        assert needed_names(source) <= {"x"}
        assert bound_names(source) <= {"y", "z"}


def test_deep_cells_are_read_too() -> None:
    assert all(needed_names(_DEAR[name]) == {"x"} for name in ("calls", "sums", "branches", "functions", "defaults"))


MADE: dict[str, set[str]] = {
    "import a.b, c as d\nfrom e import f": {"a", "d", "f"},
    "with open('x') as g:\n    h = 1": {"g", "h"},
    "def k():\n    inner = 1": {"k"},
}


@pytest.mark.parametrize("source", MADE)
def test_made_names(source: str) -> None:
    assert made_names(source) == MADE[source]


_PLAIN = ["x = 1", "\n", "\n\n", "def f(n):", "    return n", "  ", "# c", "'''", "a, b", "@d", "await x", "{", "}"]
_MAGIC = ["%t", "!ls", "?", ";x", ",x", "/x", "[1]: ", "..", "..:", "In [1]: x", ">>> x"]
_SPACE = ["\t", "\\", "\r\n", "\r", "\x0c", "\u2028"]
_FRAGMENTS = st.sampled_from([*_PLAIN, *_MAGIC, *_SPACE])


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(st.lists(_FRAGMENTS, max_size=8).map("".join))
def test_magics_are_read_as_ipython_reads_them(source: str) -> None:
    assert plain_python(source) == TransformerManager().transform_cell(source)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("source", ["if x:\n        a\n    b\n!ls\n", ";" * 501, "\0%a"])
def test_what_ipython_cannot_read_stays_as_it_is(source: str) -> None:
    assert isinstance(plain_python(source), str)
    assert needed_names(source) == set()
