#@ expect: smooth-tests passed 5
#@ expect: repair-tests passed 5
# %% smooth
def smooth(values, width):
    """Return the means of all complete windows of the given width."""
    windows = np.lib.stride_tricks.sliding_window_view(values, width)
    return windows.mean(axis=1)
# %% repair
def repair(values, limit):
    """Return a copy in which spikes are replaced by the median."""
    median = np.median(values)
    repaired = values.copy()
    repaired[np.abs(values - median) > limit] = median
    return repaired
