#@ expect: swap-tests timeout 0
#@ expect: rare-tests passed 4
# %% swap
def swap(mine, yours):
    give = set(mine)
    while give & set(yours):
        give |= set(mine)
    return give, set(yours) - give
# %% rare
def rare(gardens):
    every = [seed for seeds in gardens.values() for seed in seeds]
    return {seed for seed in every if every.count(seed) == 1}
