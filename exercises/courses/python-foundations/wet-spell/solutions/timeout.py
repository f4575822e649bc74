#@ expect: spell-tests timeout 0
# %% spell
def longest_wet_spell(millimetres):
    day = 0
    longest = 0
    while day < len(millimetres):
        if millimetres[day] > 0:
            longest += 1
            day += 1
    return longest
