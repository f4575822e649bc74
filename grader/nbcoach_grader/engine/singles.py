"""Values without parts for the codec: how each is taken apart into plain scalars, and built again."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import uuid
from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..errors import Undecodable
from . import stamps

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
    SLIST = 33
    REFERENCE = 40


SINGLES: dict[type, tuple[Tag, Callable[[Any], list[Any]]]] = {
    complex: (Tag.COMPLEX, lambda v: [v.real, v.imag]),
    bytearray: (Tag.BYTEARRAY, lambda v: [bytes(v)]),
    range: (Tag.RANGE, lambda v: [v.start, v.stop, v.step]),
    datetime.datetime: (Tag.DATETIME, lambda v: [v.isoformat(), v.fold, stamps.zone_of(v)]),
    datetime.date: (Tag.DATE, lambda v: [v.isoformat()]),
    datetime.time: (Tag.TIME, lambda v: [v.isoformat(), v.fold, stamps.zone_of(v)]),
    datetime.timedelta: (Tag.TIMEDELTA, lambda v: [v.days, v.seconds, v.microseconds]),
    decimal.Decimal: (Tag.DECIMAL, lambda v: [str(v)]),
    fractions.Fraction: (Tag.FRACTION, lambda v: [hex(v.numerator), hex(v.denominator)]),
    pathlib.PosixPath: (Tag.PATH, lambda v: [str(v)]),
    uuid.UUID: (Tag.UUID, lambda v: [v.bytes]),
    pd.Timestamp: (Tag.TIMESTAMP, lambda v: [v.isoformat(), str(v.tz) if v.tz else "", v.unit]),
    pd.Timedelta: (Tag.PD_TIMEDELTA, lambda v: [int(v.to_timedelta64().astype(np.int64)), v.unit]),
}
"""Tag and parts of a value, by its exact type."""


def whole_number(value: int) -> Any:
    """Return the encoded form of an integer.

    Raises:
        Undecodable: it is too long.

    """
    if -(2**63) <= value < 2**64:
        return value
    if value.bit_length() > MAX_DIGITS * 4:
        raise Undecodable(f"An integer has more than {MAX_DIGITS} digits.")
    return [Tag.INTEGER, hex(value)]


def _integer(text: str) -> int:
    if type(text) is not str or len(text) > MAX_DIGITS + len("-0x"):
        raise Undecodable("An integer is too long.")
    return int(text, 16)


def _decimal(text: str) -> decimal.Decimal:
    if type(text) is not str or len(text) > MAX_DIGITS:
        raise Undecodable("A decimal is too long.")
    return decimal.Decimal(text)


def _bytearray(data: bytes) -> bytearray:
    if type(data) is not bytes:
        raise Undecodable("Bytes are malformed.")
    return bytearray(data)


BUILDERS: dict[Tag, Callable[..., Any]] = {
    Tag.INTEGER: _integer,
    Tag.COMPLEX: complex,
    Tag.BYTEARRAY: _bytearray,
    Tag.RANGE: range,
    Tag.DATETIME: partial(stamps.zoned, datetime.datetime),
    Tag.DATE: datetime.date.fromisoformat,
    Tag.TIME: partial(stamps.zoned, datetime.time),
    Tag.TIMEDELTA: datetime.timedelta,
    Tag.DECIMAL: _decimal,
    Tag.FRACTION: lambda n, d: fractions.Fraction(_integer(n), _integer(d)),
    Tag.PATH: pathlib.PosixPath,
    Tag.UUID: lambda data: uuid.UUID(bytes=data),
    Tag.TIMESTAMP: stamps.timestamp,
    Tag.PD_TIMEDELTA: stamps.timedelta,
}
"""What builds a value from its parts, by tag."""
