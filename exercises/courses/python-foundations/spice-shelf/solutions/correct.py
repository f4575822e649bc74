#@ expect: restock-tests passed 5
#@ expect: low-tests passed 4
# %% restock
from collections import Counter


def restock(shelf, delivery):
    """Return the contents of the shelf after a delivery."""
    stock = Counter(shelf)
    stock.update(delivery)
    return dict(stock)
# %% low
def running_low(shelf, limit):
    """Return the spices below the limit, the smallest amount first."""
    names = [spice for spice in sorted(shelf) if shelf[spice] < limit]
    return sorted(names, key=shelf.get)
