"""Simulated courses and learners, to compare policies before a learner has to bear a bad one."""

from __future__ import annotations
