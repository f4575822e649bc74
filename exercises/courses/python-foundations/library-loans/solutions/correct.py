#@ expect: town-tests passed 6
#@ expect: out-tests passed 4
# %% town
def mean_days_by_town(loans, members):
    """Return the mean days of returned loans for each town."""
    towns = loans["member"].map(members.set_index("member")["town"])
    return loans["days"].groupby(towns).mean().dropna()
# %% out
def still_reading(loans, members):
    """Return the names of members with books out, each name once."""
    numbers = set(loans.loc[loans.days.isnull(), "member"])
    return sorted(name for number, name in zip(members.member, members.name) if number in numbers)
