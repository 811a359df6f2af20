"""What an output depends on, found by trying: change one input, or ask the gradient."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lessons_lib.stability.probes import probing

NOTHING = 1e-12  # in float64; a kernel may round two equal rows of a batch differently


@torch.no_grad()
def influence(model: nn.Module, inputs: Tensor, change: float = 1.0) -> Tensor:
    """How far each output moves when one input moves: change every input in turn, and read all outputs.

    Row s, column t: ‖y_t' - y_t‖_2 when ``change`` (a distance) was added to x_s, averaged over the sequences.
    Below the diagonal an input would move an earlier output.  Column t read upwards from the diagonal is the
    influence on y_t of the inputs 0, 1, 2, ... steps before it.

    Args:
        model: ``forward(inputs, state=None) -> (outputs, state)``, batch first.
        inputs: (batch, time, size) vectors.
        change: how far the input moves, in all sequences: along (1, ..., 1), or where the model holds a layer
            normalisation, which would take just that away, along (cos 0, cos 1, cos 2, ...).

    Returns:
        (time, time), with the type of the inputs.

    Raises:
        ValueError: for tokens, which cannot be moved a little: pass their embeddings.
    """
    if not inputs.is_floating_point() or inputs.dim() != 3:
        raise ValueError("influence moves vectors (batch, time, size): embed tokens first")
    batch, time, size = inputs.shape
    normalised = any(isinstance(module, nn.LayerNorm) for module in model.modules())
    direction = _cosines(inputs) if normalised else torch.ones_like(inputs[0, 0])
    moved = inputs.expand(time, batch, time, size).clone()
    moved[range(time), :, range(time)] += change / direction.norm() * direction
    with probing(model):
        before = model(inputs)[0]
        after = model(moved.flatten(0, 1))[0].unflatten(0, (time, batch))
    return (after - before).norm(dim=-1).mean(1)


def input_gradient(model: nn.Module, inputs: Tensor) -> Tensor:
    """The gradient of the last output with respect to each input, by lag: exactly zero where no path leads.

    Entry j is ‖d(v · y_T) / d x_{T-j}‖_2, averaged over the sequences, with v = (cos 0, cos 1, cos 2, ...): the
    plain sum of a normalised output does not depend on anything.

    Args:
        model, inputs: as for :func:`influence`; no gradient is left in the model.

    Returns:
        (time,), lag 0 first.
    """
    with probing(model), torch.enable_grad():
        leaf = inputs.detach().clone().requires_grad_()
        last = model(leaf)[0][:, -1]
        (gradient,) = torch.autograd.grad((last @ _cosines(last)).sum(), leaf)
    return gradient.norm(dim=-1).mean(0).flip(0)


def _cosines(vectors: Tensor) -> Tensor:
    """(cos 0, cos 1, cos 2, ...), as wide as the vectors: a direction that is nobody's own."""
    return torch.arange(vectors.shape[-1], dtype=vectors.dtype, device=vectors.device).cos()


def reach(by_lag: Tensor) -> int:
    """How many inputs count: one more than the largest lag with any influence, 0 where there is none."""
    felt = torch.nonzero(by_lag > NOTHING)
    return int(felt[-1]) + 1 if len(felt) else 0
