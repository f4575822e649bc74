#@ expect: restock-tests passed 5
#@ expect: low-tests timeout 0
# %% restock
def restock(shelf, delivery):
    names = list(shelf) + [name for name in delivery if name not in shelf]
    return {name: shelf.get(name, 0) + delivery.get(name, 0) for name in names}
# %% low
def running_low(shelf, limit):
    low = []
    while True:
        smallest = min(shelf, key=shelf.get, default=None)
        if smallest is None:
            return low
