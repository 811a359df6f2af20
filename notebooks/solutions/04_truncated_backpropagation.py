"""Answers of lesson 04, keyed by exercise."""


# %% exercise:04-1
def chunked_reach(t, k):
    """The positions from the beginning of t's chunk up to t."""
    return range(t - t % k, t + 1)


# %% exercise:04-2
from lessons_lib.models import detach_state


def chunked_step(model, inputs, targets, state, k):
    """Gradients of the mean loss over (batch, steps), cut after every k; gives back the state to carry on."""
    steps = inputs.shape[1]
    for first in range(0, steps, k):
        chunk = slice(first, min(first + k, steps))
        state = detach_state(state)
        features, state = model(inputs[:, chunk], state)
        loss = model.loss(features, targets[:, chunk])
        (loss * ((chunk.stop - chunk.start) / steps)).backward()
    return state


# %% exercise:04-3
import math


def optimal_loss(lags, flips, k):
    """H_k in nats: bit j repeats what it was lags[j] tokens before, flipped with probability flips[j]."""
    total = 0.0
    for lag, e in zip(lags, flips, strict=True):
        total += (
            -e * math.log(e) - (1 - e) * math.log(1 - e) if lag <= k else math.log(2)
        )
    return total
