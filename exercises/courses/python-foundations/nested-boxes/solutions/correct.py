#@ expect: count-tests passed 4
#@ expect: depth-tests passed 4
# %% count
def count_toys(box):
    """Return the number of toys in a box, however deep they lie."""
    if not isinstance(box, list):
        return 1
    return sum(count_toys(thing) for thing in box)
# %% depth
def depth(box):
    """Return how many boxes lie inside one another at the deepest place."""
    return 1 + max((depth(thing) for thing in box if isinstance(thing, list)), default=0)
