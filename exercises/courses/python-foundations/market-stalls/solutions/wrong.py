#@ expect: stall-tests failed 0
#@ expect: day-tests failed 2
# %% stall
def revenue_by_stall(sales):
    """Adds up units and forgets the price."""
    return sales.groupby("stall")["units"].sum().sort_values(ascending=False)
# %% day
def best_day(sales):
    """Looks for the largest single sale."""
    revenue = sales["units"] * sales["price"]
    return sales.loc[revenue.idxmax(), "day"]
