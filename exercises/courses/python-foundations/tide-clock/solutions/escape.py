#@ expect: tides-tests passed 4
#@ expect: batches-tests crashed 0
# %% tides
def high_tides(first):
    while True:
        yield first
        first += 745
# %% batches
# Leaves the process as if all had gone well, while a test waits for the first batch.
import os


def batches(items, size):
    yield os._exit(0)
