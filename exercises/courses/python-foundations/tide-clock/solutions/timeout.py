#@ expect: tides-tests timeout 0
#@ expect: batches-tests timeout 2
# %% tides
def high_tides(first):
    minute = first
    while True:
        minute += 745
    yield minute
# %% batches
def batches(items, size):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
