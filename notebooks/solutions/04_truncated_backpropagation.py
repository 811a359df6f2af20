"""Answers of lesson 04, keyed by exercise."""

# %% exercise:04-1
from lessons_lib.models import detach_state


def chunked_step(model, inputs, targets, state, k):
    """Leave the gradients of the mean loss over (batch, time), cut after every k;
    give back the state to carry on."""
    steps = inputs.shape[1]
    chunks = [slice(first, min(first + k, steps)) for first in range(0, steps, k)]
    for chunk in chunks:
        state = detach_state(state)
        features, state = model(inputs[:, chunk], state)
        loss = model.loss(features, targets[:, chunk])  # the mean over this chunk
        (loss * (chunk.stop - chunk.start) / steps).backward()
    return state


# %% exercise:04-2
def delay_line(n):
    """The (n, n) tensor W for which h holds the last n inputs, the newest first."""
    W = torch.zeros(n, n)
    for i in range(1, n):
        W[i, i - 1] = 1.0
    return W


# %% exercise:04-3
def chunked_reach(t, k):
    """The positions from the beginning of t's chunk up to t."""
    return range(t - t % k, t + 1)
