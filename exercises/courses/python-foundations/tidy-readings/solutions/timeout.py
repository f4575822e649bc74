#@ expect: celsius-tests passed 4
#@ expect: warm-tests timeout 0
# %% celsius
def celsius(readings):
    return [float(reading[:-1]) for reading in readings if reading != "--"]
# %% warm
def warm_rooms(temperatures, limit):
    from itertools import count

    return {room.upper(): 1 for _ in count() for room in temperatures if limit is None}
