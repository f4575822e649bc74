#@ expect: days-tests timeout 0
# %% days
def days_until_charged(target, gain, loss):
    """Never notices that the lamp is charged."""
    charge = 0
    day = 0
    while charge != target + 0.5:
        day += 1
        charge += gain - loss
    return day
