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
    return _found(actual, expected, "", 0)


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
    if kind is not type(expected):
        return _of_types(actual, expected, place)
    if depth < MAX_DEPTH:
        if kind is str:
            return _of_text(actual, expected, place)
        if kind in (list, tuple):
            return _of_sequences(actual, expected, place, depth)
        if kind is dict:
            return _of_mappings(actual, expected, place, depth)
        if kind in (set, frozenset):
            return _of_sets(actual, expected, place)
        if kind is np.ndarray:
            return _of_arrays(actual, expected, place)
        if _is_pandas(actual):
            return _of_tables(actual, expected, place)
    if kind is float and math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-12):
        return _at(place, f"They differ by {abs(actual - expected):.2g} only, as rounding does.")
    return _instead(actual, expected, place) if place else None


def _at(place: str, words: str) -> str:
    """Put the place before a sentence; the front end translates the two apart."""
    return f"At {place}: {words}" if place else words


def _instead(actual: Any, expected: Any, place: str) -> str:
    return _at(place, f"{shown(actual, 80)} instead of {shown(expected, 80)}.")


def _of_types(actual: Any, expected: Any, place: str) -> str | None:
    numbers = (int, float, complex, np.number)
    if isinstance(actual, numbers) and isinstance(expected, numbers):
        return _instead(actual, expected, place) if place else None
    if actual is None or expected is None or is_proxy(actual) or is_proxy(expected):
        return _instead(actual, expected, place)
    if isinstance(actual, type) or isinstance(expected, type):
        return None
    if place:
        return _at(place, f"{shown(actual, 80)} is of type {type_name(actual)}, not {type_name(expected)}.")
    return f"It is of type {type_name(actual)}, not {type_name(expected)}."


def _of_text(actual: str, expected: str, where: str) -> str | None:
    if actual == expected:
        return None
    if actual.casefold() == expected.casefold():
        return _at(where, "Only upper and lower case differ.")
    if actual.split() == expected.split() or "".join(actual.split()) == "".join(expected.split()):
        return _at(where, "Only spaces or line breaks differ.")
    if max(len(actual), len(expected)) <= MAX_GLANCE // 4:
        return _instead(actual, expected, where) if where else None
    place = next((n for n, (a, e) in enumerate(zip(actual, expected, strict=False)) if a != e), None)
    if place is None:
        place = min(len(actual), len(expected))
        rest = shown(max(actual, expected, key=len)[place:], 60)
        few = len(actual) < len(expected)
        return _at(where, f"{rest} at the end is missing." if few else f"{rest} at the end is too much.")
    line = actual.count("\n", 0, place)
    ours, theirs = (shown(text[place : place + 12], 40) for text in (actual, expected))
    if line:
        character = place - actual.rfind("\n", 0, place)
        return _at(where, f"Line {line + 1}, character {character}: {ours} instead of {theirs}.")
    return _at(where, f"Character {place + 1}: {ours} instead of {theirs}.")


def _of_sequences(actual: Sequence[Any], expected: Sequence[Any], place: str, depth: int) -> str | None:
    for number, (one, other) in enumerate(zip(actual, expected, strict=False)):
        if not same(one, other):
            deeper = f"{place}[{number}]"
            return _found(one, other, deeper, depth + 1) or _instead(one, other, deeper)
    have, want = len(actual), len(expected)
    if have < want:
        return _at(place, f"Length {have} instead of {want}; [{have}] is missing: {shown(expected[have], 80)}.")
    return _at(place, f"Length {have} instead of {want}; [{want}] is too much.") if have > want else None


def _of_mappings(actual: Mapping[Any, Any], expected: Mapping[Any, Any], place: str, depth: int) -> str | None:
    missing = [key for key in expected if key not in actual]
    if missing:
        return _at(place, f"Missing keys: {_few(missing)}.")
    extra = [key for key in actual if key not in expected]
    if extra:
        return _at(place, f"Unexpected keys: {_few(extra)}.")
    for key, other in expected.items():
        if not same(actual[key], other):
            deeper = f"{place}[{shown(key, 60)}]"
            return _found(actual[key], other, deeper, depth + 1) or _instead(actual[key], other, deeper)
    return None


def _of_sets(actual: Any, expected: Any, place: str) -> str:
    missing = [item for item in expected if item not in actual]
    if missing:
        return _at(place, f"Missing items: {_few(missing)}.")
    return _at(place, f"Unexpected items: {_few([item for item in actual if item not in expected])}.")


def _few(found: Sequence[Any]) -> str:
    """Show the first three, and that there are more."""
    return ", ".join([*(shown(item, 60) for item in found[:3]), *(["…"] if len(found) > 3 else [])])


def _of_arrays(actual: Any, expected: Any, place: str) -> str | None:
    if actual.shape != expected.shape:
        return _at(place, f"The shape is {actual.shape} instead of {expected.shape}.")
    if actual.dtype.kind != expected.dtype.kind and np.array_equal(actual, expected):
        return _at(place, f"The dtype is {actual.dtype} instead of {expected.dtype}.")
    close = np.isclose(actual, expected, equal_nan=True) if actual.dtype.kind in "fiuc" else actual == expected
    wrong = np.argwhere(~np.asarray(close, dtype=bool))
    if not len(wrong) or not actual.ndim:
        return None
    first = tuple(int(n) for n in wrong[0])
    index = ", ".join(map(str, first))
    ours, theirs = _bare(actual[first]), _bare(expected[first])
    if len(wrong) == 1:
        return f"At {place}[{index}]: {ours} instead of {theirs}."
    differ = f"{len(wrong)} of {actual.size} items differ, first at [{index}]: {ours} instead of {theirs}."
    return _at(place, differ)


def _of_tables(actual: Any, expected: Any, place: str) -> str | None:
    """Compare pandas objects: labels first, as wrong ones make all the rest wrong."""
    for name in ("columns", "index"):
        ours, theirs = getattr(actual, name, None), getattr(expected, name, None)
        if ours is not None and theirs is not None and not ours.equals(theirs):
            have, want = shown(list(ours), 100), shown(list(theirs), 100)
            columns = name == "columns"
            return _at(place, f"Columns {have} instead of {want}." if columns else f"Index {have} instead of {want}.")
    if not hasattr(actual, "index"):
        return None
    for column in getattr(actual, "columns", [None]):
        one, other = (actual, expected) if column is None else (actual[column], expected[column])
        if getattr(one, "ndim", 1) != 1:
            return None
        inside = place if column is None else f"{place}[{shown(column, 60)}]"
        for label, ours, theirs in zip(one.index, one, other, strict=True):
            if not same(ours, theirs):
                return _at(inside, f"Row {_bare(label)}: {_bare(ours)} instead of {_bare(theirs)}.")
        if one.dtype != other.dtype:
            return _at(inside, f"The dtype is {one.dtype} instead of {other.dtype}.")
    return None


def _bare(value: Any) -> str:
    """Show a numpy scalar as the plain value that it is."""
    return shown(value.item() if isinstance(value, np.generic) else value, 60)


def _is_pandas(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and type(value) in (pandas.DataFrame, pandas.Series, pandas.Index)
