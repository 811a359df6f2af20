"""Answers of lesson 03, keyed by exercise."""


# %% exercise:03-1
def receptive_field(kernel, dilations):
    """How many inputs the output of the stack depends on, from the oldest to its own."""
    return 1 + sum((kernel - 1) * d for d in dilations)


# %% exercise:03-2
def dilated_convolution(x, weights, dilation):
    """A list as long as x: y[t] = sum of weights[j] * x[t - j * dilation]."""
    zeros = [0.0] * ((len(weights) - 1) * dilation)
    padded = zeros + x
    return [
        sum(w * padded[len(zeros) + t - j * dilation] for j, w in enumerate(weights))
        for t in range(len(x))
    ]


# %% exercise:03-3
def layers_needed(context, kernel):
    """The smallest number of layers, 1 at least."""
    layers = 1
    while 1 + (kernel - 1) * (2**layers - 1) < context:
        layers += 1
    return layers
