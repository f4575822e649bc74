#@ expect: tides-tests failed 0
#@ expect: batches-tests failed 2
# %% tides
def high_tides(first):
    """Adds before the first tide was handed out."""
    minute = first
    while True:
        minute += 745
        yield minute
# %% batches
def batches(items, size):
    """Forgets what is left at the end."""
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
