"""Write-back: make the caller's own mutable argument look as the called function left its copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_TABLES = (pd.DataFrame, pd.Series, np.ndarray)
_NESTED = (list, dict, set, bytearray, np.ndarray)


def write_back(before: Any, after: Any) -> None:
    """Change `before` in place until it holds what `after` holds.

    Containers of the same kind at the same place keep their identity, so a test that holds
    an inner list sees the change too. Values of different kinds are left alone.
    """
    _write_back(before, after, {})


def _write_back(before: Any, after: Any, written: dict[int, Any]) -> None:
    """Do so once for each new container; `written` says which old one it became."""
    if type(before) is not type(after) or id(after) in written:
        return
    written[id(after)] = before
    if isinstance(before, list):
        merged = [_merged(old, new, written) for old, new in zip(before, after, strict=False)]
        before[:] = merged + after[len(merged) :]
    elif isinstance(before, dict):
        items = {key: _merged(before[key], new, written) if key in before else new for key, new in after.items()}
        before.clear()
        before.update(items)
    elif isinstance(before, set):
        before.intersection_update(after)
        before.update(after)
    elif isinstance(before, bytearray):
        before[:] = after
    elif isinstance(before, np.ndarray):
        if before.shape == after.shape and before.flags.writeable:
            before[...] = after
    elif not before.equals(after):
        before._update_inplace(after)


def _merged(old: Any, new: Any, written: dict[int, Any]) -> Any:
    if id(new) in written:
        return written[id(new)]
    if type(old) is type(new) and isinstance(old, _NESTED):
        _write_back(old, new, written)
        return old
    return new


def copy_of(value: Any) -> Any:
    """Return a copy of a table or an array, whose items need not be looked at one by one; None for anything else."""
    return value.copy() if type(value) in _TABLES else None


def same(before: Any, after: Any) -> bool:
    """Tell whether a table or an array is still what its copy is, so that it need not cross the line again."""
    if type(before) not in _TABLES or type(after) is not type(before):
        return False
    if isinstance(before, np.ndarray):
        plain = before.dtype != object and before.dtype == after.dtype and before.shape == after.shape
        return bool(plain and before.tobytes() == after.tobytes())
    return bool(after.equals(before)) and _labels(after) == _labels(before)


def _labels(table: Any) -> list[Any]:
    return [table.name] if isinstance(table, pd.Series) else list(table.columns)
