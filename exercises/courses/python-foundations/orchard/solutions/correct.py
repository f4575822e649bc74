#@ expect: mean-tests passed 4
#@ expect: share-tests passed 4
# %% mean
def mean_per_tree(harvest):
    """Return the mean harvest of each tree."""
    trees, years = harvest.shape
    return harvest.sum(axis=1) / years
# %% share
def share_of_year(harvest):
    """Return each tree's part of the harvest of each year."""
    return np.array([year / year.sum() for year in harvest.T]).T
