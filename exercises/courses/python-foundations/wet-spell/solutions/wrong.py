#@ expect: spell-tests failed 5
# %% spell
def longest_wet_spell(millimetres):
    """Forgets a spell that is still going on when the list ends."""
    longest = 0
    current = 0
    for amount in millimetres:
        if amount > 0:
            current += 1
        else:
            if current > longest:
                longest = current
            current = 0
    return longest
