"""How often each context ends well, beyond what abilities and ease say.

A context's value is one Newton step from the chance that was expected: the sum of surprises in it
over their variance plus a prior, so a context seen twice says little and one seen often says what
it is. Values and weights are looked up by the hash that names the context.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .tasks import Floats, Ints

_PRIOR = 0.8
_LEAST = 1


@dataclass
class ContextTable:
    """Contexts by rising key, with value and weight."""

    keys: Ints
    values: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def fitted(cls, contexts: Ints, surprises: Floats, variances: Floats) -> ContextTable:
        """Fit to answers: `contexts` has a row for each, with the key of each of its contexts."""
        keys, values, weights = [], [], []
        for column in contexts.T:
            found, place, count = np.unique(column, return_inverse=True, return_counts=True)
            weight = np.bincount(place, variances, len(found))
            value = np.bincount(place, surprises, len(found)) / (weight + _PRIOR)
            # One answer alone is forgotten: it makes most of the table and tells next to nothing.
            kept = count >= _LEAST
            keys.append(found[kept])
            values.append(value[kept])
            weights.append(np.log1p(weight[kept]))
        order = np.argsort(joined := np.concatenate(keys), kind="stable")
        return cls(
            joined[order],
            np.concatenate(values)[order].astype(np.float32),
            np.concatenate(weights)[order].astype(np.float32),
        )

    def features(self, contexts: Ints) -> NDArray[np.float32]:
        """Return values and then weights, a row for each row of keys; zeros for what was never seen."""
        if not len(self.keys):
            return np.zeros((len(contexts), 2 * contexts.shape[1]), np.float32)
        place = np.minimum(np.searchsorted(self.keys, contexts), len(self.keys) - 1)
        known = self.keys[place] == contexts
        return np.hstack([np.where(known, self.values[place], 0), np.where(known, self.weights[place], 0)])
