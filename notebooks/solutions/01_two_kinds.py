"""Answers of lesson 01, keyed by exercise."""


# %% exercise:01-1
@torch.no_grad()
def moved(model, inputs, s):
    """How far each output moves when 1 is added to every entry of x_s: (time,)."""
    changed = inputs.clone()
    changed[:, s] += 1.0
    moves = model(changed)[0] - model(inputs)[0]  # (sequences, time, width)
    return moves.norm(dim=-1).mean(0)


# %% exercise:01-2
def outputs_that_move(s, k, T):
    """The outputs that a change of input s can move: a range of positions below T."""
    return range(s, min(s + k, T))


# %% exercise:01-3
def measured_context(model, inputs):
    """How many inputs back the last output can look, its own input included."""
    last = inputs.shape[1] - 1
    before = model(inputs)[0][:, last]
    farthest = 0
    for s in range(last, -1, -1):
        changed = inputs.clone()
        changed[:, s] += 1.0
        if (model(changed)[0][:, last] - before).abs().max() > 1e-9:
            farthest = last - s + 1
    return farthest
