#@ expect: line-tests failed 3
#@ expect: two-tests failed 2
# %% line
def rain_chart(months, rain, title):
    """Mixes up the names of the axes."""
    fig, ax = plt.subplots()
    ax.plot(months, rain)
    ax.set_title(title)
    ax.set_xlabel("rain (mm)")
    ax.set_ylabel("month")
    return ax
# %% two
def compare_chart(months, towns):
    """Has no legend."""
    fig, ax = plt.subplots()
    for rain in towns.values():
        ax.plot(months, rain)
    return ax
