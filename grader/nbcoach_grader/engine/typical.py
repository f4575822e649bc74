"""Typical work: a little of what cells and tests mostly do, for a fork server to do before it is forked.

Python adapts its code to what runs through it. What is adapted before a fork need not be adapted, and copied, in each
fork again.
"""

from __future__ import annotations

import socket
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from . import framing
from .codec import Decoder, Encoder
from .peer import Frame
from .subject import run_cell, serve

_TIMES = 12
_SECONDS = 5.0
_CODE = """
def squares(n):
    return [i * i for i in range(1, n + 1)]
def given(thing):
    return thing
assert squares(3) == [1, 4, 9] and sorted({"b": 1, "a": 2}) == ["a", "b"]
import sys
if "numpy" in sys.modules:
    import numpy as np
    values = np.arange(12.0).reshape(3, 4)
    assert np.allclose(values @ values.T, (values @ values.T).T)
if "pandas" in sys.modules:
    import pandas as pd
    frame = pd.DataFrame({"kind": ["a", "b"] * 20, "value": range(40)})
    means = frame.dropna().groupby("kind")["value"].mean()
    assert (frame["kind"] == "a").mean() == 0.5 and means.idxmax() == "b" and repr(frame.head())
"""


class _Nothing:
    """Stands in for what is no data; there is none."""

    def export(self, value: object, encode: Any) -> list[Any]:
        """Return a name that nothing has."""
        return [0]

    def resolve(self, payload: Any, decode: Any) -> object:
        """Return nothing."""
        return None

    def number(self, array: Any) -> int:
        """Know each array by the same number."""
        return 0

    def met(self, number: Any, array: Any) -> Any:
        """Return the array that came."""
        return array


def warm_up() -> None:
    """Do typical work again and again, and leave nothing behind."""
    for _ in range(_TIMES):
        made: dict[str, Any] = {}
        exec(_CODE, made)  # noqa: S102
        values = [[1, 2.0, "a", None], {"a": (1, b"b")}, *(made.get(name) for name in ("values", "frame", "means"))]
        frame = framing.pack(Encoder(_Nothing()).encode(values))
        Decoder(_Nothing()).decode(framing.unpack(frame[framing.HEADER_BYTES :]))


def exercise(shell: InteractiveShell) -> None:
    """Do it once in a shell, as a learner's process does: run a cell, then answer a judge."""
    run_cell(shell, _CODE, _SECONDS)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        calls = [{"a": 1}, *(shell.user_ns[name] for name in ("values", "frame", "means") if name in shell.user_ns)]
        framing.send(ours, [Frame.REQUEST, "name", "given"])  # the first thing it tells of, so its number is 1
        for value in calls:
            framing.send(ours, [Frame.REQUEST, "call", 1, Encoder(_Nothing()).encode(([value], {}))])
        ours.shutdown(socket.SHUT_WR)
        serve(shell, theirs, _SECONDS)
