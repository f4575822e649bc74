#@ expect: mean-tests passed 4
#@ expect: share-tests timeout 0
# %% mean
def mean_per_tree(harvest):
    return np.mean(harvest, axis=1)
# %% share
def share_of_year(harvest):
    shares = harvest.copy()
    while True:
        shares = shares / shares.sum(axis=0)
