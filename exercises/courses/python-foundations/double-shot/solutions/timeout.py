#@ expect: espressos-tests timeout 0
# %% espressos
def espressos(doubles):
    while True:
        pass
