#@ expect: swap-tests failed 1
#@ expect: rare-tests failed 2
# %% swap
def swap(mine, yours):
    """Takes what is different on either side, for both."""
    different = set(mine) ^ set(yours)
    return different, different
# %% rare
def rare(gardens):
    """Lets a third gardener bring a seed back."""
    result = set()
    for seeds in gardens.values():
        result ^= seeds
    return result
