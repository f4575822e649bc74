#@ expect: swap-tests passed 4
#@ expect: rare-tests passed 4
# %% swap
def swap(mine, yours):
    """Return a pair of sets: what I can give, and what you can give."""
    give = {seed for seed in mine if seed not in yours}
    take = set(yours).difference(mine)
    return (give, take)
# %% rare
def rare(gardens):
    """Return the seeds that exactly one gardener grows."""
    growers = {}
    for seeds in gardens.values():
        for seed in seeds:
            growers[seed] = growers.get(seed, 0) + 1
    return {seed for seed, number in growers.items() if number == 1}
