"""Write-back: make the caller's own mutable argument look as the called function left its copy."""

from __future__ import annotations

from typing import Any

import numpy as np


def write_back(before: Any, after: Any) -> None:
    """Change `before` in place until it holds what `after` holds.

    Containers of the same kind at the same place keep their identity, so a test that holds
    an inner list sees the change too. Values of different kinds are left alone.
    """
    if type(before) is not type(after):
        return
    if isinstance(before, list):
        for place, (old, new) in enumerate(zip(before, after)):  # noqa: B905 - lengths may differ
            before[place] = _merged(old, new)
        if len(before) != len(after):
            before[len(after) :] = after[len(before) :]
    elif isinstance(before, dict):
        merged = {key: _merged(before[key], new) if key in before else new for key, new in after.items()}
        before.clear()
        before.update(merged)
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


def _merged(old: Any, new: Any) -> Any:
    if type(old) is type(new) and isinstance(old, (list, dict, set, bytearray, np.ndarray)):
        write_back(old, new)
        return old
    return new
