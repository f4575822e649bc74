#@ expect: smooth-tests timeout 0
#@ expect: repair-tests passed 5
# %% smooth
def smooth(values, width):
    means = []
    start = 0
    while start <= len(values) - width:
        means = [values[start : start + width].mean()]
    return np.array(means)
# %% repair
def repair(values, limit):
    median = np.median(values)
    return np.array([median if abs(value - median) > limit else value for value in values])
