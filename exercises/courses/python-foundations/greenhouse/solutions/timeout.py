#@ expect: advice-tests timeout 0
#@ expect: comfortable-tests passed 2
# %% advice
def advice(temperature, humidity):
    while temperature != "perfect":
        pass
# %% comfortable
def is_comfortable(temperature, humidity):
    return 12 <= temperature <= 28 and humidity >= 40
