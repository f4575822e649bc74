#@ expect: jar-tests failed 5
# %% jar
class Jar:
    """Spills water when it is poured, and cannot be compared."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.amount = 0

    def fill(self, litres):
        taken = min(litres, self.capacity - self.amount)
        self.amount += taken
        return litres - taken

    def pour_into(self, other):
        other.fill(self.amount)
        self.amount = 0

    def __str__(self):
        return f"{self.amount}/{self.capacity} l"
