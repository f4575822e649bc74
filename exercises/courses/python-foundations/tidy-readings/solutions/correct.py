#@ expect: celsius-tests passed 4
#@ expect: warm-tests passed 3
# %% celsius
def celsius(readings):
    """Return the readings as numbers, without the missing ones."""
    return [float(text.replace("C", "")) for text in readings if text.endswith("C")]
# %% warm
def warm_rooms(temperatures, limit):
    """Return the rooms that have the limit or more, with names in capitals."""
    warm = {}
    for room in temperatures:
        if not temperatures[room] < limit:
            warm[room.upper()] = temperatures[room]
    return warm
