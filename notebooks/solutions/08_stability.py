"""Answers of lesson 08, keyed by exercise."""


# %% exercise:08-1
def shrinkage(W, x, first, second):
    """How much closer two states are after one step on the same input x."""
    apart = torch.tanh(W @ first + x) - torch.tanh(W @ second + x)
    return apart.norm() / (first - second).norm()


# %% exercise:08-2
def transient_peak(W, steps):
    """The t = 0, 1, ..., steps at which the largest stretch of W^t is largest, and that stretch."""
    powers = [torch.linalg.matrix_power(W, t) for t in range(steps + 1)]
    norms = torch.stack([torch.linalg.matrix_norm(power, 2) for power in powers])
    return int(norms.argmax()), float(norms.max())


# %% exercise:08-3
def share_unmerged(ratios, limit):
    """The share of contexts (rows) whose ratio at the last time (column) is still above the limit."""
    return float((ratios[:, -1] > limit).double().mean())
