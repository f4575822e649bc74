"""Run the grader service: `python -m nbcoach_grader`."""

from __future__ import annotations

from .app import Grader

if __name__ == "__main__":
    Grader.launch()
