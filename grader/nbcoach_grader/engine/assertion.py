"""Assertions that tell their values: a test's `assert left == right` is rewritten to say what both sides were."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from .peer import STATEFUL_MODULES
from .proxy import is_proxy, type_name_of

MAX_SHOWN = 300
_OPERATORS: dict[type[ast.cmpop], tuple[Callable[[Any, Any], Any], str]] = {
    ast.Eq: (operator.eq, "=="),
    ast.NotEq: (operator.ne, "!="),
    ast.Lt: (operator.lt, "<"),
    ast.LtE: (operator.le, "<="),
    ast.Gt: (operator.gt, ">"),
    ast.GtE: (operator.ge, ">="),
    ast.In: (lambda left, right: left in right, "in"),
    ast.NotIn: (lambda left, right: left not in right, "not in"),
    ast.Is: (operator.is_, "is"),
    ast.IsNot: (operator.is_not, "is not"),
}
COMPARE_NAME = "__nbcoach_compare__"
TYPE_NAME = "__nbcoach_type__"
MODULE_NAME = "__nbcoach_module__"


class Rewriter(ast.NodeTransformer):
    """Rewrite comparisons in assertions, `type(x)` so that a proxy tells its own type, imports of stateful modules."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Replace `assert a == b` by a call that can explain itself."""
        self.generic_visit(node)
        if node.msg is not None or not isinstance(node.test, ast.Compare) or len(node.test.ops) != 1:
            return node
        symbol = ast.Constant(_OPERATORS[type(node.test.ops[0])][1])
        text = ast.Constant(ast.unparse(node.test.left))
        arguments = [symbol, text, node.test.left, node.test.comparators[0]]
        call = ast.Call(func=ast.Name(COMPARE_NAME, ast.Load()), args=arguments, keywords=[])
        return ast.copy_location(ast.Expr(call), node)

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
        """Replace `type(x)`."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1 and not node.keywords:
            node.func = ast.copy_location(ast.Name(TYPE_NAME, ast.Load()), node.func)
        return node


def _theirs(name: str, module: str) -> ast.stmt:
    call = ast.Call(func=ast.Name(MODULE_NAME, ast.Load()), args=[ast.Constant(module)], keywords=[])
    return ast.Assign(targets=[ast.Name(name, ast.Store())], value=call)


def compare(symbol: str, text: str, left: Any, right: Any) -> None:
    """Assert that a comparison holds.

    Raises:
        AssertionError: it does not; the message shows both sides.

    """
    comparison = next(apply for apply, shown in _OPERATORS.values() if shown == symbol)
    if comparison(left, right):
        return
    text = text.replace(TYPE_NAME, "type")
    if symbol == "==":
        raise AssertionError(f"{text} is {shown(left)}, expected {shown(right)}")
    raise AssertionError(f"{text} is {shown(left)}, which is not {symbol} {shown(right)}")


def type_of(value: Any) -> Any:
    """Return the type of a value; of a proxy, the learner's own class."""
    return value.__class__ if is_proxy(value) else type(value)


def shown(value: Any) -> str:
    """Return a short form of a value for a message."""
    if is_proxy(value):
        return f"a {type_name_of(value)} object"
    try:
        text = repr(value)
    except Exception:  # an integer may be too long for it, and a learner's object inside may refuse
        return f"a {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
