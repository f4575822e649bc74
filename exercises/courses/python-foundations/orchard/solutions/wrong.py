#@ expect: mean-tests failed 0
#@ expect: share-tests failed 0
# %% mean
def mean_per_tree(harvest):
    """Takes the mean of each year instead."""
    return harvest.mean(axis=0)
# %% share
def share_of_year(harvest):
    """Divides by the harvest of all years together."""
    return harvest / harvest.sum()
