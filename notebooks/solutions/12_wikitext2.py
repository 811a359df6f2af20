"""Answers of lesson 12, keyed by exercise."""


# %% exercise:12-1
def largest_forget_gate(recurrent, inputs, bias, clip):
    """sup of the forget gates: recurrent (d, d), inputs (d, n), bias (d,)."""
    heard = recurrent.abs().sum(1) + clip * inputs.abs().sum(1) + bias
    return float(torch.sigmoid(heard.max()))


# %% exercise:12-2
def chance_of_parting(n):
    """Chance that n and n draws from the same distribution have ranges that do not overlap."""
    return 2 / math.comb(2 * n, n)


# %% exercise:12-3
def overlap(first, second):
    """Whether the ranges of two lists of numbers have a number in common."""
    low = max(min(first), min(second))
    high = min(max(first), max(second))
    return low <= high
