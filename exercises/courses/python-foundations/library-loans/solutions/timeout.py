#@ expect: town-tests passed 6
#@ expect: out-tests timeout 0
# %% town
def mean_days_by_town(loans, members):
    returned = loans[loans["days"].notna()].merge(members, on="member")
    return returned.groupby("town")["days"].mean()
# %% out
def still_reading(loans, members):
    names = []
    while len(names) == 0 or names[-1] != "the last one":
        names = list(members["name"])
    return names
