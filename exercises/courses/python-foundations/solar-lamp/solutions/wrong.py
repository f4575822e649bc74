#@ expect: days-tests failed 4
# %% days
import math


def days_until_charged(target, gain, loss):
    """Counts the last night, which never comes."""
    if gain <= loss:
        return None
    return math.ceil(target / (gain - loss))
