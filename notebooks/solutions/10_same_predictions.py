"""Answers of lesson 10, keyed by exercise."""


# %% exercise:10-1
def promised(rate, M, lipschitz, accuracy):
    """The smallest k >= 0 for which the bound is at most the accuracy."""
    return max(0, math.ceil(math.log(lipschitz * M / accuracy) / math.log(1 / rate)))


# %% exercise:10-2
def two_errors(w, gain):
    """The 2 x 2 matrix of one step; w = ‖W‖ of either layer."""
    return torch.tensor([[w, 0.0], [gain * w, w]])


# %% exercise:10-3
def measured_context(errors, accuracy):
    """The smallest k from which on every error is within the accuracy."""
    too_large = [k for k, error in enumerate(errors, start=1) if error > accuracy]
    last = max(too_large, default=0)
    return math.inf if last == len(errors) else last + 1
