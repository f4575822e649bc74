#@ expect: jar-tests passed 8
# %% jar
from dataclasses import dataclass


@dataclass
class Jar:
    """A jar for water."""

    capacity: int
    amount: int = 0

    def fill(self, litres):
        """Pour water in; return how much of it ran over."""
        self.amount += litres
        over = max(0, self.amount - self.capacity)
        self.amount -= over
        return over

    def pour_into(self, other):
        """Pour as much as possible into another jar."""
        moved = min(self.amount, other.capacity - other.amount)
        self.amount -= moved
        other.amount += moved

    def __str__(self):
        return str(self.amount) + "/" + str(self.capacity) + " l"
