#@ expect: days-tests failed 4
# %% days
def days_until_charged(target, gain, loss):
    """Is right as long as the lamp can be charged at all."""
    charge = 0
    day = 0
    while charge < target:
        day += 1
        charge += gain
        if charge >= target:
            break
        charge = max(0, charge - loss)
    return day
