"""`isinstance` and `issubclass` in a judge: a learner's object may be of a class that both sides have.

A class of a library, or of the author's own cells, is not the same object on both sides. Whether
a learner's object is of such a class is the learner's word, as its attributes are. A type that
crosses by value is never vouched for.
"""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable, Iterator
from typing import Any

from .judge_peer import JudgePeer
from .proxy import Proxy, is_proxy, is_type_proxy, oid_of

Replaced = dict[tuple[Any, str], Callable[..., Any]]


def class_checks(peer: JudgePeer) -> Replaced:
    """Return what stands in a judge for the two builtins."""
    is_instance, is_subclass = builtins.isinstance, builtins.issubclass

    def instance_of(value: Any, classes: Any) -> bool:
        if not is_subclass(type(value), Proxy):
            return is_instance(value, classes)
        return _either(is_instance, "is-instance", value, classes)

    def subclass_of(value: Any, classes: Any) -> bool:
        if not is_subclass(type(value), Proxy) or not is_type_proxy(value):
            return is_subclass(value, classes)
        return _either(is_subclass, "is-subclass", value, classes)

    def _either(check: Callable[[Any, Any], bool], operation: str, value: Any, classes: Any) -> bool:
        try:
            if check(value, classes):
                return True
        except TypeError:  # an abstract base class wants a real class
            if not all(is_proxy(cls) or is_instance(cls, type) for cls in _flat(classes)):
                raise
        places = [place for cls in _flat(classes) if not is_proxy(cls) and (place := peer.place_of(cls))]
        return any(peer.request(operation, oid_of(value), *place) is True for place in places)

    return {(builtins, "isinstance"): instance_of, (builtins, "issubclass"): subclass_of}


def _flat(classes: Any) -> Iterator[Any]:
    """Yield single classes of what `isinstance` takes."""
    parts = classes if type(classes) is tuple else getattr(classes, "__args__", ()) if _is_union(classes) else None
    if parts is None:
        yield classes
        return
    for part in parts:
        yield from _flat(part)


def _is_union(classes: Any) -> bool:
    return type(classes) is types.UnionType
