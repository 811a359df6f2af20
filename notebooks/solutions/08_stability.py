"""Answers of lesson 08, keyed by exercise."""


# %% exercise:08-1
def worst_direction(W):
    """The direction that W stretches most: a unit vector, (d,)."""
    # torch.linalg.svd(W) gives left, values, right with left @ diag(values) @ right = W
    return torch.linalg.svd(W)[2][0]


# %% exercise:08-2
def jacobian(W, h):
    """The slopes of one step, (d, d); h is the state after it."""
    return torch.diag(1 - h**2) @ W


# %% exercise:08-3
def parts_first(radius, growth):
    """2 x 2, of this spectral radius, with a power that stretches `growth`-fold."""
    return torch.tensor([[radius, growth], [0.0, radius]])
