#@ expect: ticket-price-tests timeout 0
# %% ticket-price
def ticket_price(age, bicycle=False):
    price = 0
    while price < 9:
        pass
    return price
