"""Assertions that tell their values: what a test's `assert` saw on its way is noted, and told when it fails.

Theory of operation. `assert TEST, MESSAGE` becomes

    __nbcoach_seen__ = __nbcoach_noting__()
    if not TEST':
        __nbcoach_seen__.fail("TEST", MESSAGE)
    __nbcoach_seen__ = None

where TEST' is the same expression with each part wrapped in `__nbcoach_seen__(number, part)`, which notes the
value and returns it. So everything is evaluated once, in order, and only if the original would. The exception is
the one that Python itself would raise; the values stand in a note on it (`BaseException.add_note`), which nothing
but the judge reads. Parts with a scope of their own (comprehensions, lambdas) are left as they are.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from .explained import OPERATORS, Explained, is_all, loop_names, parts, symbol_of
from .peer import STATEFUL_MODULES
from .proxy import is_proxy

NOTING_NAME = "__nbcoach_noting__"
SEEN_NAME = "__nbcoach_seen__"
TYPE_NAME = "__nbcoach_type__"
MODULE_NAME = "__nbcoach_module__"
MAX_COPIED = 100


class Rewriter(ast.NodeTransformer):
    """Rewrite assertions, `type(x)` so that a proxy tells its own type, imports of stateful modules."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def visit(self, node: ast.AST) -> Any:
        """Rewrite a node, and let what it comes to be noted where it is a part of an assertion."""
        number = self._numbers.get(id(node))
        found = super().visit(node)
        return found if number is None else _noted(number, found)

    def visit_Assert(self, node: ast.Assert) -> ast.AST | list[ast.stmt]:
        """Let an assertion note what it sees."""
        text = _text(node.test)
        if text is None:
            return self.generic_visit(node)
        self._numbers = {id(part): number for number, part in enumerate(parts(node.test))}
        test = self.visit(node.test)
        self._numbers = {}
        message = [self.visit(node.msg)] if node.msg is not None else []
        fail = ast.Call(ast.Attribute(_name(SEEN_NAME), "fail", ast.Load()), [ast.Constant(text), *message], [])
        statements: list[ast.stmt] = [
            ast.Assign([ast.Name(SEEN_NAME, ast.Store())], ast.Call(_name(NOTING_NAME), [], [])),
            ast.If(ast.UnaryOp(ast.Not(), test), [ast.Expr(fail)], []),
            ast.Assign([ast.Name(SEEN_NAME, ast.Store())], ast.Constant(None)),
        ]
        return [ast.copy_location(statement, node) for statement in statements]

    def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.AST]:
        """Let `import matplotlib.pyplot as plt` bind the learner's one."""
        theirs = [_theirs(a.asname, a.name) for a in node.names if a.asname and a.name in STATEFUL_MODULES]
        return [node, *(ast.copy_location(statement, node) for statement in theirs)]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.AST]:
        """Let `from matplotlib import pyplot` bind the learner's one."""
        places = [(a.asname or a.name, f"{node.module}.{a.name}") for a in node.names]
        theirs = [_theirs(name, module) for name, module in places if module in STATEFUL_MODULES]
        return [node, *(ast.copy_location(statement, node) for statement in theirs)]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace `type(x)`, and let `all(… for …)` in an assertion note its first failing item."""
        number = self._numbers.get(id(node))
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1 and not node.keywords:
            node.func = ast.copy_location(ast.Name(TYPE_NAME, ast.Load()), node.func)
        if number is not None and is_all(node):
            return _all_noted(number, node)
        return node


class Seen(dict[int, Any]):
    """What one assertion saw, by the number of the part."""

    def __init__(self) -> None:
        self.items_failed: dict[int, tuple[Any, tuple[Any, ...]]] = {}
        """Of an `all(… for …)`: the first failing item and the values of its loop variables."""

    def __call__(self, number: int, value: Any) -> Any:
        """Note a value and return it; a small container is copied, as the call it goes to may change it."""
        self[number] = value.copy() if type(value) in (list, dict, set) and len(value) <= MAX_COPIED else value
        return value

    def all(self, number: int, function: Any, symbol: str, pairs: Iterable[tuple[Any, tuple[Any, ...]]]) -> Any:
        """Do what `function`, which is called `all`, does with the items; the real one's failing item is noted."""
        compare = OPERATORS[symbol] if symbol else None

        def items() -> Iterator[Any]:
            for item, names in pairs:
                self.items_failed[number] = (item, names)
                yield item if compare is None else compare(*item)
            self.items_failed.pop(number, None)

        found = function(items())
        if function is not builtins.all:
            self.items_failed.pop(number, None)
        return found

    def fail(self, text: str, *message: Any) -> None:
        """Raise what the assertion raises, with the values in a note.

        Raises:
            AssertionError: always.

        """
        failure = AssertionError(*message)
        try:
            note = Explained(_parsed(text), self, self.items_failed).text()
        except Exception:  # an explanation is a kindness; without one the verdict is the same
            note = ""
        if note:
            failure.add_note(note)
        raise failure


def type_of(value: Any) -> Any:
    """Return the type of a value; of a proxy, the learner's own class."""
    return value.__class__ if is_proxy(value) else type(value)


def _all_noted(number: int, node: ast.Call) -> ast.Call:
    """Let the generator give each item with its loop variables, and a comparison as its two sides."""
    generator = node.args[0]
    assert isinstance(generator, ast.GeneratorExp)
    item: ast.expr = generator.elt
    symbol = symbol_of(item) if isinstance(item, ast.Compare) else ""
    if isinstance(item, ast.Compare) and symbol:
        item = ast.Tuple([item.left, item.comparators[0]], ast.Load())
    names = ast.Tuple([_name(name) for name in loop_names(generator)], ast.Load())
    generator.elt = ast.Tuple([item, names], ast.Load())
    method = ast.Attribute(_name(SEEN_NAME), "all", ast.Load())
    return ast.Call(method, [ast.Constant(number), node.func, ast.Constant(symbol), generator], [])


def _noted(number: int, value: ast.expr) -> ast.Call:
    return ast.Call(_name(SEEN_NAME), [ast.Constant(number), value], [])


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


@lru_cache(maxsize=256)
def _parsed(text: str) -> ast.expr:
    """Return an expression to read only: the same test fails with one learner after the other."""
    return ast.parse(text, mode="eval").body


def _text(test: ast.expr) -> str | None:
    """Return an expression as text that reads as the very same expression, or None where there is none."""
    try:
        text = ast.unparse(test)
        return text if ast.dump(ast.parse(text, mode="eval").body) == ast.dump(test) else None
    except (SyntaxError, ValueError, RecursionError):
        return None


def _theirs(name: str, module: str) -> ast.stmt:
    call = ast.Call(func=ast.Name(MODULE_NAME, ast.Load()), args=[ast.Constant(module)], keywords=[])
    return ast.Assign(targets=[ast.Name(name, ast.Store())], value=call)
