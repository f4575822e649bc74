"""The words that every part of nbcoach shares: courses, notebooks, checks, frames and events.

The bottom room. It knows notebooks and nothing about servers, processes or storage,
so both the learner's extension and the services can stand on it.
"""

from __future__ import annotations

__version__ = "0.1.0"
