#@ expect: jar-tests timeout 4
# %% jar
class Jar:
    def __init__(self, capacity):
        self.capacity = capacity
        self.amount = 0

    def fill(self, litres):
        over = max(0, self.amount + litres - self.capacity)
        self.amount += litres - over
        return over

    def pour_into(self, other):
        while self.amount >= 0:
            pass

    def __str__(self):
        return f"{self.amount}/{self.capacity} l"

    def __eq__(self, other):
        return (self.capacity, self.amount) == (other.capacity, other.amount)
