#@ expect: family-price-tests passed 1
#@ expect: birthday-price-tests passed 1
#@ expect: branches-tests passed 1
#@ expect: ticket-price-tests timeout 0
# %% family-price
family_price = 17
# %% birthday-price
birthday_price = "5"
# %% branches
branches = ["if age < 4: it is free", "elif age < 16: it costs 5"]
branches.append("else: it costs 9")
# %% ticket-price
def ticket_price(age, bicycle=False):
    price = 0
    while price < 9:
        pass
    return price
