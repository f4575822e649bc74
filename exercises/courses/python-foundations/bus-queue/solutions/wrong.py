#@ expect: board-tests failed 1
#@ expect: merge-tests failed 1
# %% board
def board(queue, seats):
    """Gives the local name a new list, and leaves the caller's list as it was."""
    on_board = queue[:seats]
    queue = queue[seats:]
    return on_board
# %% merge
def take_turns(left, right):
    """Stops with the shorter queue."""
    order = []
    for one, other in zip(left, right):
        order += [one, other]
    return order
