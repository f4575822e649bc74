"""What a fork server may load before a course directory has been read."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from nbcoach_grader.nbgrader_course.preloading import likely, preloaded


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy as np, os\nfrom pandas.api import types", ("numpy", "pandas")),
        ("%matplotlib inline\nimport matplotlib.pyplot as plt", ("matplotlib",)),
        ("def f():\n    import scipy", ("scipy",)),
        ("from . import numpy", ()),
        ("import numpy as", ()),
        ("import a_learners_module", ()),
    ],
)
def test_well_known_libraries_are_loaded(source: str, found: tuple[str, ...]) -> None:
    assert preloaded([source]) == found


def write(path: Path, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)


def test_the_first_master_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "source" / "ps1" / "a.ipynb", "import numpy")
    write(tmp_path / "source" / "ps1" / "b.ipynb", "import pandas")
    write(tmp_path / "source" / "ps2" / "a.ipynb", "import sympy")
    assert [likely(tmp_path, name) for name in (None, "ps1", "ps2", "ps3")] == [("numpy",), ("numpy",), ("sympy",), ()]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"cells": 3}', '{"cells": [3]}', '{"cells": [{}]}', "[" * 10**5])
def test_what_cannot_be_read_is_no_guess(tmp_path: Path, text: str) -> None:
    (tmp_path / "source" / "ps1").mkdir(parents=True)
    (tmp_path / "source" / "ps1" / "a.ipynb").write_text(text)
    assert likely(tmp_path, None) == ()
