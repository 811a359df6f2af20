"""Checks of lesson 02's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake

Gates = tuple[Tensor, Tensor, Tensor, Tensor]


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@exercise("PyTorch's own LSTM says the same, on both of the sizes tried.")
def lstm(answer: Callable[..., Tensor]) -> str | None:
    """c' = f c + i g, h' = o tanh(c'), over a sequence, against torch.nn.LSTM."""
    for size, width in ((3, 4), (2, 6)):
        theirs: Any = torch.nn.LSTM(size, width, batch_first=True).double()
        for seed, parameter in enumerate(theirs.parameters()):
            parameter.data.copy_(_random(*parameter.shape, seed=seed))
        inputs = _random(5, size, seed=9)
        inward, recurrent = theirs.weight_ih_l0.detach(), theirs.weight_hh_l0.detach()
        bias = (theirs.bias_ih_l0 + theirs.bias_hh_l0).detach()
        right = theirs(inputs[None])[0][0].detach()

        def looped(
            cell: Callable[[Tensor, Gates], Tensor],
            show: Callable[[Tensor, Tensor], Tensor] = lambda c, o: o * torch.tanh(c),
            *,
            data: tuple[Tensor, Tensor, Tensor, Tensor] = (inputs, inward, recurrent, bias),
        ) -> Tensor:
            x, inward, recurrent, bias = data
            h = c = torch.zeros(recurrent.shape[1], dtype=torch.float64)
            outputs = []
            for t in range(len(x)):
                raw = (inward @ x[t] + recurrent @ h + bias).chunk(4)
                gates = (torch.sigmoid(raw[0]), torch.sigmoid(raw[1]), torch.tanh(raw[2]), torch.sigmoid(raw[3]))
                c = cell(c, gates)
                h = show(c, gates[3])
                outputs.append(h)
            return torch.stack(outputs)

        def whole(c: Tensor, gates: Gates) -> Tensor:
            i, f, g, _ = gates
            return f * c + i * g

        wrong = {
            "the two gates are swapped: f keeps the old cell, i lets the candidate in": looped(
                lambda c, gates: gates[0] * c + gates[1] * gates[2]
            ),
            "the cell is kept whole: the forget gate f multiplies it": looped(lambda c, gates: c + gates[0] * gates[2]),
            "the candidate enters whole: the input gate i multiplies it": looped(
                lambda c, gates: gates[1] * c + gates[2]
            ),
            "the candidate is let in by i, not by o": looped(lambda c, gates: gates[1] * c + gates[3] * gates[2]),
            "the output gate o acts on what is shown, not on what is kept": looped(
                lambda c, gates: gates[3] * c + gates[0] * gates[2]
            ),
            "here the gates are independent: i is a gate of its own, not 1 - f": looped(
                lambda c, gates: gates[1] * c + (1 - gates[1]) * gates[2]
            ),
            "the new cell is right; on its way to h it passes through tanh": looped(whole, lambda c, o: o * c),
            "the new cell is right; the output gate o multiplies what is shown": looped(
                whole, lambda c, o: torch.tanh(c)
            ),
        }
        given = answer(inputs, inward, recurrent, bias)
        case = f"for {size} inputs and {width} units"
        if mistake := named_mistake(given, right, wrong, named=f"{case}, {{}}", unnamed=f"{case}, {{}}"):
            return mistake
    return None


@exercise("Each further doubling of the half-life adds about ln 2 = 0.7 to the bias.")
def forget_bias_for(answer: Callable[[float], float]) -> str | None:
    """logit of 2^(-1 / steps)."""
    for steps in (14.0, 1.0, 100.0):
        given = float(answer(steps))
        gate = 0.5 ** (1 / steps)
        right = math.log(gate / (1 - gate))
        case = f"for a half-life of {steps:g} steps you give {given:.3g}"
        slower = math.exp(-1 / steps)
        wrong = {
            "that is the gate; asked is the bias whose sigmoid it is": gate,
            "after that many steps 1/e is left, not one half": math.log(slower / (1 - slower)),
            "the sign is the wrong way round: a larger bias keeps more": -right,
            "the gate is a sigmoid, not a tanh: undo a sigmoid": math.atanh(gate),
            "that is 1 - 1/steps as the gate, which leaves 1/e rather than one half": math.log(steps - 1)
            if steps > 1
            else math.nan,
        }
        if mistake := named_mistake(given, right, wrong, 1e-4, named=f"{case}: {{}}", unnamed=f"{case}: {{}}"):
            return mistake
    return None


@exercise("Two bugs, neither of which raises an error: only a measurement finds them.")
def set_forget_bias(answer: Callable[[torch.nn.LSTM, float], object]) -> str | None:
    """The sum of both biases is ``bias`` in the forget block, the second of four, and 0 elsewhere."""
    for width, bias in ((4, 3.0), (7, 1.5)):
        layer: Any = torch.nn.LSTM(2, width)
        with torch.no_grad():
            layer.bias_ih_l0.fill_(0.25)
            layer.bias_hh_l0.fill_(0.25)
            answer(layer, bias)
            blocks = (layer.bias_ih_l0 + layer.bias_hh_l0).unflatten(0, (4, width)).double()
        found, wanted = blocks.mean(1), torch.tensor([0.0, bias, 0.0, 0.0], dtype=torch.float64)
        if mismatch(found, torch.tensor([0.0, 0.0, 0.0, 2 * bias])) is None:
            raise NotImplementedError  # as it was handed out
        if mismatch(blocks, wanted[:, None].expand(4, width)) is None:
            continue
        case = f"for {width} units and bias {bias:g} the blocks i, f, g, o get {[round(v, 2) for v in found.tolist()]}"
        wrong = {
            "the right block, twice the bias: PyTorch adds its two biases up": 2 * wanted,
            "the right size, in the output gate's block: the order is i, f, g, o": wanted.roll(2),
            "that is the input gate's block: the order is i, f, g, o": wanted.roll(-1),
            "that is the candidate's block: the order is i, f, g, o": wanted.roll(1),
            "something of the old biases is left": wanted + torch.tensor([0.5, 0.25, 0.5, 0.5]),
        }
        if mistake := named_mistake(found, wanted, wrong, named=f"{case}: {{}}", unnamed=f"{case}: {{}}"):
            return mistake
        return f"{case}: within a block they differ"
    return None
