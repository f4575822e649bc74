"""The codec: which values cross between subject and judge, by their exact type, and nothing else.

Never pickle. A value is encoded when its type is exactly one that is listed here; a
subclass with learner-made behaviour is not data and stays where it is, behind a reference
(see `References`). Plain msgpack scalars stand for themselves, anything else is an array whose
first item is a `Tag`. Identity is kept within one transfer: a container met again is a `REF`
to its number. Arrays keep it from one transfer to the next, too (see `identities`). Decoding is bounded
in depth and in the number of items; the frame bounds bytes.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from IPython.utils.text import SList

from ..errors import Undecodable
from . import tables
from .singles import BUILDERS, SINGLES, Tag, whole_number

MAX_DEPTH = 60
MAX_ITEMS = 500_000
MAX_EXPANDED = 10_000_000
"""Most items of a transfer if everything that is shared were written out: what hashing or showing it costs."""


class References(Protocol):
    """How things that are not data cross: by a name that only its owner can resolve."""

    def export(self, value: object, encode: Callable[[object], Any]) -> list[Any]:
        """Return the payload that stands for `value`."""

    def resolve(self, payload: Sequence[Any], decode: Callable[[Any], object]) -> object:
        """Return what a payload stands for; raise `Undecodable` for one that is not acceptable."""

    def number(self, array: np.ndarray[Any, Any]) -> int:
        """Return a number by which the other side knows an array when it comes again."""

    def met(self, number: Any, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the array that came by a number before, where it is the same still, else the one that came now."""


_SINGLETONS: dict[str, object] = {"ellipsis": ..., "not-implemented": NotImplemented, "na": pd.NA, "nat": pd.NaT}
_UNFINISHED = object()
_LEAVES = frozenset({type(None), bool, float, str, bytes})
_LEAVES_READ = _LEAVES | {int}
_ITEM_CONTAINERS: dict[type, Tag] = {
    list: Tag.LIST,
    SList: Tag.SLIST,
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
            return whole_number(value)  # type: ignore[arg-type]
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

    def _all(self, values: Collection[object]) -> Iterable[Any]:
        """Encode values; those that stand for themselves need no look one by one."""
        kinds = set(map(type, values))
        if kinds <= _LEAVES or (kinds == {int} and _fit(values)):
            return values
        return map(self.encode, values)

    def _number(self, value: object) -> None:
        self._memo[id(value)] = len(self._kept)
        self._kept.append(value)

    def _composite(self, kind: type, value: Any) -> Any:
        if kind in _ITEM_CONTAINERS:
            self._number(value)
            return [_ITEM_CONTAINERS[kind], *self._all(value)]
        if kind in _PAIR_CONTAINERS:
            self._number(value)
            return [_PAIR_CONTAINERS[kind], *self._pairs(value)]
        if kind in tables.TYPES and (table := self._library(kind, value)) is not None:
            return table
        simple = SINGLES.get(kind)
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
            if value.dtype == object:
                self._number(value)
                return [Tag.OBJECT_ARRAY, list(value.shape), *self._all(value.ravel().tolist())]
            if not tables.is_plain(value):
                return None
            self._number(value)
            return [Tag.ARRAY, *tables.array_parts(value), self._references.number(value)]
        if kind is pd.DataFrame:
            columns = tables.columns_of(value)
            if columns is None:
                return None
            self._number(value)
            return [Tag.FRAME, *tables.frame_parts(value, columns, self.encode)]
        if kind in _ROWS:
            accepts, tag, parts = _ROWS[kind]
            if not accepts(kind, value):
                return None
            self._number(value)
            return [tag, *parts(value, self.encode)]
        scalar = tables.scalar_parts(kind, value)
        return None if scalar is None else [Tag.SCALAR if isinstance(value, np.generic) else Tag.DTYPE, *scalar]


def _fit(integers: Collection[Any]) -> bool:
    least, most = int(min(integers)), int(max(integers))
    return least >= -(2**63) and most < 2**64


class Decoder:
    """Decode the values of one transfer.

    Args:
        references: resolves what is not data.

    """

    def __init__(self, references: References) -> None:
        self._references = references
        self._kept: list[object] = []
        self._weights: dict[int, int] = {}
        self._items = 0
        self._expanded = 0
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
        place, before = len(self._kept), self._expanded
        try:
            value = self._composite(_TAGS[node[0]], node[1:])
            self._weights[place] = self._pay(len(node)) - before
            return value
        except Undecodable:
            raise
        except Exception as err:  # whatever a library makes of parts that it never expected
            raise Undecodable(f"A value is malformed: {type(err).__name__}.") from err
        finally:
            self._depth -= 1

    def _all(self, nodes: list[Any]) -> Iterable[Any]:
        """Decode nodes; those that stand for themselves need no look one by one."""
        return nodes if _LEAVES_READ.issuperset(map(type, nodes)) else map(self.decode, nodes)

    def _pay(self, items: int) -> int:
        """Count items, those of shared values each time they are met."""
        self._expanded += items
        if self._expanded > MAX_EXPANDED:
            raise Undecodable("A value shares its parts too often.")
        return self._expanded

    def _composite(self, tag: Tag, rest: list[Any]) -> Any:
        if tag is Tag.REF:
            number = rest[0]
            if type(number) is not int or not 0 <= number < len(self._kept):
                raise Undecodable("A reference points nowhere.")
            if self._kept[number] is _UNFINISHED:
                raise Undecodable("A value that cannot change holds itself.")
            self._pay(self._weights.get(number, 0))
            return self._kept[number]
        if tag in (Tag.LIST, Tag.SLIST, Tag.SET, Tag.DICT, Tag.COUNTER, Tag.ORDEREDDICT, Tag.DEQUE, Tag.DEFAULTDICT):
            return self._mutable(tag, rest)
        if tag in (Tag.TUPLE, Tag.FROZENSET):
            place = self._reserve()
            value: Any = tuple(self._all(rest))
            self._kept[place] = value = value if tag is Tag.TUPLE else frozenset(value)
            return value
        if tag is Tag.REFERENCE:
            return self._references.resolve(rest, self.decode)
        if tag is Tag.SINGLETON:
            return _SINGLETONS[rest[0]]
        if tag is Tag.SLICE:
            return slice(*map(self.decode, rest[:3]))
        if tag in BUILDERS:
            return BUILDERS[tag](*rest)
        return self._library(tag, rest)

    def _reserve(self) -> int:
        self._kept.append(_UNFINISHED)
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
        if tag in (Tag.LIST, Tag.SLIST):
            items: list[Any] = [] if tag is Tag.LIST else SList()
            self._kept[place] = items
            items.extend(self._all(rest))
            return items
        if tag is Tag.SET:
            members: set[Any] = set()
            self._kept[place] = members
            members.update(self._all(rest))
            return members
        mapping: Any
        if tag is Tag.DEFAULTDICT:
            self._kept[place] = mapping = collections.defaultdict(self.decode(rest[0]))
            rest = rest[1:]
        else:
            kinds = {Tag.DICT: dict, Tag.COUNTER: collections.Counter, Tag.ORDEREDDICT: collections.OrderedDict}
            self._kept[place] = mapping = kinds[tag]()
        for key, item in zip(rest[::2], rest[1::2], strict=True):
            place_of = self.decode(key)  # an assignment would read the item first, and references count on the order
            mapping[place_of] = self.decode(item)
        return mapping

    def _library(self, tag: Tag, rest: list[Any]) -> Any:
        if tag is Tag.SCALAR:
            return tables.scalar(rest[0], rest[1])
        if tag is Tag.DTYPE:
            return tables.dtype(rest[0])
        place = self._reserve()
        if tag is Tag.OBJECT_ARRAY:
            value: Any = np.empty(len(rest) - 1, dtype=object)
            items = self._all(rest[1:])
            if type(items) is list:
                value[:] = items
            else:
                for number, item in enumerate(items):  # as one, lists would be taken for more dimensions
                    value[number] = item
            value = value.reshape(rest[0])
        elif tag is Tag.ARRAY:
            value = tables.array(*rest[:3])
            if len(rest) > 3:
                value = self._references.met(rest[3], value)
        elif tag in _TABLES:
            value = _TABLES[tag](rest, self.decode)
        else:
            raise Undecodable("A value is of no known kind.")
        self._kept[place] = value
        return value


_TAGS = {int(tag): tag for tag in Tag}
_ROWS = {
    **dict.fromkeys(tables.INDEXES, (tables.is_index, Tag.INDEX, tables.index_parts)),
    pd.Series: (tables.is_series, Tag.SERIES, tables.series_parts),
}
_TABLES = {Tag.INDEX: tables.index, Tag.SERIES: tables.series, Tag.FRAME: tables.frame}
BY_VALUE: frozenset[type] = frozenset(
    {type(None), bool, int, float, str, bytes, collections.defaultdict, collections.deque, slice}
    | {*_ITEM_CONTAINERS, *_PAIR_CONTAINERS, *SINGLES, *tables.TYPES}
)
"""Types whose values always cross by value, so that no reference can be of one."""
