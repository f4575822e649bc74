#@ expect: espressos-tests passed 3
# %% espressos
def espressos(doubles):
    """Return how many espressos are needed for a number of double shots."""
    return doubles + doubles
