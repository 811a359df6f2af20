"""Answers of lesson 10, keyed by exercise."""


# %% exercise:10-1
def bound(rate, k, d, drive, lipschitz):
    """The bound on ‖y_t - y_t^k‖; ``drive`` is ‖U‖ B_x + ‖b‖, and rate < 1."""
    M = min(drive / (1 - rate), math.sqrt(d))
    return lipschitz * rate**k * M


# %% exercise:10-2
def context_for(rate, M, lipschitz, accuracy):
    """The theorem's k, at least 0."""
    return max(0, math.ceil(math.log(lipschitz * M / accuracy) / math.log(1 / rate)))


# %% exercise:10-3
def measured_context(errors, accuracy):
    """The smallest k from which on every error is within the accuracy."""
    too_large = [k for k, error in enumerate(errors, start=1) if error > accuracy]
    last = max(too_large, default=0)
    return math.inf if last == len(errors) else last + 1
