#@ expect: count-tests passed 4
#@ expect: depth-tests timeout 0
# %% count
def count_toys(box):
    return sum(count_toys(thing) if isinstance(thing, list) else 1 for thing in box)
# %% depth
def depth(box):
    level = 0
    while isinstance(box, list):
        level += 1
        box = [box]
        level = 0
    return level
