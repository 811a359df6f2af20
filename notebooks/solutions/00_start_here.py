"""Answers of lesson 00, keyed by exercise."""


# %% exercise:00-1
def projected(matrix, bound):
    """The nearest matrix with no singular value above the bound."""
    left, values, right = torch.linalg.svd(matrix)
    return left @ values.clamp(max=bound).diag() @ right


# %% exercise:00-2
def smallest_context(rate, size, accuracy):
    """The smallest whole number k >= 0 with size * rate**k <= accuracy, for a rate below 1."""
    k = 0
    while size * rate**k > accuracy:
        k += 1
    return k


# %% exercise:00-3
def truncated_state(W, inputs, k):
    """State of h = tanh(W h + x) from zero, over the last k rows of inputs: (time, d) -> (d,)."""
    h, seen = torch.zeros(len(W), dtype=W.dtype), inputs[-k:]
    for x in seen:
        h = torch.tanh(W @ h + x)
    return h
