"""Answers of lesson 03, keyed by exercise."""


# %% exercise:03-1
def dilated_convolution(x, weights, dilation):
    """A list as long as x; weights[0] meets the newest input."""
    zeros = [0.0] * ((len(weights) - 1) * dilation)
    padded = zeros + x
    y = []
    for t in range(len(x)):
        terms = [
            w * padded[t + len(zeros) - j * dilation] for j, w in enumerate(weights)
        ]
        y.append(sum(terms))
    return y


# %% exercise:03-2
def receptive_field(kernel, dilations):
    """How many inputs lie in reach, from the oldest to the newest."""
    return 1 + sum((kernel - 1) * d for d in dilations)


# %% exercise:03-3
def dilations_without_holes(kernels):
    """One dilation a layer, the lowest layer first."""
    dilations, covered = [], 1
    for kernel in kernels:
        dilations.append(covered)  # skip what the layers below cover
        covered *= kernel
    return dilations


# %% exercise:03-4
def layers_needed(context, kernel):
    """The smallest number of layers, 1 at least."""
    layers = 1
    while 1 + (kernel - 1) * (2**layers - 1) < context:
        layers += 1
    return layers
