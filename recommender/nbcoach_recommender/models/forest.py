"""Boosted trees as plain arrays: grown by scikit-learn, asked and stored without it.

A model file must load without pickle, and scikit-learn needs a millisecond for one row. So the
trees of a `HistGradientBoostingClassifier` are copied into arrays, a row for each tree, and all of
them are walked at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tasks import Floats


@dataclass
class Forest:
    """Trees by row: `feature`, `threshold`, `left` and `right` child, and `value` of each node; leaves point home."""

    base: float
    depth: int
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    value: NDArray[np.float64]

    @classmethod
    def grown(cls, features: NDArray[np.float32], right: Floats, *, trees: int, seed: int) -> Forest:
        """Grow trees for rows of features and their outcomes."""
        # Here, not above: a service that only asks starts without scikit-learn.
        from sklearn.ensemble import HistGradientBoostingClassifier

        classifier = HistGradientBoostingClassifier(
            learning_rate=0.06,
            max_iter=trees,
            max_leaf_nodes=31,
            max_depth=7,
            max_features=0.3,
            min_samples_leaf=60,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=seed,
        ).fit(features, right)
        return cls._copied(classifier)

    @classmethod
    def _copied(cls, classifier: Any) -> Forest:
        trees = [predictor.nodes for (predictor,) in classifier._predictors]
        shape = (len(trees), max(len(nodes) for nodes in trees))
        forest = cls(
            float(classifier._baseline_prediction.ravel()[0]),
            max(int(nodes["depth"].max()) for nodes in trees),
            *(np.zeros(shape, kind) for kind in (np.int16, np.float64, np.int16, np.int16, np.float64)),
        )
        for row, nodes in enumerate(trees):
            size, leaf, own = len(nodes), nodes["is_leaf"] == 1, np.arange(len(nodes))
            forest.feature[row, :size] = nodes["feature_idx"]
            forest.threshold[row, :size] = nodes["num_threshold"]
            forest.left[row, :size] = np.where(leaf, own, nodes["left"])
            forest.right[row, :size] = np.where(leaf, own, nodes["right"])
            forest.value[row, :size] = nodes["value"]
        return forest

    def score(self, features: NDArray[np.float32]) -> Floats:
        """Return the logit of success for each row of features."""
        trees = len(self.feature)
        if not hasattr(self, "_flat"):
            self._prepare()
        width = self.feature.shape[1]
        rows = np.arange(len(features))[:, None]
        node = np.broadcast_to(np.arange(trees) * width, (len(features), trees))
        feature, threshold, child, value = self._flat
        size = features.shape[1]
        flat = np.ascontiguousarray(features, np.float64).ravel()
        offset = rows * size
        for _ in range(self.depth):
            above = flat.take(offset + feature.take(node)) > threshold.take(node)
            node = child.take(2 * node + above)
        found: Floats = self.base + value.take(node).sum(axis=1)
        return found

    def _prepare(self) -> None:
        start = (np.arange(len(self.feature)) * self.feature.shape[1])[:, None]
        child = np.stack([self.left + start, self.right + start], axis=2)
        self._flat = (
            self.feature.ravel().astype(np.intp),
            self.threshold.ravel(),
            child.ravel().astype(np.intp),
            self.value.ravel(),
        )
