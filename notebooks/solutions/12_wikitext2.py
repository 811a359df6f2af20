"""Answers of lesson 12, keyed by exercise."""


# %% exercise:12-1
def stream_perplexity(log_p, tokens):
    """log_p[a, b] = ln p(b after a); tokens: (N,)."""
    loss = -log_p[tokens[:-1], tokens[1:]].sum()
    return float(torch.exp(loss / (len(tokens) - 1)))


# %% exercise:12-2
def overlap(first, second):
    """Whether the ranges of two lists of numbers have a number in common."""
    low = max(min(first), min(second))
    high = min(max(first), max(second))
    return low <= high


# %% exercise:12-3
def chance_of_parting(n):
    """Chance that n and n draws from the same distribution have ranges that do not overlap."""
    return 2 / math.comb(2 * n, n)
