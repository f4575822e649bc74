"""Moments and spans of time, with their zones and units, for the codec."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Any

import numpy as np
import pandas as pd

from ..errors import Undecodable

MAX_STAMP = 100
_UNITS = ("s", "ms", "us", "ns")


def zone_of(value: datetime.datetime | datetime.time) -> str:
    """Return the name of a moment's zone, nothing where it has none with a name."""
    return getattr(value.tzinfo, "key", None) or ""


def zoned(kind: type[Any], text: str, fold: int, zone: str) -> Any:
    """Return a `datetime` or `time` from its ISO form and the name of its zone."""
    stamp = kind.fromisoformat(text).replace(fold=fold)
    return stamp.replace(tzinfo=zoneinfo.ZoneInfo(zone)) if zone else stamp


def timestamp(text: str, zone: str, unit: Any) -> pd.Timestamp:
    """Return a timestamp of pandas.

    Raises:
        Undecodable: it is none.

    """
    if type(text) is not str or len(text) > MAX_STAMP or unit not in _UNITS:
        raise Undecodable("A timestamp is malformed.")
    stamp = pd.Timestamp(text).as_unit(unit)
    return stamp.tz_convert(zone) if zone else stamp


def timedelta(count: int, unit: Any) -> pd.Timedelta:
    """Return a span of time of pandas.

    Raises:
        Undecodable: it is none.

    """
    if type(count) is not int or unit not in _UNITS:
        raise Undecodable("A timedelta is malformed.")
    return pd.Timedelta(np.timedelta64(count, unit))
