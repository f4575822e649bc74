#@ expect: stall-tests passed 6
#@ expect: day-tests passed 4
# %% stall
def revenue_by_stall(sales):
    """Return the revenue of each stall, the largest first."""
    with_revenue = sales.assign(revenue=sales.units * sales.price)
    sums = with_revenue.groupby("stall")["revenue"].sum()
    return sums.sort_values()[::-1]
# %% day
def best_day(sales):
    """Return the day with the largest revenue."""
    by_day = {}
    for row in sales.itertuples():
        by_day[row.day] = by_day.get(row.day, 0) + row.units * row.price
    return max(by_day, key=by_day.get)
