"""Identities of arrays from one transfer to the next, as far as somebody still holds them and they hold the same.

A list that holds an array equals another one only where both hold the very same array: numpy leaves it to identity. So
an array that has come already, within something else or by another name, is that one again. The other side's word on
this can be taken: all that it could gain is an array of its own that holds what it says.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ..errors import Undecodable
from .writeback import same

Array = np.ndarray[Any, Any]


class Identities:
    """Arrays that crossed a line, each known by a number while it lives."""

    def __init__(self) -> None:
        self._sent: dict[int, tuple[weakref.ref[Array], int]] = {}
        self._met: weakref.WeakValueDictionary[int, Array] = weakref.WeakValueDictionary()
        self._count = 0

    def number(self, array: Array) -> int:
        """Return the number by which the other side may know an array of this side."""
        place = id(array)
        if place not in self._sent:
            self._count += 1
            self._sent[place] = (weakref.ref(array, lambda _: self._sent.pop(place, None)), self._count)
        return self._sent[place][1]

    def met(self, number: Any, array: Array) -> Array:
        """Return the array that came by a number before, if it holds the same as the one that came now, else this one.

        Raises:
            Undecodable: it is no number.

        """
        if type(number) is not int:
            raise Undecodable("An array has no number.")
        known = self._met.get(number)
        if known is not None and same(known, array):
            return known
        self._met[number] = array
        return array
