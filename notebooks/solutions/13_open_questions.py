"""Answers of lesson 13, keyed by exercise."""


# %% exercise:13-1
def join(a, u, b, v):
    """First h -> a h + u, then h -> b h + v: both numbers of the one step they make."""
    return a * b, b * u + v


# %% exercise:13-3
def repaired(rate, inputs):
    """All states of h_t = rate h_{t-1} + u_t from zero: (T,) -> (T,)."""
    states, span, power = inputs.clone(), 1, rate
    while span < len(states):
        older = power * states[:-span]
        states = torch.cat([states[:span], states[span:] + older])
        # Twice the span is the square of the power, not one factor more.
        span, power = 2 * span, power * power
    return states


# %% exercise:13-2
def turn(bit):
    """λ(x) and b(x) for x = 0 and for x = 1, as two numbers."""
    return (-1, 0) if bit else (1, 0)


# %% exercise:13-4
def told_apart(first, second):
    """Whether the losses of two rows, lists of one number a seed, do not overlap."""
    return max(first) < min(second) or max(second) < min(first)
