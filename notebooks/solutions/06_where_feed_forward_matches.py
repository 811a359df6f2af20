"""Answers of lesson 06, keyed by exercise."""

# %% exercise:06-1
import math


def best_possible(k, lags, symbols):
    """Accuracy and loss (nats) that no model with context k can better; every lag is equally frequent."""
    seen = sum(lag < k for lag in lags) / len(lags)
    accuracy = seen + (1 - seen) * (1 / symbols)
    loss = (1 - seen) * math.log(symbols)
    return accuracy, loss


# %% exercise:06-2
from collections import Counter, defaultdict


def best_accuracy(windows, answers):
    """The largest share of right answers that a function of the window alone can have on these pairs."""
    after = defaultdict(Counter)
    for window, answer in zip(windows, answers, strict=True):
        after[window][answer] += 1
    return sum(counts.most_common(1)[0][1] for counts in after.values()) / len(answers)


# %% exercise:06-3
def layers_needed(lag, kernel_size):
    """The fewest blocks of a TCN that sees the symbol `lag` steps back."""
    layers = 1
    while 1 + 2 * (kernel_size - 1) * (2**layers - 1) < lag + 1:
        layers += 1
    return layers
