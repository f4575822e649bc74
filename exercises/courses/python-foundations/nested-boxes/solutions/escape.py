#@ expect: count-tests crashed 0
#@ expect: depth-tests passed 4
# %% count
# Reads memory that is not there: the process dies in the middle of a call.
import ctypes


def count_toys(box):
    return ctypes.string_at(0)
# %% depth
def depth(box):
    return 1 + max([depth(thing) for thing in box if isinstance(thing, list)] or [0])
