"""Configuration of the documentation: `make docs` builds it into `docs/_build`."""

from __future__ import annotations

import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]

project = "nbcoach"
author = "The nbcoach developers"
copyright = author  # noqa: A001 - the name that Sphinx reads
version = release = _PROJECT["version"]

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
root_doc = "index"
language = "en"
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

html_theme = "pydata_sphinx_theme"
html_title = f"nbcoach {version}"
html_theme_options = {"show_prev_next": True, "navigation_with_keys": False, "show_toc_level": 2}
html_copy_source = False
html_show_sourcelink = False
