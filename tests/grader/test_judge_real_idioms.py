"""Idioms of real courses' test cells, each in a small cell of our own: what passes in a kernel passes beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from test_judge import make_plan, only_check, settled

from nbcoach_exercises.model import DataFile
from nbcoach_exercises.verdicts import Verdict
from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.names import bound_names

SHAPES = """
class Shape:
    def __init__(self, side):
        self.side = side
class Square(Shape):
    def __init__(self, side):
        super().__init__(side)
    def area(self): return self.side ** 2
"""
KIT = b"""
class Tool:
    def __init__(self, name): self.name = name
def is_sharp(tool): return isinstance(tool, Tool) and tool.name == 'knife'
"""
FILES = (DataFile("kit.py", KIT), DataFile("words.txt", b"one\ntwo\n"))

PASSING: dict[str, dict[str, Any]] = {
    "a name is looked for in globals()": {
        "cells": "ghost = 5",
        "test": "assert 'ghost' in globals() and 'other' not in globals()\nassert globals()['ghost'] == 5",
    },
    "a name is looked for in locals(), vars() and dir()": {
        "cells": "ghost = 5",
        "test": "assert 'ghost' in locals() and 'ghost' in vars() and 'ghost' in dir()",
    },
    "globals() is walked": {
        "cells": "ghost = 5",
        "test": "assert [v for n, v in globals().items() if n == 'ghost'] == [5]\nassert globals().get('no') is None",
    },
    "an answer changes a list that the author made": {
        "locked": ["flavours = ['mint', 'lemon']"],
        "cells": "del flavours[0]\nflavours.append('fig')",
        "test": "assert flavours == ['lemon', 'fig']",
    },
    "an answer changes a dictionary of dictionaries": {
        "locked": ["prices = {'bread': {'unit': 2}}"],
        "cells": "prices['bread']['unit'] = 3",
        "test": "assert prices['bread']['unit'] == 3",
    },
    "an answer's function changes what the author made": {
        "locked": ["log = []"],
        "cells": "def note(x):\n    log.append(x)",
        "test": "note(1)\nassert log == [1]",
    },
    "an answer binds anew what the author bound": {
        "locked": ["x = 5"],
        "cells": "x = x * 2",
        "test": "assert x == 10",
    },
    "the source of a method, also of __init__": {
        "cells": SHAPES,
        "test": "import inspect\nassert 'super()' in inspect.getsource(Square.__init__)\n"
        "assert 'super()' in inspect.getsource(Square(2).__init__)\nassert 'self.side' in inspect.getsource(Square.area)",
    },
    "instances and subclasses of the learner's classes": {
        "cells": SHAPES,
        "test": "assert isinstance(Square(2), Shape) and issubclass(Square, Shape) and not issubclass(Shape, Square)",
    },
    "an instance of a class that the author's cell defines": {
        "locked": ["class Worker:\n    pay = 1"],
        "cells": "class Boss(Worker):\n    pay = 2\nboss = Boss()",
        "test": "assert isinstance(boss, Worker) and issubclass(Boss, Worker) and boss.pay == 2",
    },
    "the author's own function and class come back as themselves": {
        "locked": ["def steady(t): return 5\nclass Field:\n    def __init__(self, f): self.f = f"],
        "cells": "field = Field(steady)\ndef pick(): return steady",
        "test": "assert field.f == steady and pick() is steady and type(field) is Field and field.f(1) == 5",
        "reference": "field = Field(steady)\ndef pick(): return steady",
        "own": True,
    },
    "locals() is copied": {
        "cells": "ghost = 5",
        "test": "assert locals().copy()['ghost'] == 5 and globals().copy()['ghost'] == 5",
    },
    "an instance of a library's class": {
        "cells": "from fractions import Fraction\nimport threading, string\n"
        "lock = threading.Event()\nletters = string.Template('$a')",
        "test": "import threading, string\nassert isinstance(lock, threading.Event)\n"
        "assert isinstance(letters, (int, string.Template)) and not isinstance(letters, threading.Event)",
    },
    "an instance of a library's abstract class": {
        "cells": "import string\nclass Form(string.Formatter): pass\nform = Form()",
        "test": "import string, io\nassert isinstance(form, string.Formatter) and not isinstance(form, io.IOBase)",
    },
    "a class that is compared with a library's": {
        "cells": "import string\nform = string.Formatter()",
        "test": "import inspect, string\nassert type(form) == string.Formatter and form.__class__ != string.Template\n"
        "assert string.Formatter in inspect.getmro(form.__class__)",
    },
    "a function that is compared with a library's": {
        "cells": "import textwrap\nclass Box: pass\nbox = Box()\nbox.how = textwrap.dedent",
        "test": "import textwrap\nassert box.how == textwrap.dedent and box.how != textwrap.fill",
    },
    "commands of the shell": {
        "cells": "name = 'made'\n!mkdir {name} && echo $name > word.txt\nsaid = !echo one",
        "test": "import os\nassert os.path.exists('made') and open('word.txt').read() == 'made\\n' and said[0] == 'one'",
    },
    "what a command of the shell printed": {
        "cells": "def f():\n    said = !printf 'one\\ntwo\\n'\n    return said",
        "test": "assert 'one' in f() and f() == ['one', 'two'] and f().n == 'one\\ntwo' and isinstance(f(), list)",
    },
    "an array in a list that is compared": {
        "cells": "import numpy as np\nxs = np.arange(3)\nkept = [0, xs]\ndef again(): return (xs, 1)",
        "test": "assert kept == [0, xs] and again() == (xs, 1) and kept[1] is xs",
    },
    "a large array that a test passes": {
        "cells": "def count(a): return int(a.sum())",
        "test": "import numpy as np\nassert count(np.ones(3_000_000)) == 3_000_000",
    },
    "threads that wait for each other": {
        "cells": "import threading\nfrom concurrent.futures import ThreadPoolExecutor\ndef meet(n):\n"
        "    gate = threading.Barrier(n)\n    with ThreadPoolExecutor(n) as pool:\n"
        "        return sorted(pool.map(lambda _: gate.wait(), range(n)))",
        "test": "assert meet(16) == list(range(16))",
    },
    "a pool that a test passes, whose threads call the learner's functions": {
        "cells": "def square(n): return n * n\ndef squares(pool, numbers): return list(pool.map(square, numbers))",
        "test": "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool:\n"
        "    assert squares(pool, range(50)) == [n * n for n in range(50)]",
    },
    "the cell before is run again": {
        "cells": "print('Hello')",
        "test": "import io, sys\nkept, sys.stdout = sys.stdout, io.StringIO()\nexec(In[-2])\n"
        "printed, sys.stdout = sys.stdout.getvalue(), kept\nassert printed == 'Hello\\n'",
    },
    "functions and generators": {
        "cells": "def f(): yield 1",
        "test": "import types\nassert isinstance(f, types.FunctionType) and isinstance(f(), types.GeneratorType)\n"
        "assert not isinstance(f, types.GeneratorType) and callable(f)",
    },
    "assertions of nose": {
        "locked": ["from nose.tools import assert_equal, assert_almost_equal\nimport nose.tools as nt\nlimit = 3"],
        "cells": "def f(x):\n    if x > limit: raise ValueError(x)\n    return x",
        "test": "assert_equal(f(1), 1)\nassert_almost_equal(f(0.1), 0.1)\nnt.eq_(f(2), 2)\nnt.ok_(f(3))\n"
        "nt.assert_items_equal([f(1)], [1])\nnt.assert_raises(ValueError, f, 4)\n"
        "@nt.raises(ValueError)\ndef check(): f(5)\ncheck()",
    },
    "a module beside the notebook": {
        "cells": "from kit import Tool\nknife = Tool('knife')",
        "test": "import kit\nassert isinstance(knife, kit.Tool) and kit.is_sharp(knife)",
        "files": FILES,
    },
    "a file that the learner's code wrote": {
        "cells": "def save(text):\n    with open('out.txt', 'w') as f:\n        f.write(text)",
        "test": "import os\nassert not os.path.exists('out.txt')\nsave('one\\ntwo')\nassert os.path.exists('out.txt')\n"
        "with open('out.txt') as f:\n    assert f.readlines() == ['one\\n', 'two']\n"
        "assert open('out.txt', 'rb').read() == b'one\\ntwo' and os.path.getsize('out.txt') == 7",
    },
    "a table that the learner's code wrote": {
        "cells": "import pandas as pd\npd.DataFrame({'a': [1, 2]}).to_csv('t.csv', index=False)",
        "test": "import pandas as pd\nassert pd.read_csv('t.csv')['a'].tolist() == [1, 2]",
    },
    "a file of the author's": {
        "cells": "pass",
        "test": "from pathlib import Path\nassert Path('words.txt').exists() and open('words.txt').read() == 'one\\ntwo\\n'",
        "files": FILES,
    },
}

REFUSED: dict[str, dict[str, Any]] = {
    "an array in a list that holds something else": {
        "cells": "import numpy as np\nxs = np.arange(3)\nkept = [0, xs + 1]",
        "test": "assert kept == [0, xs]",
        "verdict": Verdict.ERROR,
    },
    "a large array that a learner gives": {
        "cells": "import numpy as np\ndef f(): return np.ones(3_000_000)",
        "test": "assert len(f()) == 3_000_000",
        "verdict": Verdict.ERROR,
    },
    "a pickle that the learner's code wrote": {
        "cells": "class Trap:\n    def __reduce__(self):\n        return (print, (1,))\n"
        "import pickle\nopen('m.pkl', 'wb').write(pickle.dumps(Trap()))",
        "test": "import pickle\npickle.load(open('m.pkl', 'rb'))",
        "verdict": Verdict.ERROR,
    },
    "a module that the learner's code wrote": {
        "cells": "open('forged.py', 'w').write('ok = True')",
        "test": "import forged\nassert forged.ok",
        "verdict": Verdict.ERROR,
    },
    "a stand-in for the author's module": {
        "cells": "open('kit.py', 'w').write('def is_sharp(tool): return True')\nclass Tool: name = 'spoon'\nknife = Tool()",
        "test": "import kit\nassert kit.is_sharp(knife)",
        "files": FILES,
        "verdict": Verdict.FAILED,
    },
    "assertions of nose that do not hold": {
        "cells": "def f(x): return x",
        "test": "from nose.tools import eq_\neq_(f(1), 2)",
        "verdict": Verdict.FAILED,
    },
    "an exception that nose was told of does not come": {
        "cells": "def f(x): return x",
        "test": "from nose.tools import raises\n@raises(ValueError)\ndef check(): f(1)\ncheck()",
        "verdict": Verdict.FAILED,
    },
    "a file outside of the folder": {
        "cells": "pass",
        "test": "open('../secret.txt')",
        "verdict": Verdict.ERROR,
    },
    "a class that crosses by value is never vouched for": {
        "cells": "class N(int):\n    __class__ = int\nn = N(5)",
        "test": "assert isinstance(n, int)",
        "verdict": Verdict.FAILED,
    },
    "a class that only looks like a library's": {
        "cells": "class Formatter: pass\nFormatter.__module__ = 'string'\nform = Formatter()",
        "test": "import string\nassert type(form) == string.Formatter",
        "verdict": Verdict.FAILED,
    },
    "a class made from a plain one is not that one": {
        "cells": "class N(int): pass\nn = N(5)",
        "test": "assert type(n) == int",
        "verdict": Verdict.FAILED,
    },
    "a method of a class does not compare with plain data": {
        "cells": "class L:\n    def __eq__(self, other): return True\nthing = L()",
        "test": "assert L.__eq__(thing, 5)",
        "reference": "class L: pass\nthing = L()",
        "verdict": Verdict.ERROR,
    },
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_in_a_kernel_passes_here(engine: Engine, run: Any, name: str) -> None:
    told = dict(PASSING[name])
    own = told.pop("own", False)
    told["cells"] = [*told.get("locked", ()), told["cells"]]
    plan = make_plan(**told)
    if own:  # `make_plan` takes what locked cells bind for answers
        plan = replace(plan, answers=bound_names(told["reference"]))
    check = only_check(run(settled(engine, plan)))
    assert (check.verdict, check.message) == (Verdict.PASSED, None)


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_pass(engine: Engine, run: Any, name: str) -> None:
    told = dict(REFUSED[name])
    verdict = told.pop("verdict")
    assert only_check(run(settled(engine, make_plan(**told)))).verdict is verdict
