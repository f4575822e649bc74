"""Whether calls of functions leave something behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbcoach_grader.engine.steadiness import data, leaves_nothing, small, steady


def names(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": "__main__"}
    exec(source, found)
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(n):\n    return [i * i for i in range(n)]", True),
        ("import numpy as np\ndef f(v):\n    return np.sqrt(v).mean()", True),
        ("import pandas as pd\nframe = pd.DataFrame({'a': [1]})\ndef f(t):\n    return t.dropna()", True),
        ("RATE = 0.2\ndef g(n): return n\ndef f(n):\n    return g(n) * RATE", True),
        ("seen = []\ndef f(n):\n    seen.append(n)", False),
        ("def f(n, seen=[]):\n    seen.append(n)", False),
        ("count = 0\ndef f():\n    global count\n    count += 1", False),
        ("def f():\n    f.count = 1", False),
        ("def make():\n    n = [0]\n    def f(): n[0] += 1\n    return f\nf = make()", False),
        ("import functools\n@functools.lru_cache\ndef f(n): return n", False),
        ("import numpy as np\ndef f(): return np.random.rand()", False),
        ("import random\ndef f(): return random.random()", False),
        ("class Stack:\n    pass", False),
        ("numbers = iter([1, 2])", False),
        ("def f(): exec('x = 1')", False),
        ("def f(name): open(name, 'w')", False),
        ("import os\ndef f(): os.remove('x')", False),
    ],
)
def test_names_are_steady_or_not(source: str, expected: bool) -> None:
    assert steady(names(source)) is expected


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("assert f(3) == [0, 1, 4]", True),
        ("import numpy as np\nassert np.allclose(f(2), [0, 1])", True),
        ("total = 0\nfor i in f(3):\n    total += i\nassert total == 5", True),
        ("table['x'] = 1\nassert f(table)", True),
        ("import unittest.mock", False),
        ("import random\nrandom.seed(1)", False),
        ("np.random.seed(1)", False),
        ("global x\nx = 1", False),
        ("np.pi = 3", False),
        ("def g():\n    global x\n    x = 1\ng()", False),
        ("exec('x = 1')", False),
        ("kept.add(f(1))", False),
    ],
)
def test_checks_leave_something_or_not(check: str, expected: bool) -> None:
    kept = type("Kept", (), {"add": print})()
    own = {"np": np, "table": pd.DataFrame({"a": [1]}), "kept": kept}
    assert leaves_nothing(compile(check, "<check>", "exec"), own) is expected


def test_data_is_copied_where_it_is_small() -> None:
    own = {"a": [1, "x"], "b": np.zeros(10), "c": 1, "d": pd.Series([1.0]), "f": print, "g": {"x": None}}
    assert data(own) == ("a", "b", "d", "g")
    assert all(small(own[name]) for name in data(own))
    assert not any(map(small, ([[]], list(range(20_000)), np.zeros(200_000), np.array([[]], dtype=object), {1: []})))
