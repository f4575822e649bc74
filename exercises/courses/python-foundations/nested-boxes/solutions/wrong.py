#@ expect: count-tests failed 2
#@ expect: depth-tests failed 2
# %% count
def count_toys(box):
    """Looks only one level down."""
    toys = 0
    for thing in box:
        if isinstance(thing, list):
            toys += len(thing)
        else:
            toys += 1
    return toys
# %% depth
def depth(box):
    """Adds up boxes that lie side by side."""
    return 1 + sum(depth(thing) for thing in box if isinstance(thing, list))
