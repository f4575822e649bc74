"""Limits on how fast one caller may ask: a token bucket for each name, bounded in number."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from nbcoach_exercises.errors import TooMany


class TokenBucket:
    """Allow `burst` calls at once and `rate` calls a second in the long run."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def spend(self, cost: float = 1.0) -> float:
        """Take `cost` tokens and return 0, or take none and return the seconds to wait."""
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= cost:
            self._tokens -= cost
            return 0.0
        return (cost - self._tokens) / self.rate


class Limits:
    """Hold one bucket for each caller; the caller unseen for longest is forgotten first.

    Args:
        rate: calls a second of one caller in the long run.
        burst: calls of one caller at once.
        names: how many callers are remembered.
        clock: tells the time in seconds.
        refused: called at each refusal.

    """

    def __init__(
        self,
        rate: float,
        burst: float,
        names: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
        refused: Callable[[], None] | None = None,
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._names = names
        self._clock = clock
        self._refused = refused
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def spend(self, name: str, cost: float = 1.0) -> None:
        """Count a call of `name`.

        Raises:
            TooMany: the caller's bucket is empty.

        """
        bucket = self._buckets.pop(name, None) or TokenBucket(self.rate, self.burst, self._clock)
        self._buckets[name] = bucket
        if len(self._buckets) > self._names:
            self._buckets.popitem(last=False)
        wait = bucket.spend(cost)
        if wait > 0:
            if self._refused is not None:
                self._refused()
            raise TooMany(f"Too many requests; try again in {wait:.1f} s.", retry_after=round(wait, 3))
