"""Models that estimate what a learner can do, and rankers that order what may come next."""

from __future__ import annotations
