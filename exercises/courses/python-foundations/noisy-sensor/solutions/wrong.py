#@ expect: smooth-tests failed 0
#@ expect: repair-tests failed 4
# %% smooth
def smooth(values, width):
    """Counts incomplete windows at the ends as well."""
    return np.convolve(values, np.ones(width) / width)
# %% repair
def repair(values, limit):
    """Notices spikes upwards only."""
    median = np.median(values)
    return np.where(values - median > limit, median, values)
