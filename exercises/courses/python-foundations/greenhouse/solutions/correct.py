#@ expect: advice-tests passed 5
#@ expect: comfortable-tests passed 2
# %% advice
def advice(temperature, humidity):
    """Return "heat", "vent", "mist" or "rest"."""
    if 12 <= temperature <= 28:
        return "rest" if humidity >= 40 else "mist"
    elif temperature < 12:
        return "heat"
    else:
        return "vent"
# %% comfortable
def is_comfortable(temperature, humidity):
    """Return True when the greenhouse can rest."""
    return 12 <= temperature <= 28 and humidity >= 40
