#@ expect: tides-tests passed 4
#@ expect: batches-tests passed 5
# %% tides
from itertools import count, islice


def high_tides(first):
    """Yield the minutes of all high tides, without end."""
    yield from count(first, 745)
# %% batches
def batches(items, size):
    """Yield lists of `size` items each; the last one may be shorter."""
    supply = iter(items)
    while batch := list(islice(supply, size)):
        yield batch
