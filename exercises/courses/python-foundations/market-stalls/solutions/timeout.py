#@ expect: stall-tests timeout 0
#@ expect: day-tests passed 4
# %% stall
def revenue_by_stall(sales):
    rest = sales.copy()
    while len(rest) > 0:
        rest = sales.copy()
    return rest
# %% day
def best_day(sales):
    revenue = sales["units"] * sales["price"]
    return revenue.groupby(sales["day"]).sum().sort_values().index[-1]
