"""The codec: which values cross between subject and judge, by their exact type, and nothing else.

Never pickle. A value is encoded when its type is exactly one that is listed here; a
subclass with learner-made behaviour is not data and stays where it is, behind a reference
(see `references`). Plain msgpack scalars stand for themselves, anything else is an array whose
first item is a `Tag`. Identity is kept within one transfer: a container met again is a `REF`
to its number. Decoding is bounded in depth and in the number of items; the frame bounds bytes.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
import uuid
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..errors import Undecodable

MAX_DEPTH = 60
MAX_ITEMS = 2_000_000
MAX_DIGITS = 20_000


class Tag(IntEnum):
    """First item of an encoded composite."""

    REF = 0
    LIST = 1
    TUPLE = 2
    SET = 3
    FROZENSET = 4
    DICT = 5
    INTEGER = 6
    COMPLEX = 7
    BYTEARRAY = 8
    RANGE = 9
    SLICE = 10
    SINGLETON = 11
    DATETIME = 12
    DATE = 13
    TIME = 14
    TIMEDELTA = 15
    DECIMAL = 16
    FRACTION = 17
    PATH = 18
    UUID = 19
    COUNTER = 20
    DEFAULTDICT = 21
    ORDEREDDICT = 22
    DEQUE = 23
    ARRAY = 24
    OBJECT_ARRAY = 25
    SCALAR = 26
    DTYPE = 27
    INDEX = 28
    SERIES = 29
    FRAME = 30
    TIMESTAMP = 31
    PD_TIMEDELTA = 32
    REFERENCE = 40


class References(Protocol):
    """How things that are not data cross: by a name that only its owner can resolve."""

    def export(self, value: object, encode: Callable[[object], Any]) -> list[Any]:
        """Return the payload that stands for `value`."""

    def resolve(self, payload: Sequence[Any], decode: Callable[[Any], object]) -> object:
        """Return what a payload stands for; raise `Undecodable` for one that is not acceptable."""


_SINGLETONS: dict[str, object] = {"ellipsis": ..., "not-implemented": NotImplemented, "na": pd.NA, "nat": pd.NaT}
_INDEXES = (pd.Index, pd.RangeIndex, pd.DatetimeIndex, pd.MultiIndex, pd.CategoricalIndex, pd.TimedeltaIndex)
_NUMPY_KINDS = "biufcSUMm"
_ITEM_CONTAINERS: dict[type, Tag] = {
    list: Tag.LIST,
    tuple: Tag.TUPLE,
    set: Tag.SET,
    frozenset: Tag.FROZENSET,
}
_PAIR_CONTAINERS: dict[type, Tag] = {
    dict: Tag.DICT,
    collections.Counter: Tag.COUNTER,
    collections.OrderedDict: Tag.ORDEREDDICT,
}


class Encoder:
    """Encode the values of one transfer.

    Args:
        references: stands in for everything that is not data.

    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._memo: dict[int, int] = {}
        self._kept: list[object] = []
        self._items = 0
        self._depth = 0

    def encode(self, value: object) -> Any:
        """Return the encoded form of a value.

        Raises:
            Undecodable: it is nested too deeply or too large.

        """
        kind = type(value)
        if value is None or kind in (bool, float, str, bytes):
            return value
        if kind is int:
            return self._integer(value)  # type: ignore[arg-type]
        if (number := self._memo.get(id(value))) is not None:
            return [Tag.REF, number]
        self._items += 1
        if self._depth >= MAX_DEPTH or self._items > MAX_ITEMS:
            raise Undecodable("The value is nested too deeply or too large to be compared.")
        self._depth += 1
        try:
            return self._composite(kind, value)
        finally:
            self._depth -= 1

    def _number(self, value: object) -> None:
        self._memo[id(value)] = len(self._kept)
        self._kept.append(value)

    @staticmethod
    def _integer(value: int) -> Any:
        if -(2**63) <= value < 2**64:
            return value
        if value.bit_length() > MAX_DIGITS * 4:
            raise Undecodable(f"An integer has more than {MAX_DIGITS} digits.")
        return [Tag.INTEGER, hex(value)]

    def _composite(self, kind: type, value: Any) -> Any:
        if kind in _ITEM_CONTAINERS:
            self._number(value)
            return [_ITEM_CONTAINERS[kind], *map(self.encode, value)]
        if kind in _PAIR_CONTAINERS:
            self._number(value)
            return [_PAIR_CONTAINERS[kind], *self._pairs(value)]
        simple = _SIMPLE.get(kind)
        if simple is not None:
            return [simple[0], *simple[1](value)]
        if kind is collections.defaultdict:
            self._number(value)
            return [Tag.DEFAULTDICT, self.encode(value.default_factory), *self._pairs(value)]
        if kind is collections.deque:
            self._number(value)
            return [Tag.DEQUE, self.encode(value.maxlen), *map(self.encode, value)]
        if kind is slice:
            return [Tag.SLICE, self.encode(value.start), self.encode(value.stop), self.encode(value.step)]
        for name, singleton in _SINGLETONS.items():
            if value is singleton:
                return [Tag.SINGLETON, name]
        library = self._library(kind, value)
        return [Tag.REFERENCE, *self._references.export(value, self.encode)] if library is None else library

    def _pairs(self, value: dict[object, object]) -> list[Any]:
        return [self.encode(part) for pair in value.items() for part in pair]

    def _library(self, kind: type, value: Any) -> list[Any] | None:
        """Encode numpy and pandas values; None for anything else."""
        if kind is np.ndarray:
            if value.dtype.kind in _NUMPY_KINDS:
                self._number(value)
                return [Tag.ARRAY, value.dtype.str, value.tobytes(), list(value.shape)]
            if value.dtype == object:
                self._number(value)
                return [Tag.OBJECT_ARRAY, list(value.shape), *map(self.encode, value.ravel())]
            return None
        if issubclass(kind, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in _NUMPY_KINDS:
            return [Tag.SCALAR, value.dtype.str, value.tobytes()]
        if issubclass(kind, np.dtype) and value.kind in _NUMPY_KINDS + "O":
            return [Tag.DTYPE, value.str]
        if kind in _INDEXES:
            self._number(value)
            names = self.encode(list(value.names))
            if kind is pd.MultiIndex:
                return [Tag.INDEX, "multi", names, self.encode(list(value))]
            return [Tag.INDEX, str(value.dtype), names, self.encode(value.to_numpy())]
        if kind is pd.Series:
            self._number(value)
            return [Tag.SERIES, self.encode(value.index), self.encode(value.name), *self._column(value)]
        if kind is pd.DataFrame:
            self._number(value)
            columns = [part for i in range(value.shape[1]) for part in self._column(value.iloc[:, i])]
            return [Tag.FRAME, self.encode(value.index), self.encode(value.columns), *columns]
        return None

    def _column(self, series: Any) -> list[Any]:
        return [str(series.dtype), self.encode(series.to_numpy())]


_SIMPLE: dict[type, tuple[Tag, Callable[[Any], list[Any]]]] = {
    complex: (Tag.COMPLEX, lambda v: [v.real, v.imag]),
    bytearray: (Tag.BYTEARRAY, lambda v: [bytes(v)]),
    range: (Tag.RANGE, lambda v: [v.start, v.stop, v.step]),
    datetime.datetime: (Tag.DATETIME, lambda v: [v.isoformat()]),
    datetime.date: (Tag.DATE, lambda v: [v.isoformat()]),
    datetime.time: (Tag.TIME, lambda v: [v.isoformat()]),
    datetime.timedelta: (Tag.TIMEDELTA, lambda v: [v.days, v.seconds, v.microseconds]),
    decimal.Decimal: (Tag.DECIMAL, lambda v: [str(v)]),
    fractions.Fraction: (Tag.FRACTION, lambda v: [str(v.numerator), str(v.denominator)]),
    pathlib.PosixPath: (Tag.PATH, lambda v: [str(v)]),
    uuid.UUID: (Tag.UUID, lambda v: [v.bytes]),
    pd.Timestamp: (Tag.TIMESTAMP, lambda v: [v.isoformat(), str(v.tz) if v.tz else ""]),
    pd.Timedelta: (Tag.PD_TIMEDELTA, lambda v: [v.value]),
}


class Decoder:
    """Decode the values of one transfer.

    Args:
        references: resolves what is not data.

    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._kept: list[object] = []
        self._items = 0
        self._depth = 0

    def decode(self, node: Any) -> Any:
        """Return the value that `node` stands for.

        Raises:
            Undecodable: the node is malformed, too deep, too large, or names something that is not acceptable.

        """
        if node is None or type(node) in (bool, int, float, str, bytes):
            return node
        if type(node) is not list or not node or type(node[0]) is not int:
            raise Undecodable("A value is malformed.")
        self._items += 1
        if self._depth >= MAX_DEPTH or self._items > MAX_ITEMS:
            raise Undecodable("A value is nested too deeply or too large.")
        self._depth += 1
        try:
            return self._composite(Tag(node[0]), node[1:])
        except Undecodable:
            raise
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, MemoryError) as err:
            raise Undecodable(f"A value is malformed: {type(err).__name__}.") from err
        finally:
            self._depth -= 1

    def _composite(self, tag: Tag, rest: list[Any]) -> Any:
        if tag is Tag.REF:
            number = rest[0]
            if type(number) is not int or not 0 <= number < len(self._kept):
                raise Undecodable("A reference points nowhere.")
            return self._kept[number]
        if tag in (Tag.LIST, Tag.SET, Tag.DICT, Tag.COUNTER, Tag.ORDEREDDICT, Tag.DEQUE, Tag.DEFAULTDICT):
            return self._mutable(tag, rest)
        if tag in (Tag.TUPLE, Tag.FROZENSET):
            place = self._reserve()
            value: Any = tuple(map(self.decode, rest))
            self._kept[place] = value = value if tag is Tag.TUPLE else frozenset(value)
            return value
        if tag is Tag.REFERENCE:
            return self._references.resolve(rest, self.decode)
        if tag is Tag.SINGLETON:
            return _SINGLETONS[rest[0]]
        if tag is Tag.SLICE:
            return slice(*map(self.decode, rest[:3]))
        if tag in _BUILDERS:
            return _BUILDERS[tag](*rest)
        return self._library(tag, rest)

    def _reserve(self) -> int:
        self._kept.append(None)
        return len(self._kept) - 1

    def _mutable(self, tag: Tag, rest: list[Any]) -> Any:
        """Build a container that may hold itself: it is numbered before its items are read."""
        place = self._reserve()
        if tag is Tag.DEQUE:
            limit = self.decode(rest[0])
            queue: collections.deque[Any] = collections.deque(maxlen=limit)
            self._kept[place] = queue
            queue.extend(map(self.decode, rest[1:]))
            return queue
        if tag is Tag.LIST:
            items: list[Any] = []
            self._kept[place] = items
            items.extend(map(self.decode, rest))
            return items
        if tag is Tag.SET:
            members: set[Any] = set()
            self._kept[place] = members
            members.update(map(self.decode, rest))
            return members
        mapping: Any
        if tag is Tag.DEFAULTDICT:
            self._kept[place] = mapping = collections.defaultdict(self.decode(rest[0]))
            rest = rest[1:]
        else:
            kinds = {Tag.DICT: dict, Tag.COUNTER: collections.Counter, Tag.ORDEREDDICT: collections.OrderedDict}
            self._kept[place] = mapping = kinds[tag]()
        for key, item in zip(rest[::2], rest[1::2], strict=True):
            mapping[self.decode(key)] = self.decode(item)
        return mapping

    def _library(self, tag: Tag, rest: list[Any]) -> Any:
        if tag is Tag.SCALAR:
            return np.frombuffer(rest[1], dtype=_dtype(rest[0]), count=1)[0]
        if tag is Tag.DTYPE:
            return np.dtype(object) if rest[0] == "|O" else _dtype(rest[0])
        place = self._reserve()
        if tag is Tag.ARRAY:
            value: Any = np.frombuffer(rest[1], dtype=_dtype(rest[0])).reshape(rest[2]).copy()
        elif tag is Tag.OBJECT_ARRAY:
            value = np.empty(len(rest) - 1, dtype=object)
            for number, item in enumerate(rest[1:]):
                value[number] = self.decode(item)
            value = value.reshape(rest[0])
        elif tag is Tag.INDEX:
            names = self.decode(rest[1])
            items = self.decode(rest[2])
            multi = rest[0] == "multi"
            value = pd.MultiIndex.from_tuples(items, names=names) if multi else _index(items, rest[0], names)
        elif tag is Tag.SERIES:
            index, name = self.decode(rest[0]), self.decode(rest[1])
            value = pd.Series(_column(self.decode(rest[3]), rest[2]), index=index, name=name)
        elif tag is Tag.FRAME:
            index, columns = self.decode(rest[0]), self.decode(rest[1])
            parts = [_column(self.decode(data), dtype) for dtype, data in zip(rest[2::2], rest[3::2], strict=True)]
            value = pd.DataFrame(dict(enumerate(parts)), index=index)
            value.columns = columns
        else:
            raise Undecodable("A value is of no known kind.")
        self._kept[place] = value
        return value


def _integer(text: str) -> int:
    if type(text) is not str or len(text) > MAX_DIGITS:
        raise Undecodable("An integer is too long.")
    return int(text, 16)


def _decimal(text: str) -> decimal.Decimal:
    if type(text) is not str or len(text) > MAX_DIGITS:
        raise Undecodable("A decimal is too long.")
    return decimal.Decimal(text)


def _timestamp(text: str, zone: str) -> pd.Timestamp:
    stamp = pd.Timestamp(text)
    return stamp.tz_convert(zone) if zone else stamp


def _dtype(name: str) -> np.dtype[Any]:
    """Return a numpy dtype of a plain kind; never one that holds objects or fields."""
    if type(name) is not str or len(name) > 40 or "O" in name or "V" in name or "," in name or "(" in name:
        raise Undecodable("An array has a dtype that is not accepted.")
    dtype = np.dtype(name)
    if dtype.kind not in _NUMPY_KINDS:
        raise Undecodable("An array has a dtype that is not accepted.")
    return dtype


_COLUMN_DTYPES = ("category", "string", "str", "boolean", "object")
_NULLABLE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64")


def _column(values: Any, dtype: str) -> Any:
    if dtype in _COLUMN_DTYPES or dtype in _NULLABLE:
        return pd.array(values, dtype=dtype) if dtype != "object" else np.asarray(values, dtype=object)
    if dtype.startswith("datetime64[ns, ") or dtype.startswith("datetime64[us, "):
        return pd.DatetimeIndex(values)
    return np.asarray(values)


def _index(values: Any, dtype: str, names: list[Any]) -> pd.Index[Any]:
    index: pd.Index[Any] = pd.Index(_column(values, dtype), name=names[0])
    return index


_BUILDERS: dict[Tag, Callable[..., Any]] = {
    Tag.INTEGER: _integer,
    Tag.COMPLEX: complex,
    Tag.BYTEARRAY: bytearray,
    Tag.RANGE: range,
    Tag.DATETIME: datetime.datetime.fromisoformat,
    Tag.DATE: datetime.date.fromisoformat,
    Tag.TIME: datetime.time.fromisoformat,
    Tag.TIMEDELTA: datetime.timedelta,
    Tag.DECIMAL: _decimal,
    Tag.FRACTION: lambda n, d: fractions.Fraction(int(n[:MAX_DIGITS]), int(d[:MAX_DIGITS])),
    Tag.PATH: pathlib.PosixPath,
    Tag.UUID: lambda data: uuid.UUID(bytes=data),
    Tag.TIMESTAMP: _timestamp,
    Tag.PD_TIMEDELTA: pd.Timedelta,
}
