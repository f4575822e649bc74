#@ expect: board-tests timeout 0
#@ expect: merge-tests passed 4
# %% board
def board(queue, seats):
    on_board = []
    while len(on_board) < seats:
        on_board = queue[:1]
    return on_board
# %% merge
def take_turns(left, right):
    shorter = min(len(left), len(right))
    order = [person for pair in zip(left, right) for person in pair]
    return order + left[shorter:] + right[shorter:]
