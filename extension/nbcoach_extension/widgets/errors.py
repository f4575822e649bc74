"""What a widget tells its learner instead of an answer.

RuntimeError
└── WidgetError    the sentence is for the learner
"""

from __future__ import annotations


class WidgetError(RuntimeError):
    """Something is missing, and the message says what to do."""
