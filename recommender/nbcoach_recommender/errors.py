"""The errors that only the recommender has.

NbcoachError
├── NotFitted (ValueError)    500  a model was asked before it was fitted; our own defect
├── DamagedFile               500  a file of the recommender's own state is damaged; never the caller's to see
└── InvalidInput (ValueError) 400
    └── InvalidData           400  a file of answers cannot be read
"""

from __future__ import annotations

from nbcoach_exercises.errors import InvalidInput, NbcoachError


class NotFitted(NbcoachError, ValueError):
    """A model was asked for a prediction before it was fitted."""

    code = "not-fitted"

    def __init__(self, model: str) -> None:
        super().__init__(f"The model {model!r} was asked before fit() or partial_fit() was called.", model=model)


class InvalidData(InvalidInput):
    """A file of answers is not in the form that evaluation reads."""

    code = "invalid-data"

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}", where=where)


class DamagedFile(NbcoachError):
    """A file that the recommender wrote for itself is not what was written."""

    code = "damaged-file"

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"The file {name} is damaged and was not used: {why}", file=name)
