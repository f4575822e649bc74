#@ expect: days-tests passed 6
# %% days
def days_until_charged(target, gain, loss):
    """Return the day on which the charge reaches the target, or None if it never does."""
    charge, day, morning = 0, 0, -1
    while charge < target:
        if charge == morning:
            return None
        morning = charge
        day += 1
        charge += gain
        if charge < target:
            charge = max(0, charge - loss)
    return day
