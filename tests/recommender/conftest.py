"""Settings of the recommender's tests: property tests draw the same examples each time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("nbcoach", derandomize=True, deadline=None)
settings.load_profile("nbcoach")
