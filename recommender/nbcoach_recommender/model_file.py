"""The fitted model of a course in a file: what `fit` has learnt of tasks, and nothing of any learner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import read_archive, write_archive
from .errors import DamagedFile
from .models.abc import Task
from .models.forest import Forest
from .models.stacked import StackedMastery

_VERSION = 1
_NAMES_OF_CONTEXTS = hash((1, 2, 3))
"""Contexts are named by a hash that another Python may compute in another way."""


def write_model(path: Path, model: StackedMastery, fitted: int) -> None:
    """Write a model that was fitted to the first `fitted` entries of a journal."""
    about = {
        "version": _VERSION,
        "contexts": _NAMES_OF_CONTEXTS,
        "fitted": fitted,
        "names": model.names(),
        "parameters": model.get_params(),
    }
    write_archive(path, about, model.arrays())


def read_model(path: Path) -> tuple[StackedMastery, int]:
    """Read a model, and up to which entry of the journal it was fitted.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: it is not what was written, or from another version.

    """
    about, arrays = read_archive(path)
    if about.get("version") != _VERSION or about.get("contexts") != _NAMES_OF_CONTEXTS:
        raise DamagedFile(path.name, "it was written by another version; the next refit replaces it")
    try:
        model = StackedMastery(**about["parameters"]).restore(about["names"], arrays)
        _check(model, arrays)
        # Whatever is still wrong shows here, and not when a learner asks.
        for task in [Task(name, ()) for name in list(model.fitted_.tasks)[:3]]:
            model.predict("", task)
        return model, int(about["fitted"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as err:
        raise DamagedFile(path.name, str(err)) from err


def _check(model: StackedMastery, arrays: dict[str, NDArray[Any]]) -> None:
    fitted, forest = model.fitted_, model.fitted_.forest
    if not arrays or forest is None:
        return
    if not all(np.isfinite(values).all() for values in arrays.values() if values.dtype.kind == "f"):
        raise ValueError("a number is not finite")
    _check_forest(forest)
    sizes = (len(fitted.tasks) + 1, len(fitted.sets) + 1)
    if (len(arrays["task_ease"]), len(arrays["set_ease"])) != sizes:
        raise ValueError("names and numbers do not fit")


def _check_forest(forest: Forest) -> None:
    width = forest.feature.shape[1]
    shapes = {part.shape for part in (forest.feature, forest.threshold, forest.left, forest.right, forest.value)}
    inside = all(((part >= 0) & (part < width)).all() for part in (forest.left, forest.right))
    if len(shapes) != 1 or not inside or (forest.feature < 0).any() or not 0 < forest.depth <= 64:
        raise ValueError("the trees lead nowhere")
