"""Guessing passwords is slowed down, for one address first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class Lockout:
    """Answer failed attempts with a growing delay: after `free` of them 1 s, then 2, 4 and so on up to `longest`.

    Kept in memory and bounded; a restart of the hub forgives.
    """

    def __init__(
        self, free: int = 5, longest: float = 900.0, names: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._free = free
        self._longest = longest
        self._names = names
        self._clock = clock
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, name: str) -> float:
        """Return the seconds until the next attempt is taken, 0 for now."""
        count, last = self._failed.get(name, (0, 0.0))
        if count < self._free:
            return 0.0
        delay = min(self._longest, 2.0 ** min(count - self._free, 30))
        return max(0.0, last + delay - self._clock())

    def fail(self, name: str) -> None:
        """Count a failed attempt."""
        count = self._failed.pop(name, (0, 0.0))[0]
        self._failed[name] = (count + 1, self._clock())
        if len(self._failed) > self._names:
            self._failed.popitem(last=False)

    def succeed(self, name: str) -> None:
        """Forget the failed attempts."""
        self._failed.pop(name, None)
