#@ expect: espressos-tests failed 0
# %% espressos
def espressos(doubles):
    """Shows the result, but returns nothing."""
    print(2 * doubles)
