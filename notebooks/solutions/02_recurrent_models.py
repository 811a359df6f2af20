"""Answers of lesson 02, keyed by exercise."""


# %% exercise:02-1
def rnn_step(h, x, U, W, b):
    """The next state: h (width,), x (size,), U (width, size), W (width, width), b (width,)."""
    return torch.tanh(W @ h + U @ x + b)


# %% exercise:02-2
def lstm_step(h, c, x, U, W, b):
    """The next (h, c), each (width,); U (4 width, size), W (4 width, width), b (4 width,)."""
    i, f, g, o = (U @ x + W @ h + b).chunk(4)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c = f * c + i * g
    return o * torch.tanh(c), c


# %% exercise:02-3
def forget_bias_for(steps):
    """The forget bias with which half of a cell is left after so many steps."""
    gate = 0.5 ** (1 / steps)
    return math.log(gate / (1 - gate))
