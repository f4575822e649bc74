#@ expect: line-tests passed 5
#@ expect: two-tests passed 4
# %% line
def rain_chart(months, rain, title):
    """Draw the rain of the months and return the axes."""
    ax = plt.figure().add_subplot()
    ax.plot(months, rain, marker="o", color="steelblue")
    ax.set(title=title, xlabel="month", ylabel="rain (mm)")
    return ax
# %% two
def compare_chart(months, towns):
    """Draw a line for each town, with a legend, and return the axes."""
    frame = pd.DataFrame(towns, index=months)
    return frame.plot()
