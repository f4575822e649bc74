"""Arrays and tables on the wire: numpy and pandas values taken apart into plain parts, and put together again.

A value of a dtype that is not known here stays where it is, behind a reference. Putting
together trusts nothing: dtypes are from a short list, and nothing is allocated that the bytes
at hand do not pay for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from ..errors import Undecodable

MAX_EMPTY = 1_000_000
"""Most items of an array whose items have no size."""

_KINDS = "biufcSUMm"
_PLAIN = re.compile(r"[<>|=]?(?:b1|[iufc]\d{1,2}|[SU]\d{1,8}|[mM]8(?:\[(?:[1-9]\d{0,5})?(?:[YMWDhms]|[munpfa]s)\])?)")
_NULLABLE = frozenset(
    {f"{kind}{bits}" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)} | {"Float32", "Float64"}
)
_MASKED = _NULLABLE | {"boolean"}
_STRINGS = frozenset({"string", "str"})
INDEXES = (pd.Index, pd.RangeIndex, pd.DatetimeIndex, pd.MultiIndex, pd.CategoricalIndex, pd.TimedeltaIndex)
TYPES: frozenset[type] = frozenset({*np.sctypeDict.values(), np.ndarray, pd.Series, pd.DataFrame, *INDEXES})

Encode = Callable[[Any], Any]


def scalar_parts(kind: type, value: Any) -> list[Any] | None:
    """Return the parts of a numpy scalar or dtype."""
    if issubclass(kind, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in _KINDS:
        return [value.dtype.str, value.tobytes() if value.dtype.itemsize else b""]
    if issubclass(kind, np.dtype) and value.kind in _KINDS + "O":
        return [value.str]
    return None


def scalar(name: Any, data: Any) -> Any:
    """Put a numpy scalar together."""
    return array(name, data, [1])[0]


def dtype(name: Any) -> np.dtype[Any]:
    """Put a dtype together."""
    return np.dtype(object) if name == "|O" else _plain_dtype(name)


def is_plain(value: Any) -> bool:
    """Tell whether the items of an array are plain."""
    return value.dtype.kind in _KINDS


def array_parts(value: Any) -> list[Any]:
    """Return the parts of an array."""
    return [value.dtype.str, value.tobytes(), list(value.shape)]


def array(name: Any, data: Any, shape: Any) -> np.ndarray[Any, Any]:
    """Put an array together."""
    kind = _plain_dtype(name)
    if type(shape) is not list or any(type(n) is not int or n < 0 for n in shape) or type(data) is not bytes:
        raise Undecodable("An array is malformed.")
    count = math.prod(shape)
    if count * kind.itemsize != len(data) or (not kind.itemsize and count > MAX_EMPTY):
        raise Undecodable("An array is of another size than it says.")
    if not data:
        return np.zeros(shape, dtype=kind)
    return np.frombuffer(data, dtype=kind).reshape(shape).copy()


def is_index(kind: type, value: Any) -> bool:
    """Tell whether a value is an index of known items."""
    if kind is pd.MultiIndex:
        return all(is_index(type(level), level) for level in value.levels)
    return kind in INDEXES and _known(value.dtype)


def index_parts(value: Any, encode: Encode) -> list[Any]:
    """Return the parts of an index."""
    names = encode(list(value.names))
    if type(value) is pd.RangeIndex:
        return ["range", names, value.start, value.stop, value.step]
    if type(value) is pd.MultiIndex:
        return ["multi", names, encode(list(value.levels)), encode([np.asarray(codes) for codes in value.codes])]
    return ["items", names, getattr(value, "freqstr", None), *_column_parts(value, encode)]


def index(rest: list[Any], decode: Encode) -> pd.Index[Any]:
    """Put an index together."""
    form, names = rest[0], decode(rest[1])
    if form == "range":
        start, stop, step = rest[2:]
        if any(type(n) is not int for n in (start, stop, step)):
            raise Undecodable("An index is malformed.")
        return pd.RangeIndex(start, stop, step, name=names[0])
    if form == "multi":
        levels = decode(rest[2])
        if type(levels) is not list or not all(map(_paid, levels)):
            raise Undecodable("An index is malformed.")
        return pd.MultiIndex(levels=levels, codes=decode(rest[3]), names=names)
    items = _column(rest[3:], decode)
    found: pd.Index[Any] = pd.Index(items, name=names[0], dtype=_as_it_is(items))
    if type(rest[2]) is str and isinstance(found, pd.DatetimeIndex | pd.TimedeltaIndex):
        return type(found)(found, freq=rest[2][:20])
    return found


def is_series(kind: type, value: Any) -> bool:
    """Tell whether a value is a column of known items."""
    return kind is pd.Series and _known(value.dtype) and is_index(type(value.index), value.index)


def series_parts(value: Any, encode: Encode) -> list[Any]:
    """Return the parts of a column."""
    return [encode(value.index), encode(value.name), *_column_parts(value, encode)]


def series(rest: list[Any], decode: Encode) -> pd.Series[Any]:
    """Put a column together."""
    rows, name = decode(rest[0]), decode(rest[1])
    return _rowed(_column(rest[2:], decode), rows, name)


def columns_of(value: pd.DataFrame) -> list[pd.Series[Any]] | None:
    """Return the columns of a table; None where one of them, or an axis, cannot be taken apart."""
    if not all(is_index(type(axis), axis) for axis in value.axes):
        return None
    columns = [column for _, column in value.items()]
    return columns if all(_known(column.dtype) for column in columns) else None


def frame_parts(value: pd.DataFrame, columns: list[pd.Series[Any]], encode: Encode) -> list[Any]:
    """Return the parts of a table of some columns."""
    axes = [encode(value.index), encode(value.columns)]  # in the order in which they are put together
    return [*axes, *(_column_parts(column, encode) for column in columns)]


def frame(rest: list[Any], decode: Encode) -> pd.DataFrame:
    """Put a table together."""
    rows, columns = decode(rest[0]), decode(rest[1])
    parts = {number: _one_for_each(_column(part, decode), rows) for number, part in enumerate(rest[2:])}
    found = pd.DataFrame(parts, index=rows)
    found.columns = columns
    return found


def _known(kind: Any) -> bool:
    """Tell whether columns of a dtype can be taken apart."""
    if isinstance(kind, np.dtype):
        return kind.kind in _KINDS + "O"
    if isinstance(kind, pd.CategoricalDtype):
        return kind.categories is None or is_index(type(kind.categories), kind.categories)
    return isinstance(kind, pd.DatetimeTZDtype) or str(kind) in _MASKED | _STRINGS


def _column_parts(value: Any, encode: Encode) -> list[Any]:
    """Take a column or index apart into the name of its dtype and plain parts."""
    kind = value.dtype
    if isinstance(kind, pd.CategoricalDtype):
        items = pd.Categorical(value)
        return ["category", encode(bool(items.ordered)), encode(items.categories), encode(np.asarray(items.codes))]
    if isinstance(kind, pd.DatetimeTZDtype):
        return ["zoned", str(kind.tz), encode(pd.DatetimeIndex(value).tz_convert("UTC").tz_localize(None).to_numpy())]
    return [str(kind) if not isinstance(kind, np.dtype) else "numpy", encode(value.to_numpy())]


def _column(rest: list[Any], decode: Encode) -> Any:
    """Put a column together."""
    form = rest[0]
    if form == "category":
        ordered, categories, codes = decode(rest[1]), decode(rest[2]), decode(rest[3])
        if not _paid(categories):
            raise Undecodable("A column has no categories.")
        return pd.Categorical.from_codes(codes, categories=categories, ordered=ordered is True)
    if form == "zoned":
        moments = decode(rest[2])
        if type(moments) is not np.ndarray:
            raise Undecodable("A column is malformed.")
        return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(str(rest[1])[:64])
    items = decode(rest[1])
    if type(items) is not np.ndarray or items.ndim != 1:
        raise Undecodable("A column is malformed.")
    if form == "numpy":
        return items
    if form not in _MASKED | _STRINGS:
        raise Undecodable("A column is of no known dtype.")
    return pd.array(items, dtype=_extension(form))


@lru_cache(maxsize=32)
def _extension(name: str) -> Any:
    """Return a dtype of pandas by its name, for which pandas itself would try one kind after the other."""
    return pd.api.types.pandas_dtype(name)


def _paid(items: Any) -> bool:
    """Tell whether items are an index that is not a short form of something huge."""
    return isinstance(items, pd.Index) and (not isinstance(items, pd.RangeIndex) or len(items) <= MAX_EMPTY)


def _one_for_each(items: Any, rows: Any) -> Any:
    """Return what a table makes a column of, with one item for each row."""
    _check_rows(items, rows)
    plain = (
        items.dtype != object if isinstance(items, np.ndarray) else isinstance(items, pd.api.extensions.ExtensionArray)
    )
    return items if plain else pd.Series(items, index=rows, dtype=_as_it_is(items))


def _rowed(items: Any, rows: Any, name: Any) -> pd.Series[Any]:
    """Return a column of a name of its own."""
    _check_rows(items, rows)
    column: pd.Series[Any] = pd.Series(items, index=rows, name=name, dtype=_as_it_is(items))
    return column


def _check_rows(items: Any, rows: Any) -> None:
    """Refuse other than one item for each row: pandas would repeat or drop some."""
    if not isinstance(rows, pd.Index) or len(items) != len(rows):
        raise Undecodable("A table is of another size than it says.")


def _as_it_is(items: Any) -> Any:
    """Return the dtype that keeps pandas from guessing what objects might be meant for."""
    return object if isinstance(items, np.ndarray) and items.dtype == object else None


def _plain_dtype(name: Any) -> np.dtype[Any]:
    """Return a numpy dtype of a plain kind; never one that holds objects or fields."""
    if type(name) is not str or _PLAIN.fullmatch(name) is None:  # numpy itself divides by a unit of 0
        raise Undecodable("An array has a dtype that is not accepted.")
    return np.dtype(name)
