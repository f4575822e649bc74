"""Run the recommender service: `python -m nbcoach_recommender`."""

from __future__ import annotations

from .app import Recommender

if __name__ == "__main__":
    Recommender.launch()
