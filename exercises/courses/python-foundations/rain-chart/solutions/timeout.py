#@ expect: line-tests passed 5
#@ expect: two-tests timeout 0
# %% line
def rain_chart(months, rain, title):
    fig, ax = plt.subplots()
    ax.plot(months, rain)
    ax.set_title(title)
    ax.set_xlabel("month")
    ax.set_ylabel("rain (mm)")
    return ax
# %% two
def compare_chart(months, towns):
    fig, ax = plt.subplots()
    while not ax.lines:
        ax.set_title("soon")
    return ax
