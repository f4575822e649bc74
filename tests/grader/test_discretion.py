"""Which code can keep nothing of what it is given, and that it is judged like any other."""

from __future__ import annotations

import dataclasses

import pytest
from grader_plans import messages, plan, verdicts

from nbcoach_grader.engine.discretion import discreet
from nbcoach_grader.engine.engine import Engine

LIBRARIES = "import numpy as np\nimport pandas as pd\nimport os"
TESTS = "assert f(1)\n### BEGIN HIDDEN TESTS\nassert f(2)\n### END HIDDEN TESTS"


@pytest.mark.parametrize(
    "source",
    [
        "def f(n):\n    return n + 1",
        "def f(words):\n    seen = {}\n    for w in words:\n        seen[w.lower()] = seen.get(w.lower(), 0) + 1\n    return sorted(seen.items(), key=lambda p: -p[1])",
        "from math import sqrt\nimport statistics as st\ndef f(xs):\n    return sqrt(st.mean(xs))",
        "from collections import Counter\ndef f(s):\n    return Counter(s).most_common(1)[0][0]",
        "def f(a):\n    return np.where(a > 0, a, 0).sum(axis=0) / np.linalg.norm(a)",
        "def f(df):\n    return df[df['x'] > 1].groupby('y')['x'].mean().reset_index()",
        "table = pd.DataFrame({'x': [1, 2]})\ntable['y'] = table['x'] * 2\nprint(table.head())",
        "def f(n):\n    if n < 0:\n        raise ValueError(f'{n!r} is negative')\n    try:\n        return 1 / n\n    except ZeroDivisionError as err:\n        return str(err)",
        "def f(xs):\n    match xs:\n        case [first, *rest]:\n            return first\n        case {'a': a, **others}:\n            return a\n        case _:\n            return None",
        "def f(n):\n    @lru_cache\n    def g(k):\n        return k if k < 2 else g(k - 1) + g(k - 2)\n    return g(n)\nfrom functools import lru_cache",
        "_ = [x for x in range(3)]\nf = lambda n: [n for _ in range(n)]",
    ],
)
def test_discreet(source: str) -> None:
    given = dataclasses.replace(plan(LIBRARIES, source, tests=TESTS), head=1)
    assert discreet(given)


STACK = "class Stack:\n    def __init__(self):\n        self._items = []\n        super().__init__()\n    def push(self, x):\n        self._items.append(x)\n    def __len__(self):\n        return len(self._items)\ndef f(n):\n    s = Stack()\n    s.push(n)\n    return s"


def test_own_attributes_are_discreet_where_no_library_has_any_of_that_name() -> None:
    assert discreet(plan(STACK, tests=TESTS))
    assert not discreet(plan(STACK, tests="import numpy as np\n" + TESTS, solution=STACK))
    assert not discreet(dataclasses.replace(plan(LIBRARIES, STACK, tests=TESTS), head=1))


@pytest.mark.parametrize(
    "source",
    [
        "def f(n):\n    open('kept', 'a').write(str(n))",
        "def f(open):\n    return 1\nopen('kept', 'w')",
        "import os\ndef f(n):\n    return n",
        "import os.path",
        "import collections.abc",
        "from os import *",
        "from . import math",
        "def f(n):\n    os.mkdir(str(n))",
        "eval('1')",
        "exec('1')",
        "def f(n):\n    return getattr(n, 'real')",
        "def f(n):\n    return f.__globals__",
        "def f(n):\n    return ().__class__.__base__.__subclasses__()",
        "def f(n):\n    return __builtins__",
        "def f(n):\n    return __import__('os')",
        "def f(n):\n    return (x for x in n).gi_frame.f_builtins",
        "def f(n):\n    match (x for x in n):\n        case object(gi_frame=frame):\n            return frame",
        "class A:\n    __match_args__ = ('gi_frame',)",
        "class A:\n    gi_frame = 1\ndef f(n):\n    return (x for x in n).gi_frame",
        "class A:\n    def __getattr__(self, name):\n        return 1",
        "class A:\n    def __reduce__(self):\n        return print, ()",
        "class A(metaclass=type):\n    pass",
        "class A:\n    def to_csv(self):\n        pass\ndef f(df):\n    df.to_csv('kept')",
        "def f(df):\n    df.to_csv('kept')",
        "def f(df):\n    return df.agg('to_csv')",
        "def f(df):\n    return df.apply('to_csv')",
        "def f(df):\n    return df.query('@pd.io')",
        "def f(df):\n    return df.to_string('kept')",
        "def f(a):\n    a.tofile('kept')",
        "def f(a):\n    np.save('kept', a)",
        "def f(a):\n    return np.memmap('kept')",
        "def f(a):\n    return np.lib",
        "def f(a):\n    return np.ctypeslib",
        "def f(a):\n    return np.linalg",
        "def f(a):\n    x = np\n    return x",
        "def f(np):\n    return 1",
        "def f(a):\n    return [np]",
        "np = 1",
        "import random\nrandom._os.mkdir('kept')",
        "import statistics\nstatistics.sys",
        "import re\nre.enum",
        "import string\nstring.Formatter().get_field('0', (1,), {})",
        "import operator\noperator.attrgetter('a')",
        "import typing\ntyping.get_type_hints(1)",
        "import sys",
        "import subprocess",
        "!touch kept",
        "%time f(1)",
        "get_ipython().system('ls')",
        "def f(n):\n    return Out",
        "def f(n):\n    return unknown",
        "async def f(n):\n    return n",
        "input()",
        "def f(n:",
        "x = 1\0",
        "f = " + "-" * 100_000 + "1",
    ],
)
def test_not_discreet(source: str) -> None:
    assert not discreet(dataclasses.replace(plan(LIBRARIES, source, tests=TESTS, solution="f = 1"), head=1))


@pytest.mark.parametrize(
    ("author", "learner", "expected"),
    [
        ("data = pd.read_csv('x.csv')", "y = data['x'].sum()", True),
        ("def keep(x):\n    open('kept', 'w').write(x)", "def f(n):\n    keep(n)", False),
        ("def keep(x):\n    open('kept', 'w').write(x)\ndef g(x):\n    keep(x)", "def f(n):\n    g(n)", False),
        ("def keep(x):\n    open('kept', 'w').write(x)", "def f(n):\n    return n", True),
        ("import logging as log", "def f(n):\n    log.warning(n)", False),
        ("import matplotlib.pyplot as plt", "def f(n):\n    plt.savefig(n)", False),
    ],
)
def test_what_the_author_gives(author: str, learner: str, expected: bool) -> None:
    given = dataclasses.replace(plan("import pandas as pd", author, learner, tests=TESTS, solution="f = y = 1"), head=2)
    assert discreet(given) is expected


ANSWERS = [
    ("def f(n):\n    return n + 1", ["passed", "passed"]),
    ("def f(n):\n    return 0", ["failed", "failed"]),
    ("def f(n):\n    return n == 1", ["passed", "failed"]),
    ("def f(n):\n    return n == 2", ["failed", "passed"]),
    ("def f(n):\n    return 1 / 0", ["error", "error"]),
    ("def f(n):\n    while n == 2:\n        pass\n    return n", ["passed", "timeout"]),
    ("def f(n):\n    while n == 1:\n        pass\n    return n", ["timeout", "timeout"]),
    ("x = 1", ["error", "error"]),
]
SPLIT = "### CHECK: one\nassert f(1)\n### BEGIN HIDDEN TESTS\n### CHECK: two\nassert f(2)\n### END HIDDEN TESTS"


@pytest.mark.parametrize(("source", "expected"), ANSWERS)
async def test_one_line_decides_as_two_do(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, source: str, expected: list[str]
) -> None:
    given = plan(source, tests=SPLIT, solution="def f(n):\n    return n")
    assert discreet(given)
    monkeypatch.setattr(Engine, "_crowded", lambda _: True)
    alone = await engine.run(given)
    monkeypatch.setattr(Engine, "_crowded", lambda _: False)
    beside = await engine.run(dataclasses.replace(given, learner="eve"))
    assert verdicts(alone) == verdicts(beside) == expected
    assert messages(alone) == messages(beside)
    assert messages(alone)[1] is None


async def test_discreet_code_needs_one_box_in_a_crowd(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "_crowded", lambda _: True)
    await engine.run(plan("def f(n):\n    return n", tests=SPLIT, learner="one"))
    await engine.run(plan("def f(n):\n    open('x', 'w')\n    return n", tests=SPLIT, learner="two"))
    boxes = {name.partition("\0")[0]: len(pair.places()) for name, pair in engine._pairs.items()}
    assert (boxes["one"], boxes["two"]) == (1, 2)
