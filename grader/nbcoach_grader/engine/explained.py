"""Explained assertions: from a failed test's expression and the values that it saw, words for the learner."""

from __future__ import annotations

import ast
import operator
import types
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .difference import difference, shown, type_name
from .proxy import is_proxy

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
    "is": operator.is_,
    "is not": operator.is_not,
}
_SYMBOLS: dict[type[ast.cmpop], str] = dict(
    zip(
        (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
        OPERATORS,
        strict=True,
    )
)
_EXPECTED = {
    "==": "expected {}",
    "!=": "expected anything but {}",
    "<": "expected less than {}",
    "<=": "expected at most {}",
    ">": "expected more than {}",
    ">=": "expected at least {}",
    "in": "which is not in {}",
    "not in": "which is in {}",
    "is": "expected {}",
    "is not": "expected anything but {}",
}
_MIRRORED = {"==": "==", "!=": "!=", "is": "is", "is not": "is not", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""What stands between two values that have changed places."""
_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.JoinedStr)
_DISPLAYS = (ast.Tuple, ast.List, ast.Set, ast.Dict)
_ALIKE = {"isclose": "about ", "allclose": "about ", "array_equal": "", "array_equiv": "", "equals": ""}
_TELLING = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
MAX_TEXT = 120
MAX_WHERE = 4
MAX_LINES = 10


def parts(node: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression and its parts in a fixed order, those left out that no call could be put around."""
    yield node
    if isinstance(node, _SCOPES) or is_all(node):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Call) and child is node.func:
            child = child.value if isinstance(child, ast.Attribute) else child  # `super()` needs its name
            if isinstance(child, ast.Name) and child is node.func:
                continue
        if isinstance(child, (ast.keyword, ast.Starred)):
            child = child.value
        odd = isinstance(child, ast.Slice) or isinstance(getattr(child, "ctx", None), ast.Store)
        slices = isinstance(node, ast.Subscript) and child is node.slice and isinstance(child, ast.Tuple)
        if isinstance(child, ast.expr) and not odd and not slices:
            yield from parts(child)


def is_all(node: ast.expr) -> bool:
    """Tell whether an expression is `all(… for …)` without anything asynchronous."""
    match node:
        case ast.Call(func=ast.Name(id="all"), args=[ast.GeneratorExp() as generator], keywords=[]):
            odd = (ast.Await, ast.Yield, ast.YieldFrom)
            return not any(isinstance(n, odd) or getattr(n, "is_async", 0) for n in ast.walk(generator))
    return False


def loop_names(generator: ast.GeneratorExp) -> list[str]:
    """Return the loop variables of a comprehension."""
    targets = [n for loop in generator.generators for n in ast.walk(loop.target) if isinstance(n, ast.Name)]
    return list(dict.fromkeys(n.id for n in targets if isinstance(n.ctx, ast.Store)))


def symbol_of(comparison: ast.Compare) -> str:
    """Return the operator of a comparison of two, "" of a chain."""
    return _SYMBOLS[type(comparison.ops[0])] if len(comparison.ops) == 1 else ""


class Explained:
    """Words on a failed assertion.

    Args:
        test: the expression.
        values: what each of its `parts` came to, by number; what was not reached is missing.
        items: of an `all(… for …)`, by number, the failing item and the values of its loop variables.

    """

    def __init__(self, test: ast.expr, values: Mapping[int, Any], items: Mapping[int, tuple[Any, Any]]) -> None:
        self._test = test
        self._numbers = {id(part): number for number, part in enumerate(_parts(test))}
        self._values = values
        self._items = items
        self._told: set[str] = set()

    def text(self) -> str:
        """Return a sentence, then lines that help to see why; "" if there is nothing to tell."""
        failing = [node for node in self._failing(self._test) if not isinstance(node, ast.Constant)]
        lines = [line for node in failing for line in self._why(node)]
        return "\n".join([*lines, *(line for node in failing for line in self._where(node))][:MAX_LINES])

    def _failing(self, node: ast.expr) -> list[ast.expr]:
        """Return the operands of `and` and `or` that made them false."""
        if not isinstance(node, ast.BoolOp):
            return [node]
        reached = [part for part in node.values if self._known(part)]
        return [
            part
            for operand in (reached[-1:] if isinstance(node.op, ast.And) else reached)
            for part in self._failing(operand)
        ]

    def _known(self, node: ast.expr) -> bool:
        return self._numbers.get(id(node), -1) in self._values

    def _value(self, node: ast.expr) -> Any:
        return self._values[self._numbers[id(node)]]

    def _why(self, node: ast.expr) -> list[str]:
        """Say why an expression is not true."""
        match node:
            case ast.UnaryOp(op=ast.Not()):
                value = self._value(node.operand)
                wanted = "False" if value is True else "something empty or false"
                return [f"{self._name(node.operand)} is {shown(value)}, expected {wanted}"]
            case ast.Compare():
                return self._comparison(node)
            case ast.Call():
                found = self._call(node)
                if found:
                    return found
        return [f"{self._name(node)} is {shown(self._value(node))}"]

    def _comparison(self, node: ast.Compare) -> list[str]:
        """Tell of a chain the pair that did not hold: the last one that was reached."""
        operands = [node.left, *node.comparators]
        last = max(number for number, part in enumerate(operands) if self._known(part))
        left, right = operands[last - 1], operands[last]
        symbol = _SYMBOLS[type(node.ops[last - 1])]
        return self._pair(left, symbol, right, self._value(left), self._value(right))

    def _pair(self, left: ast.expr, symbol: str, right: ast.expr, one: Any, other: Any) -> list[str]:
        if symbol in _MIRRORED and _is_literal(left) and not _is_literal(right):
            left, right, one, other, symbol = right, left, other, one, _MIRRORED[symbol]
        self._name(right)  # its value is told, if not its text
        if symbol in ("in", "not in") and _is_literal(left):
            contain = "should contain" if symbol == "in" else "should not contain"
            return [f"{self._name(right)} is {shown(other)}, which {contain} {shown(one)}"]
        lines = [_against(self._name(left), one, _EXPECTED[symbol], other)]
        if symbol in ("==", "is"):
            lines += self._help(left, one, other)
        return lines

    def _call(self, node: ast.Call) -> list[str]:
        """Tell of calls that compare what they compare."""
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        number = self._numbers[id(node)]
        if number in self._items:
            return self._item(node, *self._items[number])
        if name == "isinstance" and len(node.args) == 2 and self._known(node.args[0]):
            value, wanted = self._value(node.args[0]), node.args[1]
            kinds = [_text(k) for k in wanted.elts] if isinstance(wanted, ast.Tuple) else [_text(wanted)]
            text = shown(value)
            kind = "" if is_proxy(value) else f" of type {type_name(value)}"
            return [f"{self._name(node.args[0])} is {text}{kind}, expected type {' or '.join(kinds)}"]
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        sides = [owner, *node.args] if name == "equals" and owner is not None else node.args
        if name in _ALIKE and len(sides) >= 2 and self._known(sides[0]) and self._known(sides[1]):
            left, right = sides[:2]
            if _is_literal(left) and not _is_literal(right):
                left, right = right, left
            one, other = self._value(left), self._value(right)
            self._name(right)
            first = _against(self._name(left), one, f"expected {_ALIKE[name]}{{}}", other)
            return [first, *self._help(left, one, other)]
        inner = owner if isinstance(owner, ast.Compare) else node.args[0] if node.args else None
        if name == "all" and isinstance(inner, ast.Compare) and symbol_of(inner):
            return self._comparison(inner)
        return []

    def _item(self, node: ast.Call, item: Any, names: tuple[Any, ...]) -> list[str]:
        generator = node.args[0]
        assert isinstance(generator, ast.GeneratorExp)  # so says `is_all`
        pairs = zip(loop_names(generator), names, strict=True)
        place = ", ".join(f"{name} = {shown(value, 80)}" for name, value in pairs)
        lines = [f"{self._name(generator.elt)} is {shown(item)}"]
        if isinstance(generator.elt, ast.Compare) and symbol_of(generator.elt):
            comparison = generator.elt
            lines = self._pair(comparison.left, symbol_of(comparison), comparison.comparators[0], *item)
        return [f"for {place}: {lines[0]}", *lines[1:]]

    def _help(self, node: ast.expr, actual: Any, expected: Any) -> list[str]:
        """Point at what is easily overlooked."""
        if actual is None and expected is not None and isinstance(node, ast.Call):
            return ["A function that ends without return gives back None."]
        if isinstance(actual, np.ndarray) and isinstance(expected, (list, tuple)):
            expected = np.asarray(expected)  # item by item, as only numpy compares the two
        found = difference(actual, expected)
        return [found] if found else []

    def _where(self, node: ast.expr) -> list[str]:
        """Tell the values of names, and of calls inside of calls."""
        self._told.add(_text(node))
        lines: list[str] = []
        for part in self._leaves(node):
            name, value = self._name(part, tell=False), self._value(part)
            if name not in self._told and not is_proxy(value) and not isinstance(value, _CODE):
                self._told.add(name)
                lines.append(f"where {name} is {shown(value, 160)}")
        return lines[:MAX_WHERE]

    def _leaves(self, node: ast.expr) -> Iterator[ast.expr]:
        """Yield the parts whose values may help; not calls of a module's functions, such as `np.array([1, 2])`."""
        for part in _parts(node):
            root: ast.expr = part
            while isinstance(root, (ast.Attribute, ast.Call)):
                root = root.func if isinstance(root, ast.Call) else root.value
            library = self._known(root) and isinstance(self._value(root), types.ModuleType)
            if self._known(part) and not library and isinstance(part, _TELLING):
                yield part

    def _name(self, node: ast.expr, tell: bool = True) -> str:
        """Return the text of a part, whose value is now told; so are those of the items of a literal."""
        if tell:
            self._told.update(_text(n) for n in (node, *_items(node)))
        text = _text(node)
        return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


@lru_cache(maxsize=1024)
def _parts(node: ast.expr) -> tuple[ast.expr, ...]:
    return tuple(parts(node))


@lru_cache(maxsize=4096)
def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _against(name: str, one: Any, phrase: str, other: Any) -> str:
    """Put two values side by side, or tables one below the other."""
    text, wanted = shown(one), shown(other)
    if "\n" in text or "\n" in wanted:
        return f"{name} is:\n{text}\n{phrase.format('').strip()}:\n{wanted}"
    return f"{name} is {text}, {phrase.format(wanted)}"


def _items(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the items of a list, tuple, set or dictionary that stands in the text, at any depth."""
    if isinstance(node, _DISPLAYS):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield child
                yield from _items(child)


def _is_literal(node: ast.expr) -> bool:
    """Tell whether a part is a plain value of the text, such as `9`, `-1` or `[1, 2]`."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True
