"""Where two values differ: one short sentence for a learner, from values that a test compared.

Nothing here asks a learner's object anything: a proxy is shown by the name of its type.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .proxy import is_proxy, is_type_proxy, type_name_of

MAX_SHOWN = 300
MAX_GLANCE = 60
MAX_DEPTH = 8
MAX_ROWS = 20
MAX_COLUMNS = 12
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
}


def shown(value: Any, room: int = MAX_SHOWN) -> str:
    """Return a short form of a value for a message.

    Args:
        value: anything; of a large one only the start is looked at.
        room: characters that the text may take.

    """
    text = "".join(itertools.islice(_pieces(value, room, 0), room))
    return text if len(text) <= room else f"{text[: room - 1]}…"


def type_name(value: Any) -> str:
    """Return the name of a value's type; of a proxy, as the other side claims it."""
    return type_name_of(value) if is_proxy(value) else type(value).__name__


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are equal, without asking a learner's object."""
    if is_proxy(left) or is_proxy(right):
        return left is right
    try:
        if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
            return bool(np.array_equal(left, right))
        if _is_pandas(left) or _is_pandas(right):
            return type(left) is type(right) and bool(left.equals(right))
        # what does not equal itself is not a number
        return bool(left == right) or (left != left and right != right)
    except Exception:
        return False


def difference(actual: Any, expected: Any) -> str | None:
    """Say where two values differ, or None where showing them says enough."""
    if is_proxy(actual) or is_proxy(expected) or actual is None or expected is None:
        return None
    alike = type(actual) is type(expected) and type(actual) in (*_BRACKETS, np.ndarray)
    if alike and len(shown(actual)) + len(shown(expected)) <= MAX_GLANCE:
        return None
    found = _found(actual, expected, "", 0)
    return found[0].upper() + found[1:] if found else None


def _pieces(value: Any, room: int, depth: int) -> Iterator[str]:
    """Yield a value's text in pieces, so that a long one is never made whole."""
    if is_proxy(value):
        yield "a class" if is_type_proxy(value) else f"a {type_name_of(value)} object"
    elif type(value) in (str, bytes):
        yield repr(value[: room + 1])
    elif type(value) in _BRACKETS and value:
        yield from _items(value, room, depth)
    elif isinstance(value, type):
        yield value.__name__
    elif _is_pandas(value) and len(value) > MAX_ROWS:  # the text of it would take long, and be cut
        columns = ", ".join(map(str, itertools.islice(getattr(value, "columns", ()), MAX_COLUMNS + 1)))
        yield f"a {type(value).__name__} of {len(value)} rows" + (f" with the columns {columns}" if columns else "")
    else:
        try:
            yield repr(value)
        except Exception:  # an integer may be too long for it, and an object inside may refuse
            yield f"a {type(value).__name__}"


def _items(value: Any, room: int, depth: int) -> Iterator[str]:
    opening, closing = _BRACKETS[type(value)]
    yield opening
    if depth == MAX_DEPTH:
        yield "…"
    else:
        for number, item in enumerate(value):
            yield ", " if number else ""
            yield from _pieces(item, room, depth + 1)
            if type(value) is dict:
                yield ": "
                yield from _pieces(value[item], room, depth + 1)
        if type(value) is tuple and len(value) == 1:
            yield ","
    yield closing


def _found(actual: Any, expected: Any, place: str, depth: int) -> str | None:
    """Go down to the first difference; `place` is how one gets there."""
    kind = type(actual)
    at = f"At {place}: " if place else ""
    if kind is not type(expected):
        return _of_types(actual, expected, at)
    if depth < MAX_DEPTH:
        if kind is str:
            return _of_text(actual, expected, at)
        if kind in (list, tuple):
            return _of_sequences(actual, expected, place, depth)
        if kind is dict:
            return _of_mappings(actual, expected, place, depth)
        if kind in (set, frozenset):
            return _of_sets(actual, expected, at)
        if kind is np.ndarray:
            return _of_arrays(actual, expected, at)
        if _is_pandas(actual):
            return _of_tables(actual, expected, at)
    if kind is float and math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-12):
        return f"{at}they differ by {abs(actual - expected):.2g} only, as rounding does."
    return _instead(actual, expected, at) if place else None


def _instead(actual: Any, expected: Any, at: str) -> str:
    return f"{at}{shown(actual, 80)} instead of {shown(expected, 80)}."


def _of_types(actual: Any, expected: Any, at: str) -> str | None:
    numbers = (int, float, complex, np.number)
    if isinstance(actual, numbers) and isinstance(expected, numbers):
        return _instead(actual, expected, at) if at else None
    if actual is None or expected is None or is_proxy(actual) or is_proxy(expected):
        return _instead(actual, expected, at)
    if isinstance(actual, type) or isinstance(expected, type):
        return None
    subject = f"{at}{shown(actual, 80)} is" if at else "It is"
    return f"{subject} of type {type_name(actual)}, not {type_name(expected)}."


def _of_text(actual: str, expected: str, at: str) -> str | None:
    if actual == expected:
        return None
    if actual.casefold() == expected.casefold():
        return f"{at}only upper and lower case differ."
    if actual.split() == expected.split() or "".join(actual.split()) == "".join(expected.split()):
        return f"{at}only spaces or line breaks differ."
    if max(len(actual), len(expected)) <= MAX_GLANCE // 4:
        return _instead(actual, expected, at) if at else None
    place = next((n for n, (a, e) in enumerate(zip(actual, expected, strict=False)) if a != e), None)
    if place is None:
        place = min(len(actual), len(expected))
        longer = "is missing" if len(actual) < len(expected) else "is too much"
        rest = max(actual, expected, key=len)[place:]
        return f"{at}{shown(rest, 60)} at the end {longer}."
    line = actual.count("\n", 0, place)
    where = f"character {place + 1}"
    if line:
        where = f"line {line + 1}, character {place - actual.rfind(chr(10), 0, place)}"
    ours, theirs = (shown(text[place : place + 12], 40) for text in (actual, expected))
    return f"{at}{where}: {ours} instead of {theirs}."


def _of_sequences(actual: Sequence[Any], expected: Sequence[Any], place: str, depth: int) -> str | None:
    for number, (one, other) in enumerate(zip(actual, expected, strict=False)):
        if not same(one, other):
            return _found(one, other, f"{place}[{number}]", depth + 1) or _instead(
                one, other, f"At {place}[{number}]: "
            )
    at = f"At {place}: " if place else ""
    have, want = len(actual), len(expected)
    if have == want:
        return None
    which = f"[{have}] is missing: {shown(expected[have], 80)}" if have < want else f"[{want}] is too much"
    return f"{at}{have} {'item' if have == 1 else 'items'} instead of {want}; {which}."


def _of_mappings(actual: Mapping[Any, Any], expected: Mapping[Any, Any], place: str, depth: int) -> str | None:
    at = f"At {place}: " if place else ""
    missing = [key for key in expected if key not in actual]
    extra = [key for key in actual if key not in expected]
    if missing or extra:
        return _missing_and_extra("key", missing, extra, at)
    for key, other in expected.items():
        if not same(actual[key], other):
            deeper = f"{place}[{shown(key, 60)}]"
            return _found(actual[key], other, deeper, depth + 1) or _instead(actual[key], other, f"At {deeper}: ")
    return None


def _of_sets(actual: Any, expected: Any, at: str) -> str:
    return _missing_and_extra(
        "item", [i for i in expected if i not in actual], [i for i in actual if i not in expected], at
    )


def _missing_and_extra(noun: str, missing: Sequence[Any], extra: Sequence[Any], at: str) -> str:
    parts = []
    for label, found in ((f"Missing {noun}", missing), (f"Unexpected {noun}", extra)):
        if found:
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            parts.append(f"{label}{'s'[: len(found) != 1]}: {', '.join(shown(i, 60) for i in found[:3])}{more}.")
    return at + " ".join(parts)


def _of_arrays(actual: Any, expected: Any, at: str) -> str | None:
    if actual.shape != expected.shape:
        return f"{at}shape {actual.shape} instead of {expected.shape}."
    if actual.dtype.kind != expected.dtype.kind and np.array_equal(actual, expected):
        return f"{at}dtype {actual.dtype} instead of {expected.dtype}."
    close = np.isclose(actual, expected, equal_nan=True) if actual.dtype.kind in "fiuc" else actual == expected
    wrong = np.argwhere(~np.asarray(close, dtype=bool))
    if not len(wrong) or not actual.ndim:
        return None
    first = tuple(int(n) for n in wrong[0])
    index = ", ".join(map(str, first))
    count = f"{len(wrong)} of {actual.size} items differ, first " if len(wrong) > 1 else ""
    return f"{at}{count}at [{index}]: {_bare(actual[first])} instead of {_bare(expected[first])}."


def _of_tables(actual: Any, expected: Any, at: str) -> str | None:
    """Compare pandas objects: labels first, as wrong ones make all the rest wrong."""
    for name in ("columns", "index"):
        ours, theirs = getattr(actual, name, None), getattr(expected, name, None)
        if ours is not None and theirs is not None and not ours.equals(theirs):
            return f"{at}{name} {shown(list(ours), 100)} instead of {shown(list(theirs), 100)}."
    if not hasattr(actual, "index"):
        return None
    for column in getattr(actual, "columns", [None]):
        one, other = (actual, expected) if column is None else (actual[column], expected[column])
        if getattr(one, "ndim", 1) != 1:
            return None
        of = "" if column is None else f"column {shown(column, 60)}, "
        for label, ours, theirs in zip(one.index, one, other, strict=True):
            if not same(ours, theirs):
                return f"{at}{of}row {_bare(label)}: {_bare(ours)} instead of {_bare(theirs)}."
        if one.dtype != other.dtype:
            return f"{at}{of}dtype {one.dtype} instead of {other.dtype}."
    return None


def _bare(value: Any) -> str:
    """Show a numpy scalar as the plain value that it is."""
    return shown(value.item() if isinstance(value, np.generic) else value, 60)


def _is_pandas(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and type(value) in (pandas.DataFrame, pandas.Series, pandas.Index)
