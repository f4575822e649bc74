#@ expect: celsius-tests failed 1
#@ expect: warm-tests failed 2
# %% celsius
def celsius(readings):
    """Turns missing readings into zeros."""
    return [0.0 if reading == "--" else float(reading[:-1]) for reading in readings]
# %% warm
def warm_rooms(temperatures, limit):
    """Leaves the limit itself out."""
    return {room.upper(): value for room, value in temperatures.items() if value > limit}
