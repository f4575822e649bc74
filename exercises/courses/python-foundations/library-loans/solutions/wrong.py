#@ expect: town-tests failed 2
#@ expect: out-tests failed 2
# %% town
def mean_days_by_town(loans, members):
    """Counts a book that is still out as a loan of 0 days."""
    table = loans.fillna({"days": 0}).merge(members, on="member")
    return table.groupby("town")["days"].mean()
# %% out
def still_reading(loans, members):
    """Names a member once for each book."""
    out = loans[loans["days"].isna()].merge(members, on="member")
    return sorted(out["name"])
