#@ expect: advice-tests failed 4
#@ expect: comfortable-tests failed 0
# %% advice
def advice(temperature, humidity):
    """Asks for the humidity first."""
    if humidity < 40:
        return "mist"
    if temperature < 12:
        return "heat"
    if temperature > 28:
        return "vent"
    return "rest"
# %% comfortable
def is_comfortable(temperature, humidity):
    """Returns a word where True or False is wanted."""
    return str(advice(temperature, humidity) == "rest")
