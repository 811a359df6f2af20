"""Answers of lesson 02, keyed by exercise."""


# %% exercise:02-1
def cell(c, i, f, g, o):
    """The new cell and the new h; i, f, g, o have not passed a sigmoid or tanh yet."""
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return c, torch.sigmoid(o) * torch.tanh(c)


def lstm(inputs, U, W, b):
    """inputs (time, size) -> outputs (time, width)."""
    h = c = torch.zeros(W.shape[1], dtype=inputs.dtype)
    outputs = []
    for x in inputs:
        c, h = cell(c, *(U @ x + W @ h + b).chunk(4))
        outputs.append(h)
    return torch.stack(outputs)


# %% exercise:02-2
def forget_bias_for(steps):
    """The forget bias with which half of a cell is left after so many steps."""
    gate = 0.5 ** (1 / steps)
    return math.log(gate / (1 - gate))


# %% exercise:02-3
def set_forget_bias(layer, bias):
    """Start a torch.nn.LSTM with this forget bias; all its other biases become 0."""
    width = layer.hidden_size
    with torch.no_grad():
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()
        layer.bias_ih_l0[width : 2 * width] = bias
    return layer
