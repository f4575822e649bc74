"""JSON without the numbers that JSON does not have: NaN and infinities."""

from __future__ import annotations

import json
import math
from typing import Any


def loads_finite(text: str | bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is no JSON, or holds NaN, an infinity, or a number too large to be finite.

    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def all_finite(value: Any) -> bool:
    """Tell whether every number in a JSON value is finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(all_finite, value.values()))
    return not isinstance(value, list) or all(map(all_finite, value))


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> float:
    raise ValueError(f"{text[:40]} is no number of JSON")
