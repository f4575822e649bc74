"""Proxies: what stands on one side for an object that lives on the other.

A proxy forwards attributes, calls, items, iteration and context managers. What it does
*not* forward is the point. In the judge:

- comparing a learner's object with a plain value is answered here: never equal, never ordered; only whether it is
  a certain class or function of a module is asked, as `isinstance` is;
- what else could compare, as its operand may be the expected value, is refused unless the author's own classes
  define it: `in`, arithmetic with a plain value, and comparing methods such as `equals` and `issubset`;
- arithmetic with a plain value never yields a plain value;
- a public attribute that the reference's run never asked of any object is refused, where that run is known;
- an object never passes for an instance of a type that crosses by value.

An object whose `__eq__` returns True, or whose distance to anything is 0, therefore proves nothing.
Between two learner objects, operators are the learner's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

EQUALITY = frozenset({"__eq__", "__ne__"})
ORDER = frozenset({"__lt__", "__le__", "__gt__", "__ge__"})
_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"
_UNARY = "neg pos abs invert round trunc floor ceil bool float int index complex bytes"
_PROTOCOLS = "call iter next reversed len getitem setitem delitem contains str repr format enter exit missing"
_FORMS = {
    f"__{form}{name}__": frozenset(f"__{other}{name}__" for other in ("", "r", "i"))
    for name in f"{_BINARY} divmod".split()
    for form in ("", "r", "i")
}
ARITHMETIC = frozenset(_FORMS) - {"__idivmod__"}
_COMPARING = "equals identical compare eq ne lt le gt ge isin isclose allclose sub subtract startswith endswith"
_OF_SETS = "issubset issuperset isdisjoint difference symmetric_difference"
COMPARING = frozenset(f"{_COMPARING} {_OF_SETS}".split())
_OF_INSTANCES = EQUALITY | ORDER | {"__init__", "__str__", "__repr__", "__hash__", "__call__", "__len__", "__iter__"}
DUNDERS = EQUALITY | ORDER | ARITHMETIC | {f"__{name}__" for name in f"{_UNARY} {_PROTOCOLS}".split()}


class Line(Protocol):
    """What a proxy needs of its peer."""

    strict: bool
    own_methods: frozenset[str]
    by_value: frozenset[type]

    def request(self, operation: str, *arguments: Any) -> Any:
        """Ask the other side."""

    def call(self, oid: int, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call an object of the other side."""

    def encode(self, value: object) -> Any:
        """Encode one transfer."""

    def may_ask(self, name: str) -> bool:
        """Tell whether an object of the other side may be asked for an attribute."""

    def same(self, oid: int, thing: object) -> bool:
        """Tell whether an object of the other side is said to be a class or function that this side has too."""


class Proxy:
    """Base of all proxy classes; each proxy has a class of its own with just the operators of its object."""

    __slots__ = ("_nbcoach_is_type", "_nbcoach_number", "_nbcoach_peer", "_nbcoach_type_name")


def peer_of(proxy: object) -> Line:
    """Return the peer that a proxy asks."""
    found: Line = object.__getattribute__(proxy, "_nbcoach_peer")
    return found


def oid_of(proxy: object) -> int:
    """Return the number of a proxy's object on the other side."""
    number: int = object.__getattribute__(proxy, "_nbcoach_number")
    return number


def type_name_of(proxy: object) -> str:
    """Return the name of the type of a proxy's object, as the other side claims it."""
    name: str = object.__getattribute__(proxy, "_nbcoach_type_name")
    return name


def is_type_proxy(proxy: object) -> bool:
    """Tell whether a proxy stands for a class."""
    found: bool = object.__getattribute__(proxy, "_nbcoach_is_type")
    return found


def is_proxy(value: object) -> bool:
    """Tell whether a value is a proxy, without asking the value."""
    return issubclass(type(value), Proxy)


def make_proxy(peer: Line, number: int, type_name: str, dunders: Sequence[str], is_type: bool) -> object:
    """Return a proxy for the object `number` of the other side, with the operators that its type has."""
    members: dict[str, Any] = {"__slots__": ()}
    for name in dunders:
        members[name] = _call if name == "__call__" else _operator(name)
    members["__eq__"] = _equality("__eq__" in dunders, "__eq__", True)
    members["__ne__"] = _equality("__eq__" in dunders, "__ne__", False)
    members["__hash__"] = lambda self: hash(("nbcoach", oid_of(self)))
    members.update(_PLUMBING)
    if is_type:
        members["__getattribute__"] = _get_of_class
        members["__instancecheck__"] = lambda self, value: _ask(self, "isinstance", peer_of(self).encode(value))
        members["__subclasscheck__"] = lambda self, value: _ask(self, "issubclass", peer_of(self).encode(value))
    cls = type.__new__(type, f"Learner_{type_name}", (Proxy,), members)
    proxy: object = object.__new__(cls)
    slots = {"peer": peer, "number": number, "type_name": type_name, "is_type": is_type}
    for slot, value in slots.items():
        object.__setattr__(proxy, f"_nbcoach_{slot}", value)
    return proxy


def _ask(proxy: object, operation: str, *arguments: Any) -> Any:
    return peer_of(proxy).request(operation, oid_of(proxy), *arguments)


def _call(self: object, *args: Any, **kwargs: Any) -> Any:
    return peer_of(self).call(oid_of(self), args, kwargs)


def _operator(name: str) -> Callable[..., Any]:
    def operate(self: object, *args: Any) -> Any:
        plain = bool(args) and not is_proxy(args[0])
        if plain and name in ORDER and _strict(self):
            return NotImplemented
        if plain and name == "__contains__" and _strict(self) and not _defined(self, {name}):
            raise TypeError(f"a {type_name_of(self)} object is no plain collection: compare its items")
        guarded = plain and name in ARITHMETIC and _strict(self)
        if guarded and not _defined(self, _FORMS[name]):
            raise _no_plain_value(self)
        result = _ask(self, "dunder", name, peer_of(self).encode(list(args)))
        if guarded and result is not NotImplemented and not is_proxy(result):
            raise _no_plain_value(self)
        return result

    operate.__name__ = name
    return operate


def _defined(proxy: object, names: Collection[str]) -> bool:
    """Tell whether the author's own classes define one of some methods."""
    return not peer_of(proxy).own_methods.isdisjoint(names)


def _no_plain_value(proxy: object) -> TypeError:
    return TypeError(f"a {type_name_of(proxy)} object is no plain value: compare one of its attributes")


def _equality(defined: bool, name: str, when_same: bool) -> Callable[[object, object], Any]:
    def compare(self: object, other: object) -> Any:
        if not is_proxy(other):
            if _strict(self):
                return when_same if peer_of(self).same(oid_of(self), other) else not when_same
            return _ask(self, "dunder", name, peer_of(self).encode([other]))
        if oid_of(self) == oid_of(other):
            return when_same
        if not defined:
            return not when_same
        return _ask(self, "dunder", name, peer_of(self).encode([other]))

    compare.__name__ = name
    return compare


def _strict(proxy: object) -> bool:
    """Tell whether a proxy stands in a judge, where its word is not taken."""
    return peer_of(proxy).strict


def _get(self: object, name: str) -> Any:
    if name.startswith(("_ipython_", "_repr_", "__array", "__jupyter", "_nbcoach")):
        raise AttributeError(name)
    if name in COMPARING and _strict(self) and not _defined(self, {name}):
        raise _no_plain_value(self)
    if not peer_of(self).may_ask(name):
        raise TypeError(f"expected data, got a {type_name_of(self)} object")
    return _ask(self, "attribute", name)


def _get_of_class(self: object, name: str) -> Any:
    """Return an attribute of a learner's class: `Square.__init__` is that of its instances, not the proxy's own."""
    if name not in _OF_INSTANCES:
        return object.__getattribute__(self, name)
    if name in DUNDERS and _strict(self) and not _defined(self, {name}):
        raise _no_plain_value(self)
    return _ask(self, "attribute", name)


def _class(self: object) -> Any:
    """Return the learner's class; a type that crosses by value would be a lie."""
    claimed = _ask(self, "type")
    return type(self) if _strict(self) and isinstance(claimed, type) and claimed in peer_of(self).by_value else claimed


def _set(self: object, name: str, value: Any) -> None:
    _ask(self, "set-attribute", name, peer_of(self).encode(value))


_PLUMBING: dict[str, Any] = {
    "__getattr__": _get,
    "__setattr__": _set,
    "__dir__": lambda self: _ask(self, "dir"),
    "__class__": property(_class),
    "__init__": property(lambda self: _get(self, "__init__")),
    "__doc__": property(lambda self: _get(self, "__doc__")),
    "__module__": property(lambda self: _get(self, "__module__")),
    "__dict__": property(lambda self: _get(self, "__dict__")),
}
