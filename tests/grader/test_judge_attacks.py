"""Hostile learner code: whatever it does, it does not pass, learns nothing, and harms nobody else."""

from __future__ import annotations

import time
from typing import Any

import pytest
from test_judge import make_plan, only_check, settled

from nbcoach_exercises.verdicts import Verdict

REFERENCE = "def answer(n):\n    return 42424242"
ARGUMENT = "7351987"
CHECKS = {
    "equal": f"assert answer({ARGUMENT}) == 42424242, 'MARKER'",
    "not unequal": f"result = answer({ARGUMENT})\nassert not (result != 42424242), 'MARKER'",
    "reflected": f"assert 42424242 == answer({ARGUMENT}), 'MARKER'",
    "between": f"result = answer({ARGUMENT})\nassert result > 42424241 and result < 42424243, 'MARKER'",
    "close": f"assert abs(answer({ARGUMENT}) - 42424242) < 1e-9, 'MARKER'",
    "isclose": f"import math\nassert math.isclose(answer({ARGUMENT}), 42424242), 'MARKER'",
    "in": f"assert 42424242 in answer({ARGUMENT}), 'MARKER'",
    "list": f"assert answer({ARGUMENT}) == [42424242, 42424243], 'MARKER'",
    "sorted": f"assert sorted(answer({ARGUMENT})) == [42424242, 42424243], 'MARKER'",
    "length": f"assert len(answer({ARGUMENT})) == 424242 and answer({ARGUMENT})[3] == 42424242, 'MARKER'",
    "text": f"assert str(answer({ARGUMENT})) == answer({ARGUMENT}) == 'MARKER42424242'",
    "type": f"result = answer({ARGUMENT})\nassert isinstance(result, int) and result == 42424242, 'MARKER'",
    "all": f"assert all(a == b for a, b in zip(answer({ARGUMENT}), [42424242], strict=True)), 'MARKER'",
    "unittest": f"import unittest\nunittest.TestCase().assertEqual(answer({ARGUMENT}), 42424242, 'MARKER')",
    "unittest list": f"import unittest\nunittest.TestCase().assertCountEqual(answer({ARGUMENT}), [42424242], 'MARKER')",
    "numpy": f"import numpy as np\nnp.testing.assert_array_equal(answer({ARGUMENT}), [42424242, 1], 'MARKER')",
    "allclose": f"import numpy as np\nassert np.allclose(answer({ARGUMENT}), [42424242, 1]), 'MARKER'",
    "pandas": (
        "import pandas as pd\n"
        f"pd.testing.assert_frame_equal(answer({ARGUMENT}), pd.DataFrame({{'MARKER': [42424242]}}))"
    ),
    "equals": f"import pandas as pd\nassert answer({ARGUMENT}).equals(pd.DataFrame({{'MARKER': [42424242]}}))",
    "raises": (
        f"try:\n    answer({ARGUMENT})\nexcept ValueError as err:\n    assert str(err) == 'MARKER42424242'\n"
        "else:\n    raise AssertionError('MARKER')"
    ),
}

LIAR = """
class Liar({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __hash__(self): return hash(42424242)
    def __sub__(self, other): return 0
    __rsub__ = __add__ = __radd__ = __sub__
    def __abs__(self): return 0
    def __bool__(self): return True
    def __contains__(self, other): return True
    def __len__(self): return 424242
    def __getitem__(self, key): return Liar()
    def __iter__(self): return iter([Liar(), Liar()])
    def __array__(self, *args, **kwargs):
        import numpy
        return numpy.array([Liar(), Liar()], dtype=object)
    def __array_ufunc__(self, *args, **kwargs): return True
    def __array_function__(self, *args, **kwargs): return True
    def equals(self, other): return True
    def __instancecheck__(self, other): return True
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Liar()
    def __call__(self, *args, **kwargs): return Liar()
    def __str__(self): return Text("")
    __repr__ = __str__
    @property
    def __class__(self): return int
class Text(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = str.__hash__
def answer(n):
    return Liar()
"""
LYING_RAISE = """
class Any(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
class Trick(ValueError):
    def __str__(self): return Any("x")
    def __eq__(self, other): return True
def answer(n):
    raise Trick(Any("x"))
"""
SUBCLASS = """
import numpy, pandas
class L(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
class I(int):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    __hash__ = int.__hash__
class S(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = str.__hash__
class A(numpy.ndarray):
    def __eq__(self, other): return True
    def __array_ufunc__(self, *args, **kwargs): return numpy.True_
    def __array_function__(self, *args, **kwargs): return True
class D(pandas.DataFrame):
    def __eq__(self, other): return True
    def equals(self, other): return True
    @property
    def _constructor(self): return D
def answer(n):
    return {value}
"""
LIES = {
    **{f"liar, {check}": (LIAR.format(base=""), check) for check in CHECKS if check != "raises"},
    "liar that is an int": (LIAR.format(base="int").replace("return Liar()\n", "return Liar(5)\n"), "type"),
    "exception": (LYING_RAISE, "raises"),
    **{f"list, {check}": (SUBCLASS.format(value="L([1, 2])"), check) for check in ("list", "all", "unittest list")},
    **{
        f"items, {check}": (SUBCLASS.format(value="[I(1), I(2)]"), check) for check in ("list", "numpy", "sorted", "in")
    },
    **{f"int, {check}": (SUBCLASS.format(value="I(5)"), check) for check in ("equal", "close", "type", "isclose")},
    **{f"str, {check}": (SUBCLASS.format(value="S('x')"), check) for check in ("text", "equal")},
    **{
        f"array, {check}": (SUBCLASS.format(value="numpy.zeros(2).view(A)"), check)
        for check in ("numpy", "allclose", "all")
    },
    **{f"table, {check}": (SUBCLASS.format(value="D({'a': [1]})"), check) for check in ("pandas", "equals")},
    "objects in an array": (
        LIAR.format(base="") + "import numpy\ndef answer(n): return numpy.array([Liar(), Liar()], dtype=object)",
        "numpy",
    ),
    "objects in a table": (
        LIAR.format(base="") + "import pandas\ndef answer(n): return pandas.DataFrame({'MARKER': [Liar()]})",
        "pandas",
    ),
    "metaclass": (
        "class M(type):\n    def __eq__(self, other): return True\n    __hash__ = type.__hash__\n"
        "    def __instancecheck__(self, x): return True\nclass answer(metaclass=M):\n    def __init__(self, n): pass",
        "equal",
    ),
    "mock": ("from unittest.mock import ANY, MagicMock\nanswer = MagicMock(return_value=ANY)", "equal"),
    "not implemented": ("def answer(n): return NotImplemented", "equal"),
    "nothing": ("def answer(n): return None", "close"),
}

CLIMB = """
import gc, sys
def look(thing, depth=0, seen=set()):
    if depth > 3 or id(thing) in seen:
        return
    seen.add(id(thing))
    print(repr(thing)[:2000])
    for name in ("__globals__", "__code__", "__closure__", "__self__", "__func__", "__dict__", "__builtins__",
                 "co_consts", "f_back", "f_locals", "f_globals", "f_code", "gi_frame", "tb_frame", "__traceback__"):
        try:
            found = getattr(thing, name)
        except BaseException:
            continue
        look(found, depth + 1)
def answer(n):
    frame = sys._getframe()
    while frame is not None:
        print(frame.f_locals, frame.f_globals, frame.f_code.co_consts)
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, (str, dict, tuple)) and "".join(("MARK", "ER")) in repr(thing):
            print(thing)
    import inspect, linecache, IPython
    print(linecache.cache, In, Out, [str(f) for f in inspect.stack()])
    return 1
answer(1)
"""
PATCH = """
import builtins, math, operator, sys, types, unittest, unittest.mock, io
import numpy, numpy.testing, pandas, pandas.testing
yes = lambda *args, **kwargs: True
for owner in (unittest.TestCase, numpy.testing, pandas.testing, math, operator):
    for name in dir(owner):
        if not name.startswith("_"):
            try:
                setattr(owner, name, yes)
            except Exception:
                pass
numpy.allclose = numpy.isclose = numpy.array_equal = yes
for name in ("numpy.testing", "pandas.testing", "math", "unittest", "numpy"):
    sys.modules[name] = type(sys)("fake")
for name in ("abs", "all", "any", "isinstance", "len", "round", "sorted", "sum", "type", "AssertionError", "zip"):
    setattr(builtins, name, yes)
    globals()[name] = yes
def answer(n):
    return 1
"""
FORGE = """
import os, struct
def forge():
    import msgpack
    passed = {"cells": [{"id": "test", "score": 1.0,
                         "checks": [{"id": "test.0", "verdict": "passed", "message": None, "seconds": 0.1}]}]}
    frames = [passed, [0, 42424242, ""], [0, ["found", 42424242], ""], [0, [2, 42424242, [1]], ""],
              {"ok": True, "pid": 1}, {"ready": True}]
    for fd in range(3, 31):
        for frame in frames:
            body = msgpack.packb(frame)
            try:
                os.set_blocking(fd, False)
                os.write(fd, struct.pack(">I", len(body)) + body)
            except OSError:
                pass
"""
IN_CELL = {
    "climbs frames and objects": CLIMB,
    "patches every helper": PATCH,
    "ends its process": "import os\nos._exit(0)",
    "sys.exit": "def answer(n): return 1\nimport sys\nsys.exit(0)",
    "keyboard interrupt": "def answer(n): return 1\nraise KeyboardInterrupt",
    "generator exit": "def answer(n): return 1\nraise GeneratorExit",
    "segmentation fault": "import ctypes\nctypes.string_at(0)",
    "forged frames": FORGE + "def answer(n): return 1\nforge()",
    "closes all descriptors": "import os\ndef answer(n): return 1\nos.closerange(3, 256)",
    "replaces all descriptors": (
        "import os\ndef answer(n): return 1\nnowhere = os.open('/dev/null', os.O_RDWR)\n"
        "for fd in range(3, 31):\n    os.dup2(nowhere, fd)"
    ),
    "reads all descriptors": (
        "import os\ndef answer(n): return 1\nfor fd in range(3, 31):\n    try:\n        os.set_blocking(fd, False)\n"
        "        print(os.read(fd, 65536))\n    except OSError:\n        pass"
    ),
    "deletes the answer": "def answer(n): return 42424242\ndel answer",
    "patches the peer": (
        "import sys\nfor name, module in list(sys.modules.items()):\n    if name.startswith('nbcoach'):\n"
        "        for part in list(vars(module).values()):\n            if isinstance(part, type):\n"
        "                for method in ('perform', '_serve_one', 'encode'):\n                    try:\n"
        "                        setattr(part, method, lambda *a, **k: 42424242)\n"
        "                    except Exception: pass\ndef answer(n): return 1"
    ),
    "registers hooks": (
        "import atexit, sys, ast\nget_ipython().input_transformers_cleanup.append(lambda lines: [])\n"
        "class T(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(T())\nsys.excepthook = print\natexit.register(print, 'bye')\n"
        "sys.setprofile(lambda *a: None)\ndef answer(n): return 1"
    ),
    "threads": (
        "import threading, time\ndef run():\n    while True:\n        time.sleep(0.01)\n"
        "for _ in range(20):\n    threading.Thread(target=run, daemon=True).start()\ndef answer(n): return 1"
    ),
    "endless output": "def answer(n): return 1\nwhile True:\n    print('x' * 10000)",
    "swallows every interruption": (
        "def answer(n): return 1\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "ignores signals": (
        "import signal\nfor number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_IGN)\ndef answer(n): return 1\nwhile True: pass"
    ),
}
IN_CALL = {
    "ends its process": "import os; os._exit(0)",
    "forks and ends": "import os\n    if os.fork(): os._exit(0)\n    return 1",
    "sys.exit": "import sys; sys.exit(0)",
    "system exit": "raise SystemExit(0)",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "generator exit": "raise GeneratorExit",
    "stop iteration": "raise StopIteration(42424242)",
    "assertion": "raise AssertionError('all is well')",
    "not implemented": "raise NotImplementedError",
    "memory error": "raise MemoryError",
    "skip": "import unittest; raise unittest.SkipTest('no need')",
    "base exception": "raise BaseException",
    "exception that cannot be shown": (
        "class E(Exception):\n        def __init__(self, a, b): pass\n        def __str__(self): raise E(1, 2)\n"
        "    raise E(1, 2)"
    ),
    "exception group": "raise BaseExceptionGroup('g', [KeyboardInterrupt()])",
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "forged frames": "forge()\n    return 1",
    "forged frames and end": "forge()\n    os._exit(0)",
    "closes all descriptors": "os.closerange(3, 256)\n    return 1",
    "endless recursion": "return answer(n)",
    "huge list": "return [0] * 30_000_000",
    "huge number": "return 10 ** 1_000_000",
    "huge text": "return 'x' * 100_000_000",
    "deep list": "a = []\n    for _ in range(100_000): a = [a]\n    return a",
    "list in itself": "a = []; a.append(a)\n    return a",
    "many objects": "return [object() for _ in range(150_000)]",
    "memory hog": "return [bytearray(2 ** 24) for _ in range(10 ** 6)]",
    "endless generator": "return iter(int, 1)",
    "prints much": "for _ in range(2000): print('x' * 10_000)\n    return 1",
    "endless loop": "while True: pass",
    "slow trickle": (
        "import time\n    for _ in range(10_000):\n        for fd in range(3, 31):\n            try:\n"
        "                os.write(fd, b'\\0')\n            except OSError:\n                pass\n"
        "        time.sleep(0.05)"
    ),
}


def judged(engine: Any, run: Any, learner: str, cells: str | list[str], check: str = "equal") -> tuple[Any, str]:
    """Judge hostile code and see that what must hold for every such thing holds."""
    plan = make_plan(cells, CHECKS[check], learner=learner, reference=REFERENCE, hidden=True, seconds=1.0)
    start = time.monotonic()
    outcome = run(settled(engine, plan))
    assert time.monotonic() - start < 15
    shown = repr(outcome)
    assert "MARKER" not in shown
    verdict = only_check(outcome).verdict
    assert verdict is not Verdict.PASSED
    return outcome, verdict


def honest_passes(engine: Any, run: Any) -> None:
    """See that another learner's right work passes."""
    plan = make_plan(REFERENCE, CHECKS["equal"], learner="honest", reference=REFERENCE, hidden=True, seconds=1.0)
    assert only_check(run(settled(engine, plan))).verdict is Verdict.PASSED


@pytest.mark.parametrize(("code", "check"), LIES.values(), ids=LIES)
def test_lying_values_do_not_pass(engine: Any, run: Any, code: str, check: str) -> None:
    _, verdict = judged(engine, run, "liar", code, check)
    assert verdict is not Verdict.GRADER_FAILED
    honest_passes(engine, run)


@pytest.mark.parametrize("code", IN_CELL.values(), ids=IN_CELL)
def test_hostile_cell_does_not_pass(engine: Any, run: Any, code: str) -> None:
    outcome, verdict = judged(engine, run, "hostile", code)
    assert verdict is not Verdict.GRADER_FAILED
    assert len(outcome.cells) == 1
    assert len(outcome.cells[0].output) <= 64 * 1024
    assert ARGUMENT not in repr(outcome)
    honest_passes(engine, run)


@pytest.mark.parametrize("body", IN_CALL.values(), ids=IN_CALL)
def test_hostile_call_does_not_pass(engine: Any, run: Any, body: str) -> None:
    outcome, verdict = judged(engine, run, "hostile", f"{FORGE}\ndef answer(n):\n    {body}\n")
    assert verdict is not Verdict.GRADER_FAILED
    assert outcome.cells[0].state == "ok"
    assert ARGUMENT not in repr(outcome)
    honest_passes(engine, run)


@pytest.mark.parametrize(
    "keep",
    [
        "open('kept.txt', 'a').write(str(n))",
        "import os; os.makedirs(f'kept-{n}', exist_ok=True)",
        "import os; os.utime('.', (n, n))",
        "import os; os.environ['KEPT'] = str(n)",
        "kept.append(n); print(n)",
        "raise ValueError(n)",
        "raise type(f'E{n}', (Exception,), {})(n)",
    ],
)
def test_hidden_arguments_do_not_come_back(engine: Any, run: Any, keep: str) -> None:
    code = f"kept = []\ndef answer(n):\n    {keep}\n    return 1\n"
    show = (
        "import glob, os\nprint(glob.glob('*'), [open(p).read() for p in glob.glob('*.txt')], os.stat('.').st_mtime, "
        "dict(os.environ), kept)"
    )
    for attempt in range(2):
        outcome, _ = judged(engine, run, "keeper", [code, f"{show}  # {attempt}"])
        assert ARGUMENT not in repr(outcome)


CALLBACK_CHECK = """
secret = "MARKER"
def callback(x, extra="MARKER"):
    inner = "MARKER"
    return x
class Double:
    token = 1
    def value(self, x): return x
def count():
    yield "MARKER"
assert apply(callback, Double(), (lambda: secret)) == 42424242, "MARKER"
"""
CALLBACKS = {
    "attributes": CLIMB.replace("answer(1)\n", "")
    + "def apply(f, d, g):\n    [look(x) for x in (f, d, g, d.value)]\n    return 1",
    "underscores": (
        "def apply(f, d, g):\n    found = []\n    for x in (f, d, g):\n"
        "        for name in ('__globals__', '__code__', '__closure__', '__defaults__', '__dict__', '__class__'):\n"
        "            try:\n                found.append(getattr(x, name))\n            except BaseException: pass\n"
        "            try:\n                found.append(type(x)._nbcoach_peer)\n"
        "            except BaseException: pass\n"
        "    raise ValueError(repr(found))"
    ),
    "raw requests": (
        "import sys\ndef apply(f, d, g):\n    frame = sys._getframe()\n    while 'self' not in frame.f_locals:\n"
        "        frame = frame.f_back\n    peer, found = frame.f_locals['self'], []\n"
        "    for op in ('attribute', 'dunder', 'name', 'names', 'source', 'signature', 'dir', 'type', 'module'):\n"
        "        for number in range(6):\n"
        "            for name in ('__globals__', '__code__', '__init__', '__getattribute__', 'secret', 'os'):\n"
        "                for rest in ([], [peer.encode(['__globals__'])]):\n                    try:\n"
        "                        found.append(repr(peer.request(op, number, name, *rest)))\n"
        "                    except Exception as err:\n                        found.append(repr(err))\n"
        "    print(found)\n    raise ValueError(str(found)[-60000:])"
    ),
    "changes the double": "def apply(f, d, g):\n    d.value = lambda x: 42424242\n    f.__code__ = None\n    return 1",
    "endless callbacks": "def apply(f, d, g):\n    while True: f(1)",
}


@pytest.mark.parametrize("code", CALLBACKS.values(), ids=CALLBACKS)
def test_callbacks_lead_nowhere(engine: Any, run: Any, code: str) -> None:
    def plan(learner: str, source: str, hidden: bool) -> Any:
        reference = "def apply(f, d, g): return f(42424242)"
        return make_plan(source, CALLBACK_CHECK, learner=learner, reference=reference, hidden=hidden, seconds=1.0)

    outcome = run(settled(engine, plan("climber", code, True)))
    assert only_check(outcome).verdict not in {Verdict.PASSED, Verdict.GRADER_FAILED}
    assert "MARKER" not in repr(outcome)
    honest = run(settled(engine, plan("honest", "def apply(f, d, g): return d.value(f(42424242))", True)))
    assert only_check(honest).verdict is Verdict.PASSED


def test_visible_check_leaks_no_source_through_a_callback(engine: Any, run: Any) -> None:
    check = 'def callback(x, extra="SOURCEMARK"): return x\nassert apply(callback) == 42424242'
    for name in ("underscores", "raw requests"):
        code = CALLBACKS[name].replace("apply(f, d, g)", "apply(f, d=None, g=None)")
        outcome = run(settled(engine, make_plan(code, check, learner="climber", reference="def apply(f): return 1")))
        assert only_check(outcome).verdict is Verdict.ERROR
        assert "SOURCEMARK" not in repr(outcome)


def test_other_checks_are_decided_after_a_hostile_one(engine: Any, run: Any) -> None:
    code = "def good(): return 1\ndef bad():\n    import os\n    os._exit(0)"
    checks = ["assert good() == 1", "bad()", "assert good() == 1"]
    outcome = run(settled(engine, make_plan(code, checks, learner="hostile")))
    assert [check.verdict for check in outcome.tests[0].checks] == [Verdict.PASSED, Verdict.CRASHED, Verdict.CRASHED]
