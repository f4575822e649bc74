#@ expect: spell-tests passed 6
# %% spell
from itertools import groupby


def longest_wet_spell(millimetres):
    """Return the length of the longest run of days with rain."""
    spells = [len(list(days)) for wet, days in groupby(millimetres, lambda amount: amount > 0) if wet]
    return max(spells, default=0)
