"""The judge's names: what a cell binds, what it imports, and what is left to the learner's process."""

from __future__ import annotations

import collections
import json
import math
import os
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

from nbcoach_grader.engine.names import bound_names, class_methods, plain_python
from nbcoach_grader.engine.namespace import Locals, Namespace, import_own, stateful_imports

BOUND: dict[str, set[str]] = {
    "": set(),
    "x = 1": {"x"},
    "x = y = 1": {"x", "y"},
    "a, (b, *c) = 1, (2, 3)": {"a", "b", "c"},
    "x: int = 1": {"x"},
    "x += 1": {"x"},
    "(n := 3)": {"n"},
    "def f(a):\n    b = 1\n    return b": {"f"},
    "async def f():\n    y = 1": {"f"},
    "class A:\n    x = 1\n    def m(self):\n        z = 1": {"A"},
    "for i in range(3):\n    j = i": {"i", "j"},
    "with open('f') as handle:\n    pass": {"handle"},
    "if True:\n    x = 1\nelse:\n    y = 1": {"x", "y"},
    "try:\n    x = 1\nfinally:\n    z = 1": {"x", "z"},
    "f = lambda q: (w := q)": {"f"},
    "import math\nfrom os import path": set(),
    "a.b = 1\na[0] = 2": {"a"},
    "print(x)": set(),
    "x = ": set(),
    "%matplotlib inline\nx = 1": {"x"},
    "!ls\ny = 2": {"y"},
}
IMPORTS: dict[str, dict[str, Any]] = {
    "": {},
    "import math": {"math": math},
    "import math as m, json": {"m": math, "json": json},
    "import numpy as np": {"np": np},
    "import os.path": {"os": os},
    "import xml.etree.ElementTree as ET": {"ET": ElementTree},
    "from collections import Counter, deque as d": {"Counter": collections.Counter, "d": collections.deque},
    "from os import path": {"path": os.path},
    "import no_such_module_anywhere": {},
    "from math import no_such_name, pi": {"pi": math.pi},
    "from . import sibling": {},
    "from .sibling import name": {},
    "from math import *": {},
    "if True:\n    import math": {"math": math},
    "try:\n    import math\nexcept ImportError:\n    math = None": {"math": math},
    "def f():\n    import math": {},
    "class A:\n    import math": {},
    "import matplotlib.pyplot as plt": {},
    "from matplotlib import pyplot as plt": {},
    "from matplotlib.pyplot import plot": {},
    "import math\nimport (": {},
    "%matplotlib inline\nimport math": {"math": math},
}
STATEFUL: dict[str, dict[str, str]] = {
    "": {},
    "import math": {},
    "import matplotlib.pyplot as plt": {"plt": "matplotlib.pyplot"},
    "from matplotlib import pyplot": {"pyplot": "matplotlib.pyplot"},
    "from matplotlib import pyplot as p": {"p": "matplotlib.pyplot"},
    "import pylab as pl": {"pl": "pylab"},
    "def f():\n    import matplotlib.pyplot as plt": {},
    "import matplotlib.pyplot as plt, math as m": {"plt": "matplotlib.pyplot"},
    "from .x import y": {},
}


@pytest.mark.parametrize(("source", "names"), BOUND.items())
def test_bound_names(source: str, names: set[str]) -> None:
    assert bound_names(source) == names


@pytest.mark.parametrize(("source", "names"), IMPORTS.items())
def test_import_own(source: str, names: dict[str, Any]) -> None:
    own: dict[str, Any] = {}
    import_own(source, own)
    assert own == names


@pytest.mark.parametrize(("source", "names"), STATEFUL.items())
def test_stateful_imports(source: str, names: dict[str, str]) -> None:
    assert stateful_imports(source) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class A:\n    def m(self):\n        pass\n    def __eq__(self, o):\n        pass", {"m", "__eq__"}),
        ("def f():\n    class B:\n        def inner(self):\n            pass", {"inner"}),
        ("def f():\n    pass", set()),
        ("class", set()),
    ],
)
def test_class_methods(source: str, names: set[str]) -> None:
    assert class_methods(source) == names


def test_magics_become_python() -> None:
    assert "get_ipython()" in plain_python("%time x = 1")
    assert plain_python("x = 1") == "x = 1\n"


class Peer:
    """A peer with some names, that keeps what it was asked."""

    def __init__(self, **names: Any) -> None:
        self.names = names
        self.asked: list[tuple[Any, ...]] = []

    def request(self, operation: str, *arguments: Any) -> Any:
        self.asked.append((operation, *arguments))
        if operation != "name":
            return None
        return ("found", self.names[arguments[0]]) if arguments[0] in self.names else ("missing", None)

    def encode(self, value: object) -> Any:
        return value


def ask(source: str, namespace: Namespace) -> None:
    exec(compile(source, "<test>", "exec"), namespace, Locals(namespace))


def test_own_name_wins_over_the_learners() -> None:
    peer = Peer(math="forged")
    namespace = Namespace({"math": math}, ["f"], peer)  # type: ignore[arg-type]
    ask("found = math", namespace)
    assert namespace["found"] is math
    assert peer.asked == []


def test_learners_name_is_fetched_once() -> None:
    peer = Peer(x=5)
    namespace = Namespace({}, ["x"], peer)  # type: ignore[arg-type]
    ask("a = x\nb = x", namespace)
    assert (namespace["a"], namespace["b"]) == (5, 5)
    assert peer.asked == [("name", "x")]


def test_builtin_is_the_judges_unless_the_solution_binds_it() -> None:
    peer = Peer(sum="learner's", len="learner's")
    namespace = Namespace({}, ["sum"], peer)  # type: ignore[arg-type]
    ask("a = sum\nb = len", namespace)
    assert namespace["a"] == "learner's"
    assert namespace["b"] is len


def test_name_that_nobody_has() -> None:
    peer = Peer()
    with pytest.raises(NameError, match="'y'"):
        ask("y", Namespace({}, [], peer))  # type: ignore[arg-type]


def test_private_names_are_never_asked_for() -> None:
    peer = Peer(__secret__="forged")
    with pytest.raises(NameError):
        ask("__secret__", Namespace({}, [], peer))  # type: ignore[arg-type]
    assert peer.asked == []


def test_stores_and_deletes_of_answers_reach_the_learner() -> None:
    peer = Peer(x=5)
    namespace = Namespace({}, ["x"], peer)  # type: ignore[arg-type]
    ask("x = 7\nother = 1\ndel x\ndel other", namespace)
    assert peer.asked == [("set-name", "x", 7), ("delete-name", "x")]
    assert "other" not in namespace


def test_data_of_the_author_are_copied_when_a_test_asks_for_them() -> None:
    inner = [1]
    own = {"a": [inner], "b": [inner], "c": [2]}
    namespace = Namespace(own, [], Peer(), copied=("a", "b", "c"))  # type: ignore[arg-type]
    ask("a[0].append(2)\nshared = b[0]\ndef later():\n    return c\nfound = later()", namespace)
    assert namespace["shared"] == [1, 2]
    assert namespace["found"] == [2]
    assert own == {"a": [[1]], "b": [[1]], "c": [2]}
    assert namespace["found"] is not own["c"]


def test_data_of_the_author_can_be_bound_anew_deleted_and_listed() -> None:
    peer = Peer(b="learner's")
    namespace = Namespace({"a": [1], "b": [2], "c": [3]}, [], peer, copied=("a", "b", "c"))  # type: ignore[arg-type]
    peer.request = lambda *asked: [] if asked == ("names",) else Peer.request(peer, *asked)  # type: ignore[method-assign]
    ask("a = 5\ndel b", namespace)
    assert namespace["a"] == 5
    assert [name for name in namespace if name[:2] != "__"] == ["a", "c"]
    assert namespace["b"] == "learner's"


def test_what_is_sheltered_is_forgotten_also_where_it_is_the_author_s_data() -> None:
    namespace = Namespace({"a": [1]}, [], Peer(), copied=("a",))  # type: ignore[arg-type]
    with namespace.sheltered(["a"]):
        ask("a = 7", namespace)
    assert namespace["a"] == [1]
