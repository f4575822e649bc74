#@ expect: board-tests passed 4
#@ expect: merge-tests passed 4
# %% board
def board(queue, seats):
    """Take the first people out of the queue and return them."""
    return [queue.pop(0) for _ in range(min(seats, len(queue)))]
# %% merge
def take_turns(left, right):
    """Return the people of both queues in turns, starting on the left."""
    order = []
    for pair in zip(left, right):
        order.extend(pair)
    shorter = min(len(left), len(right))
    return order + left[shorter:] + right[shorter:]
