"""What the judge decides on ordinary work: one learner cell, one test cell, through the real engine."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest

from nbcoach_exercises.model import Check, DataFile, Limits, TestCell
from nbcoach_exercises.verdicts import Verdict
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.names import bound_names
from nbcoach_grader.engine.plan import CheckReport, Outcome, Plan, PlannedCell, Stop

IMPORTS = ("numpy", "pandas")


def make_plan(
    cells: str | Sequence[str],
    test: str | Sequence[str],
    *,
    learner: str = "anna",
    exercise: str = "",
    hidden: bool = False,
    preamble: str = "",
    locked: Sequence[str] = (),
    reference: str | None = None,
    seconds: float = 2.0,
    memory_mb: int = 512,
    files: tuple[DataFile, ...] = (),
) -> Plan:
    """Return a plan; without a reference solution the learner's own code is taken for one."""
    cells, checks = ([text] if isinstance(text, str) else list(text) for text in (cells, test))
    author = (*locked, *(cells if reference is None else [reference]))
    digest = hashlib.sha256(repr((author, preamble, checks)).encode()).hexdigest()[:12]
    judged = TestCell(
        grade_id="test",
        points=1.0,
        preamble=preamble,
        checks=tuple(
            Check(id=f"test.{number}", name="check", points=1.0, hidden=hidden, source=source)
            for number, source in enumerate(checks)
        ),
    )
    return Plan(
        learner=learner,
        exercise=exercise or f"exercise-{digest}",
        version=digest,
        imports=IMPORTS,
        cells=tuple(PlannedCell(id=f"cell{number}", source=source) for number, source in enumerate(cells)),
        sources=(*author, preamble, *checks),
        answers=frozenset().union(*map(bound_names, author)),
        stops=(Stop(after=len(cells), locked=tuple(locked), tests=(judged,)),),
        limits=Limits(seconds=seconds, memory_mb=memory_mb),
        files=files,
    )


async def settled(engine: Engine, plan: Plan) -> Outcome:
    """Run a plan, and wait until the engine has prepared itself for the next one."""
    outcome = await engine.run(plan)
    await asyncio.gather(*engine._preparing)
    return outcome


def only_check(outcome: Outcome) -> CheckReport:
    """Return the report on the only check."""
    (test,) = outcome.tests
    (check,) = test.checks
    return check


VECTOR = """
class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y
    @property
    def length(self):
        return (self.x ** 2 + self.y ** 2) ** 0.5
    @classmethod
    def unit(cls):
        return cls(1, 0)
    @staticmethod
    def zero():
        return Vector(0, 0)
    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)
    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor)
    __rmul__ = __mul__
    def __neg__(self):
        return Vector(-self.x, -self.y)
    def __eq__(self, other):
        return isinstance(other, Vector) and (self.x, self.y) == (other.x, other.y)
    def __hash__(self):
        return hash((self.x, self.y))
    def __lt__(self, other):
        return self.length < other.length
    def __repr__(self):
        return f"Vector({self.x}, {self.y})"
    def __len__(self):
        return 2
    def __getitem__(self, index):
        return (self.x, self.y)[index]
    def __iter__(self):
        return iter((self.x, self.y))
"""

STACK = """
class EmptyStack(Exception):
    def __init__(self, name):
        super().__init__(f"{name} is empty")
        self.name = name
class Stack:
    def __init__(self, name="stack"):
        self.name, self.items = name, []
    def push(self, item):
        self.items.append(item)
        return self
    def pop(self):
        if not self.items:
            raise EmptyStack(self.name)
        return self.items.pop()
    def __enter__(self):
        return self
    def __exit__(self, *failure):
        self.items.clear()
        return False
"""

SQUARES = """
def squares(n):
    if n < 1:
        raise ValueError("n must be at least 1")
    return [i ** 2 for i in range(1, n + 1)]
def sum_of_squares(n):
    return sum(squares(n))
"""

PASSES = {
    "function": ("def f(a, b=2, *rest, **more): return a + b + sum(rest)", "assert f(1) == 3\nassert f(1, 2, 3) == 6"),
    "keyword arguments": ("def f(a, *, b): return [a, b]", "assert f(1, b=2) == [1, 2]"),
    "variable": ("x = {'a': [1, (2, 3)], 'b': {4}}", "assert x == {'a': [1, (2, 3)], 'b': {4}}"),
    "lambda and closure": (
        "def adder(n):\n    return lambda x: x + n",
        "assert adder(2)(3) == 5\nassert [adder(n)(1) for n in range(3)] == [1, 2, 3]",
    ),
    "recursion": ("def fact(n): return 1 if n < 2 else n * fact(n - 1)", "assert fact(20) == 2432902008176640000"),
    "big integer": ("def p(n): return 2 ** n", "assert p(300) == 2 ** 300"),
    "generator": (
        "def count(n):\n    for i in range(n):\n        yield i",
        "import types\nassert list(count(3)) == [0, 1, 2]\ng = count(2)\nassert next(g) == 0\nassert next(g) == 1\n"
        "try:\n    next(g)\n    assert False\nexcept StopIteration:\n    pass",
    ),
    "generator send": (
        "def echo():\n    got = yield 'ready'\n    while True:\n        got = yield got * 2",
        "e = echo()\nassert next(e) == 'ready'\nassert e.send(4) == 8\ne.close()",
    ),
    "class": (
        VECTOR,
        "v = Vector(3, 4)\nassert v.x == 3\nassert v.length == 5.0\nassert isinstance(v, Vector)\n"
        "assert type(v) is Vector\nassert repr(v) == 'Vector(3, 4)'\nassert len(v) == 2\nassert list(v) == [3, 4]\n"
        "assert v[1] == 4",
    ),
    "operators between own objects": (
        VECTOR,
        "a, b = Vector(1, 2), Vector(3, 4)\nassert a + b == Vector(4, 6)\nassert a != b\nassert a < b\n"
        "assert (a * 2).x == 2\nassert (2 * a).y == 4\nassert -a == Vector(-1, -2)\nassert Vector.unit().x == 1\n"
        "assert Vector.zero() == Vector(0, 0)\nassert sorted([b, a])[0] == a",
    ),
    "attribute set by the test": (VECTOR, "v = Vector(1, 1)\nv.x = 5\nassert v.x == 5\nassert hasattr(v, 'y')"),
    "inheritance": (
        "class A:\n    def name(self): return 'a'\nclass B(A):\n    def name(self): return super().name() + 'b'",
        "assert issubclass(B, A)\nassert B().name() == 'ab'\nassert isinstance(B(), A)",
    ),
    "class made by the test": (
        "class Shape:\n    def area(self): raise NotImplementedError\n    def double(self): return 2 * self.area()\n"
        "def total(shapes): return sum(s.area() for s in shapes)",
        "class Square:\n    def __init__(self, a): self.a = a\n    def area(self): return self.a ** 2\n"
        "assert total([Square(2), Square(3)]) == 13",
    ),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass(order=True)\nclass P:\n    x: int\n    y: int = 0",
        "assert P(1) == P(1, 0)\nassert P(1) < P(2)\nassert P(4).x == 4\nassert repr(P(1)) == 'P(x=1, y=0)'",
    ),
    "enum": (
        "from enum import Enum\nclass Color(Enum):\n    RED = 1\n    BLUE = 2",
        "assert Color.RED.value == 1\nassert Color.BLUE.name == 'BLUE'\nassert len(list(Color)) == 2",
    ),
    "named tuple by fields": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef make(): return P(1, 2)",
        "p = make()\nassert p.x == 1\nassert p.y == 2\nassert tuple(p) == (1, 2)",
    ),
    "learner-defined exception": (
        STACK,
        "s = Stack('box').push(1)\nassert s.pop() == 1\ntry:\n    s.pop()\nexcept EmptyStack as err:\n"
        "    assert 'box is empty' in str(err)\nelse:\n    raise AssertionError('no exception')\n"
        "assert issubclass(EmptyStack, Exception)",
    ),
    "builtin exception": (
        SQUARES,
        "for n in (0, -1):\n    try:\n        squares(n)\n    except ValueError as err:\n"
        "        assert 'at least' in str(err)\n    else:\n        raise AssertionError('no ValueError')",
    ),
    "key error arguments": (
        "def f(): raise KeyError('k', 3)",
        "try:\n    f()\nexcept KeyError as err:\n    assert err.args == ('k', 3)\nelse:\n    assert False",
    ),
    "context manager": (STACK, "with Stack() as s:\n    s.push(3)\n    assert s.items == [3]\nassert s.items == []"),
    "callback": (
        "def apply(f, xs): return [f(x) for x in xs]",
        "assert apply(lambda x: x * 2, [1, 2]) == [2, 4]\nassert apply(str, [1]) == ['1']\n"
        "seen = []\napply(seen.append, [5, 6])\nassert seen == [5, 6]",
    ),
    "callback that raises": (
        "def safe(f):\n    try:\n        return f()\n    except ZeroDivisionError:\n        return 'caught'",
        "assert safe(lambda: 1 / 0) == 'caught'",
    ),
    "decorator": (
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def inner(*args): return f(f(*args))\n"
        "    return inner",
        "@twice\ndef plus(x): return x + 1\nassert plus(1) == 3",
    ),
    "list changed in place": (
        "def f(a):\n    a.append(4)\n    a.sort(reverse=True)",
        "a = [1, 2]\nb = a\nassert f(a) is None\nassert a == [4, 2, 1]\nassert b is a",
    ),
    "dict changed in place": (
        "def f(d):\n    d['b'] = 2\n    del d['a']",
        "d = {'a': 1}\nf(d)\nassert d == {'b': 2}",
    ),
    "array changed in place": (
        "def f(a): a *= 2",
        "import numpy as np\na = np.arange(4)\nf(a)\nassert a.tolist() == [0, 2, 4, 6]",
    ),
    "argument left alone": ("def f(a): return sorted(a)", "a = [2, 1]\nassert f(a) == [1, 2]\nassert a == [2, 1]"),
    "argument returned": (
        "def f(a):\n    a.append(1)\n    return a\ndef g(a): return list(a)",
        "a = []\nassert f(a) is a\nassert g(a) is not a\nassert f(a) == [1, 1]",
    ),
    "printed text": (
        "def greet(name): print('Hello', name)",
        "import io\nfrom contextlib import redirect_stdout\nout = io.StringIO()\nwith redirect_stdout(out):\n"
        "    greet('Ada')\nassert out.getvalue() == 'Hello Ada\\n'",
    ),
    "input replaced": (
        "def ask(): return int(input('n? ')) + 1",
        "import builtins\nfrom unittest.mock import patch\nwith patch('builtins.input', return_value='4'):\n"
        "    assert ask() == 5\nkept, builtins.input = builtins.input, lambda prompt='': '7'\ntry:\n"
        "    assert ask() == 8\nfinally:\n    builtins.input = kept",
    ),
    "seed of random": (
        "import random\ndef roll(): return [random.randint(1, 6) for _ in range(5)]",
        "import random\nrandom.seed(3)\nmine = [random.randint(1, 6) for _ in range(5)]\nrandom.seed(3)\n"
        "assert roll() == mine",
    ),
    "seed of numpy": (
        "import numpy as np\ndef draw(): return np.random.normal(size=3)",
        "import numpy as np\nnp.random.seed(1)\nmine = np.random.normal(size=3)\nnp.random.seed(1)\n"
        "np.testing.assert_allclose(draw(), mine)",
    ),
    "source": (
        "def f(a):\n    return [x for x in a]",
        "import inspect\nassert 'for x in a' in inspect.getsource(f)\nassert 'while' not in inspect.getsource(f)",
    ),
    "signature": (
        "def f(a, b=3, *c, d, **e): pass",
        "import inspect\ns = inspect.signature(f)\nassert list(s.parameters) == ['a', 'b', 'c', 'd', 'e']\n"
        "assert s.parameters['b'].default == 3\nassert inspect.isfunction(f)\nassert callable(f)",
    ),
    "docstring and name": (
        "def f():\n    'Does it.'\nclass C:\n    'A class.'",
        "assert f.__doc__ == 'Does it.'\nassert f.__name__ == 'f'\nassert C.__name__ == 'C'\nassert C.__doc__",
    ),
    "nbgrader: a function is taken away": (
        SQUARES,
        "orig = squares\ndel squares\ntry:\n    sum_of_squares(1)\nexcept NameError:\n    pass\nelse:\n"
        "    raise AssertionError('sum_of_squares does not use squares')\nfinally:\n    squares = orig\n"
        "assert sum_of_squares(3) == 14\nassert squares(2) == [1, 4]",
    ),
    "nbgrader: a function is replaced": (
        SQUARES,
        "orig = squares\nsquares = lambda n: [100]\ntry:\n    assert sum_of_squares(3) == 100\nfinally:\n"
        "    squares = orig\nassert sum_of_squares(3) == 14",
    ),
    "pyplot": (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2], [3, 4], label='a')\n"
        "ax.set_title('T')\nplt.xlabel('time')",
        "import matplotlib.pyplot as plt\nax = plt.gca()\nassert ax.get_title() == 'T'\n"
        "assert ax.get_xlabel() == 'time'\nassert len(ax.lines) == 1\n"
        "assert list(ax.lines[0].get_ydata()) == [3, 4]",
    ),
    "decimal, fraction, datetime": (
        "from decimal import Decimal\nfrom fractions import Fraction\nimport datetime\n"
        "def d(): return Decimal('1.10') + 1\ndef q(): return Fraction(1, 3) * 2\n"
        "def t(): return datetime.date(2024, 2, 28) + datetime.timedelta(days=2)",
        "from decimal import Decimal\nfrom fractions import Fraction\nimport datetime\nassert d() == Decimal('2.10')\n"
        "assert q() == Fraction(2, 3)\nassert t() == datetime.date(2024, 3, 1)\nassert isinstance(d(), Decimal)",
    ),
    "exact types": (
        "i, f, s, b, n = 1, 1.0, 'a', True, None",
        "assert type(i) is int\nassert type(f) is float\nassert isinstance(s, str)\nassert b is True\nassert n is None",
    ),
    "float": ("def mean(a): return sum(a) / len(a)", "import math\nassert math.isclose(mean([0.1, 0.2]), 0.15)"),
    "not a number": ("x = float('nan')", "import math\nassert math.isnan(x)"),
    "text": ("s = 'naïve – 漢字 🎉 \\ud800'", "assert s == 'naïve – 漢字 🎉 \\ud800'"),
    "bytes, set, complex, range": (
        "v = [b'a', bytearray(b'b'), {1}, frozenset({2}), 1j, range(3)]",
        "assert v == [b'a', bytearray(b'b'), {1}, frozenset({2}), 1j, range(3)]",
    ),
    "collections": (
        "from collections import Counter, defaultdict, OrderedDict, deque\nc = Counter('aab')\n"
        "d = defaultdict(list, a=[1])\no = OrderedDict(a=1)\nq = deque([1, 2], maxlen=2)",
        "assert c['a'] == 2\nassert c.most_common(1) == [('a', 2)]\nassert d == {'a': [1]}\nassert list(o) == ['a']\n"
        "assert q[0] == 1",
    ),
    "aliases": ("a = []\npair = [a, a]", "assert pair[0] is pair[1]"),
    "numpy testing": (
        "import numpy as np\ndef f(a): return a @ a.T",
        "import numpy as np\na = np.array([[1.0, 2], [3, 4]])\nnp.testing.assert_array_equal(f(a), a @ a.T)\n"
        "np.testing.assert_allclose(f(a), a @ a.T)\nassert f(a).shape == (2, 2)\nassert f(a).dtype == float",
    ),
    "numpy scalars": (
        "import numpy as np\nx = np.float64(2.5)\nn = np.arange(3).sum()",
        "import numpy as np\nassert x == 2.5\nassert n == 3\nassert isinstance(n, np.integer)",
    ),
    "numpy test calls a function of an array": (
        "def f(x): return x ** 2 + 1",
        "import numpy as np\nx = np.linspace(0, 1, 5)\nassert np.allclose(f(x), x ** 2 + 1)",
    ),
    "pandas testing": (
        "import pandas as pd\ndef f(d): return d.groupby('k', as_index=False)['v'].sum()",
        "import pandas as pd\nd = pd.DataFrame({'k': ['a', 'b', 'a'], 'v': [1, 2, 3]})\n"
        "pd.testing.assert_frame_equal(f(d), pd.DataFrame({'k': ['a', 'b'], 'v': [4, 2]}))\n"
        "pd.testing.assert_series_equal(f(d)['v'], pd.Series([4, 2], name='v'))",
    ),
    "table changed in place": (
        "def f(d): d['w'] = d['v'] * 2",
        "import pandas as pd\nd = pd.DataFrame({'v': [1, 2]})\nf(d)\nassert d['w'].tolist() == [2, 4]",
    ),
    "unittest": (
        SQUARES,
        "import unittest\nt = unittest.TestCase()\nt.assertEqual(squares(2), [1, 4])\n"
        "t.assertRaises(ValueError, squares, 0)\nwith t.assertRaises(ValueError):\n    squares(0)\n"
        "t.assertAlmostEqual(sum_of_squares(2), 5.0)\nt.assertIn(4, squares(2))\nt.assertListEqual(squares(1), [1])",
    ),
    "unittest case run by hand": (
        SQUARES,
        "import unittest, io\nclass T(unittest.TestCase):\n    def test_it(self):\n"
        "        self.assertEqual(squares(2), [1, 4])\n"
        "result = unittest.TextTestRunner(stream=io.StringIO()).run("
        "unittest.defaultTestLoader.loadTestsFromTestCase(T))\nassert result.wasSuccessful() and result.testsRun == 1",
    ),
    "warning": (
        "import warnings\ndef f():\n    warnings.warn('old')\n    return 1",
        "assert f() == 1",
    ),
    "own name for a builtin that the task asks for": ("def sum(a): return -1", "assert sum([1]) == -1"),
    "magic": ("%matplotlib inline\nx = 3", "assert x == 3"),
    "file of the learner": (
        "from pathlib import Path\nPath('n.txt').write_text('hi')\ndef read(): return Path('n.txt').read_text()",
        "assert read() == 'hi'",
    ),
    "iterator protocol": (
        "class Count:\n    def __init__(self, n): self.n = n\n    def __iter__(self): return iter(range(self.n))\n"
        "    def __contains__(self, x): return 0 <= x < self.n",
        "assert list(Count(3)) == [0, 1, 2]\nassert 2 in Count(3)\nassert 5 not in Count(3)\nassert sum(Count(4)) == 6",
    ),
}

OTHERS = {
    "wrong number": ("def f(): return 3", "assert f() == 4", Verdict.FAILED),
    "wrong type": ("def f(): return '4'", "assert f() == 4", Verdict.FAILED),
    "float for int": ("def f(): return 4.0", "assert type(f()) is int", Verdict.FAILED),
    "bool for int": ("def f(): return True", "assert type(f()) is int", Verdict.FAILED),
    "none": ("def f(): pass", "assert f() == 0", Verdict.FAILED),
    "wrong list": ("def f(): return [1, 2]", "assert f() == [1, 2, 3]", Verdict.FAILED),
    "copy not in place": ("def f(a): a = sorted(a)", "a = [2, 1]\nf(a)\nassert a == [1, 2]", Verdict.FAILED),
    "no exception": (
        "def f(n): return n",
        "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('no ValueError')",
        Verdict.FAILED,
    ),
    "other exception": ("def f(): raise KeyError(1)", "try:\n    f()\nexcept ValueError:\n    pass", Verdict.ERROR),
    "numpy differs": (
        "import numpy as np\nx = np.zeros(3)",
        "import numpy as np\nnp.testing.assert_allclose(x, [0, 0, 1])",
        Verdict.FAILED,
    ),
    "numpy shape": (
        "import numpy as np\nx = np.zeros(3)",
        "import numpy as np\nnp.testing.assert_array_equal(x, np.zeros(4))",
        Verdict.FAILED,
    ),
    "pandas differs": (
        "import pandas as pd\nd = pd.DataFrame({'a': [1.0]})",
        "import pandas as pd\npd.testing.assert_frame_equal(d, pd.DataFrame({'a': [1]}))",
        Verdict.FAILED,
    ),
    "unittest differs": ("x = 1", "import unittest\nunittest.TestCase().assertEqual(x, 2)", Verdict.FAILED),
    "assertion with a message": ("x = 1", "assert x == 2, 'x should be 2'", Verdict.FAILED),
    "printed nothing": (
        "def f(): return 'Hello'",
        "import io\nfrom contextlib import redirect_stdout\nout = io.StringIO()\nwith redirect_stdout(out):\n    f()\n"
        "assert out.getvalue() == 'Hello\\n'",
        Verdict.FAILED,
    ),
    "one of the own objects differs": (VECTOR, "assert Vector(1, 2) + Vector(1, 1) == Vector(2, 2)", Verdict.FAILED),
    "raises": ("def f(): return 1 / 0", "assert f() == 1", Verdict.ERROR),
    "name missing": ("x = 1", "assert y == 1", Verdict.ERROR),
    "attribute missing": (VECTOR, "assert Vector(1, 2).z == 1", Verdict.ERROR),
    "wrong arguments": ("def f(a): return a", "assert f(1, 2) == 1", Verdict.ERROR),
    "syntax error": ("def f(:\n    return 1", "assert f() == 1", Verdict.ERROR),
    "cell raised before it defined anything": ("1 / 0\ndef f(): return 1", "assert f() == 1", Verdict.ERROR),
    "not written": ("def f(): raise NotImplementedError", "assert f() == 1", Verdict.NOT_ATTEMPTED),
    "input without an answer": ("def f(): return input()", "assert f() == 'a'", Verdict.ERROR),
    "endless recursion": ("def f(): return f()", "assert f() == 1", Verdict.ERROR),
    "the author's syntax error": ("x = 1", "assert x ==", Verdict.GRADER_FAILED),
}


@pytest.mark.parametrize(("learner", "test"), PASSES.values(), ids=PASSES)
def test_right_work_passes(engine: Any, run: Any, learner: str, test: str) -> None:
    outcome = run(settled(engine, make_plan(learner, test)))
    check = only_check(outcome)
    assert check.verdict is Verdict.PASSED, (check.message, outcome.cells)


@pytest.mark.parametrize(("learner", "test", "verdict"), OTHERS.values(), ids=OTHERS)
def test_other_work_gets_its_verdict(engine: Any, run: Any, learner: str, test: str, verdict: Verdict) -> None:
    check = only_check(run(settled(engine, make_plan(learner, test))))
    assert (check.verdict, bool(check.message)) == (verdict, True), check.message


def test_message_tells_both_values(engine: Any, run: Any) -> None:
    check = only_check(run(settled(engine, make_plan("def f(a): return a + 1", "assert f(3) == 5"))))
    assert check.message == "f(3) is 4, expected 5"


def test_hidden_check_tells_nothing(engine: Any, run: Any) -> None:
    check = only_check(run(settled(engine, make_plan("x = 1", "assert x == 2, 'secret'", hidden=True))))
    assert (check.verdict, check.message, check.seconds) == (Verdict.FAILED, None, 0.0)


def test_later_checks_run_after_a_failed_one(engine: Any, run: Any) -> None:
    outcome = run(settled(engine, make_plan("a, b = 1, 2", ["assert a == 0", "assert b == 2"])))
    assert [check.verdict for check in outcome.tests[0].checks] == [Verdict.FAILED, Verdict.PASSED]


def test_checks_see_what_the_preamble_made(engine: Any, run: Any) -> None:
    plan = make_plan("def f(a): return a", ["assert f(data) == [1]", "assert data == [1]"], preamble="data = [1]")
    assert [check.verdict for check in run(settled(engine, plan)).tests[0].checks] == [Verdict.PASSED] * 2


def test_locked_names_are_the_authors_whatever_the_learner_binds(engine: Any, run: Any) -> None:
    locked = "def expected(n): return n * 2"
    plan = make_plan(
        ["def expected(n): return 0\ndef f(n): return expected(n)"],
        "assert f(2) == expected(2)",
        locked=[locked],
        reference="def f(n): return 2 * n",
    )
    assert only_check(run(settled(engine, plan))).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("last", "score", "verdict"),
    [
        ("2.5", 2.5, Verdict.PASSED),
        ("import numpy as np\nnp.float64(2.5)", 2.5, Verdict.PASSED),
        ("7", 7.0, Verdict.PASSED),
        ("False", None, Verdict.PASSED),
        ("'3'", None, Verdict.PASSED),
        ("x", 1.0, Verdict.PASSED),
        ("float('nan')", None, Verdict.GRADER_FAILED),
    ],
)
def test_last_expression_is_the_score(engine: Any, run: Any, last: str, score: float | None, verdict: Verdict) -> None:
    outcome = run(settled(engine, make_plan("x = 1", last)))
    assert (only_check(outcome).verdict, outcome.tests[0].score) == (verdict, score)
